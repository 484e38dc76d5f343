"""The past as the diagnosis of a fleet uses it: usual numbers, and what was removed."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from fleet.model.frame import Frame
from fleet.model.quantity import Quantity

_READ: Final = (
    Quantity.PROMPT_TOKENS,
    Quantity.REQUESTS,
    Quantity.PREFIX_HIT_RATIO,
    Quantity.ITL_P95,
    Quantity.SPEC_ACCEPTANCE,
    Quantity.RUNNING,
)


class Traffic(NamedTuple):
    """Prompts that a workload receives, and the pace of its answers. NaN for what was not measured, or not often enough
    to call it usual.
    """

    prompt: float = math.nan
    """Tokens of a prompt, in the mean of the requests of a window."""
    prefix_hits: float = math.nan
    """Share of prompt tokens that are found in the prefix cache."""
    itl: float = math.nan
    """Inter-token latency, 95th percentile: seconds."""
    accepted: float = math.nan
    """Share of the tokens of speculative decoding that are accepted."""
    running: float = math.nan
    """Requests that run."""


class Departed(NamedTuple):
    """Something that was removed, and with it pods of a workload."""

    at: float
    """Unix time at which its absence was seen or reported."""
    node: str = ""
    """The node that was removed; empty where a pod was put out for one of higher priority."""
    message: str = ""
    """The message of its eviction or deletion; empty if there is none."""


class Rescaled(NamedTuple):
    """A changed number of replicas that an autoscaler requested."""

    at: float
    """Unix time at which it was seen."""
    size: int


def traffic_of(by_workload: Frame, workload: str) -> Traffic:
    """The traffic of one workload now."""
    tokens, requests, *others = (by_workload.value(workload, quantity) for quantity in _READ)
    return Traffic(tokens / requests if requests > 0 else math.nan, *others)


def traffic_in(by_workload: Frame) -> list[Traffic]:
    """The traffic of all workloads now, by row."""
    return list(map(Traffic, *traffic_columns(by_workload)))


def traffic_columns(by_workload: Frame) -> list[list[float]]:
    """The traffic of all workloads now: a column for each field."""
    rows = range(len(by_workload.keys))
    tokens, requests, *others = (by_workload.values(rows, quantity) for quantity in _READ)
    prompts = [prompt / of if of > 0 else math.nan for prompt, of in zip(tokens, requests, strict=True)]
    return [prompts, *others]
