"""The result of a benchmark, and its printed form."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """Samples of one measurement.

    ``budget`` is what the median must not exceed, in the unit of the samples; None for a measurement that is only
    context (the baseline of a ratio). ``goal`` is what it had better not exceed. Ratios compare two things measured in
    turn in one run on one machine: they are what is judged, absolute times depend on the machine.
    """

    id: str
    """B1 … B10, or a word: ``causes``, ``demo``, ``idle``, ``memory``, ``record``."""
    what: str
    samples: tuple[float, ...]
    unit: str
    budget: float | None = None
    goal: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def verdict(self) -> str:
        """``goal`` (reached), ``within`` (the budget) or ``misses`` it; empty where there is neither."""
        if self.goal is not None and self.median <= self.goal:
            return "goal"
        if self.budget is None:
            return "" if self.goal is None else "misses the goal"
        return "within" if self.median <= self.budget else "misses"


@dataclass(frozen=True, slots=True)
class Note:
    """A measurement that was impossible, with the reason; or a remark needed to read a result."""

    id: str
    what: str


Report = Result | Note


class CannotMeasureError(Exception):
    """A requirement of a measurement is not on this machine, or does not work; with the reason."""


def percentile(samples: Sequence[float], q: float) -> float:
    """The nearest-rank percentile, ``q`` in 0-1: an observed value, never an interpolation."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """Round by round."""
    return tuple(a / b for a, b in zip(ours, theirs, strict=True))


HEAD = f"{'id':<7}{'what':<68}{'median':>10}  {'spread':<19}{'budget':>9}{'goal':>9}  verdict"


def report_line(report: Report) -> str:
    """A report under HEAD: the spread is from the least to the greatest sample."""
    if isinstance(report, Note):
        return f"{report.id:<7}{report.what}"
    budget, goal = limit(report.budget), limit(report.goal)
    line = f"{report.id:<7}{report.what:<68}{median(report):>10}  {spread(report):<19}{budget:>9}{goal:>9}"
    return f"{line}  {report.verdict}".rstrip()


def median(result: Result) -> str:
    """Return the median with its unit."""
    return f"{number(result.median)} {result.unit}".rstrip()


def spread(result: Result) -> str:
    """Return the range from the smallest sample to the largest."""
    return f"{number(min(result.samples))}–{number(max(result.samples))}"


def limit(value: float | None) -> str:
    """A budget or a goal; empty for none."""
    return "" if value is None else f"≤ {number(value)}"


def number(value: float) -> str:
    """Three digits at most, unless they are all before the point."""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
