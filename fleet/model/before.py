"""The past, as far as the diagnosis of a fleet needs to know it: usual numbers, and what has gone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from fleet.model.frame import Frame
from fleet.model.quantity import Quantity

_READ: Final = (
    Quantity.PROMPT_TOKENS,
    Quantity.REQUESTS,
    Quantity.PREFIX_HIT_RATIO,
    Quantity.ITL_P95,
    Quantity.SPEC_ACCEPTANCE,
)


class Traffic(NamedTuple):
    """Prompts that come to a workload, and the pace of its answers. NaN for what nobody has measured, or not yet often
    enough to call it usual.
    """

    prompt: float = math.nan
    """Tokens of a prompt, in the mean of the requests of a window."""
    prefix_hits: float = math.nan
    """Share of prompt tokens that are found in the prefix cache."""
    itl: float = math.nan
    """Inter-token latency, 95th percentile: seconds."""
    accepted: float = math.nan
    """Share of the tokens of speculative decoding that are accepted."""


class Departed(NamedTuple):
    """Something that has gone, and with it pods of a workload."""

    at: float
    """Unix time at which it was seen to be gone, or was told so."""
    node: str = ""
    """The node that was removed; empty where a pod was put out for one of higher priority."""
    told: str = ""
    """The words of whoever did it; empty for none."""


class Rescaled(NamedTuple):
    """Another number of replicas that an autoscaler came to want."""

    at: float
    """Unix time at which it was seen."""
    size: int


def traffic_in(by_workload: Frame, rows: Sequence[int] | None = None) -> list[Traffic]:
    """The traffic of workloads now: of these rows, or of all."""
    rows = range(len(by_workload.keys)) if rows is None else rows
    tokens, requests, *others = (by_workload.values(rows, quantity) for quantity in _READ)
    prompts = [prompt / of if of > 0 else math.nan for prompt, of in zip(tokens, requests, strict=True)]
    return list(map(Traffic, prompts, *others))
