"""A user's request to an engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Request:
    """One request and how far it has come; times are simulated unix seconds."""

    arrival: float
    prompt: int
    output: int
    max_tokens: int
    prefix: int = -1
    """Number of the shared prefix that the prompt starts with; -1 for none."""
    prefix_tokens: int = 0
    generated: int = 0
    todo: int = 0
    """Tokens of the prompt (and, after a preemption, of the output so far) still to be computed."""
    cached: int = 0
    scheduled: float = -1.0
    """Times at which it was first scheduled and gave its first token; below 0 if it has not."""
    first_token: float = -1.0
    last_token: float = 0.0
    finish_step: int = -1
    preemptions: int = 0
