"""The past as the diagnosis of a fleet uses it: usual numbers, and what was removed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from fleet.model.frame import Frame
from fleet.model.quantity import Quantity

TRAFFIC: Final = (
    Quantity.PROMPT_TOKENS,
    Quantity.PREFIX_HIT_RATIO,
    Quantity.ITL_P95,
    Quantity.SPEC_ACCEPTANCE,
    Quantity.RUNNING,
    Quantity.ANSWERS_MEAN,
    Quantity.GENERATION_TOKENS,
    Quantity.REQUESTS_CUT,
    Quantity.REQUESTS_ABORTED,
)
"""Quantities of the fields of Traffic, in order."""
_PER_REQUEST: Final = frozenset(
    {Quantity.PROMPT_TOKENS, Quantity.GENERATION_TOKENS, Quantity.REQUESTS_CUT, Quantity.REQUESTS_ABORTED}
)
"""Rates that are read per finished request."""


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
    answers: float = math.nan
    """Answers that a request asks for (n), in the mean."""
    answer: float = math.nan
    """Tokens of an answer, in the mean of a window."""
    cut: float = math.nan
    """Share of the requests whose answer reached its limit."""
    aborted: float = math.nan
    """Share of the requests that their client gave up."""


class TrafficPoint(NamedTuple):
    """The traffic of all workloads at one moment."""

    at: float
    """Unix time."""
    rows: Mapping[str, int]
    columns: Sequence[Sequence[float]]
    """A column for each field of Traffic."""

    def of(self, workload: str) -> Traffic:
        """The traffic of one workload then."""
        row = self.rows.get(workload)
        return Traffic() if row is None else Traffic(*(column[row] for column in self.columns))


def heading_for(
    now: Traffic, usual: Traffic, at: float, points: Sequence[TrafficPoint], workload: str, window: float
) -> Traffic:
    """Return the traffic that a workload is heading for: its numbers once their window holds nothing from before.

    Numbers are those of a window, and go from the usual to a new level in a straight line while it fills up: from how
    fast they go follows how far. All that have not gone one way at the last two points are as they are now.
    """
    if len(points) < 3 or not points[1].at < at:
        return now
    first, before, since = points[0].of(workload), points[1].of(workload), at - points[1].at
    found = []
    for earlier, then, is_now, from_where in zip(first, before, now, usual, strict=True):
        there = from_where + (is_now - then) / since * window
        if earlier < then < is_now < there:
            found.append(there)
        elif earlier > then > is_now > there:
            found.append(max(0.0, there))
        else:
            found.append(is_now)
    return Traffic(*found)


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
    row, columns = by_workload.index.get(workload), by_workload.columns
    if row is None:
        return Traffic()
    requests = by_workload.value(workload, Quantity.REQUESTS)
    found = []
    for quantity in TRAFFIC:
        column = columns.get(quantity)
        number = math.nan if column is None else column.values[row]
        if quantity in _PER_REQUEST:
            number = number / requests if requests > 0 else math.nan
        found.append(number)
    return Traffic(*found)


def traffic_in(by_workload: Frame) -> list[Traffic]:
    """The traffic of all workloads now, by row."""
    return list(map(Traffic, *traffic_columns(by_workload)))


def traffic_columns(by_workload: Frame) -> list[list[float]]:
    """The traffic of all workloads now: a column for each field."""
    rows = range(len(by_workload.keys))
    requests = by_workload.values(rows, Quantity.REQUESTS)
    return [
        _each(requests, by_workload.values(rows, quantity))
        if quantity in _PER_REQUEST
        else by_workload.values(rows, quantity)
        for quantity in TRAFFIC
    ]


def _each(requests: Sequence[float], numbers: Sequence[float]) -> list[float]:
    """Rates per finished request; NaN where none is finished."""
    return [number / of if of > 0 else math.nan for number, of in zip(numbers, requests, strict=True)]
