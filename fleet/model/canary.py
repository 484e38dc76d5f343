"""Answers to the canary: a question for one token that is put to engines, and through gateways, every so often."""

from __future__ import annotations

from enum import StrEnum

from fleet.dataclass import dataclass


class CanaryOutcome(StrEnum):
    """The outcome of one question."""

    ANSWERED = "answered"
    SILENT = "no answer"
    """Nothing came within the time that the question has."""
    FAILED = "failed"
    """The connection failed, or the server says that it has failed (5xx)."""
    REFUSED = "refused"
    """The server rejects the request (4xx, or 503 of a full server), or its certificate is not trusted here: this does
    not tell whether it works.
    """


@dataclass(frozen=True, slots=True)
class CanaryAnswer:
    """The last question at one place."""

    key: str
    """Key of the pod that was queried, or of the workload that was queried through a gateway."""
    at: float
    """Unix time of the question."""
    outcome: CanaryOutcome
    seconds: float | None = None
    """Time to the answer; None without one."""
    said: str = ""
    """The token."""
    problem: str = ""
    """The fault in words, without credentials."""
    failures: int = 0
    """Number of questions in a row, up to this one, without an answer: silent or failed."""
    usual: str = ""
    """The token of its peers of the same revision, where that is another; empty where it is the same, or not known."""
    odd: int = 0
    """Number of answers in a row, up to this one, that differ from theirs."""


@dataclass(frozen=True, slots=True)
class CanaryAnswers:
    """The last answers of all that are asked."""

    direct: tuple[CanaryAnswer, ...] = ()
    """Answers of pods."""
    through: tuple[CanaryAnswer, ...] = ()
    """Answers of workloads, through their gateways."""
