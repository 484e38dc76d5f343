"""What a benchmark reports, and how it is printed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """Samples of one measurement.

    ``budget`` is what the median must not exceed, in the unit of the samples; None for a measurement that is only
    context (the baseline of a ratio). Ratios compare two things measured in turn in one run on one machine: they are
    what is judged, absolute times depend on the machine.
    """

    id: str
    """B1 … B10."""
    what: str
    samples: tuple[float, ...]
    unit: str
    budget: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def verdict(self) -> str:
        """``within`` or ``misses``, or empty where there is no budget."""
        return "" if self.budget is None else "within" if self.median <= self.budget else "misses"


@dataclass(frozen=True, slots=True)
class Note:
    """What could not be measured, and why."""

    id: str
    what: str


Report = Result | Note


class CannotMeasureError(Exception):
    """Something that a measurement needs is not on this machine, or does not do what it should; says what."""


def percentile(samples: Sequence[float], q: float) -> float:
    """The nearest-rank percentile, ``q`` in 0-1: an observed value, never an interpolation."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """Round by round."""
    return tuple(a / b for a, b in zip(ours, theirs, strict=True))


HEAD = f"{'id':<5}{'what':<66}{'median':>10}  {'spread':<19}{'budget':>9}  verdict"


def report_line(report: Report) -> str:
    """A report under HEAD: the spread is from the least to the greatest sample."""
    if isinstance(report, Note):
        return f"{report.id:<5}{report.what}"
    spread = f"{_number(min(report.samples))}–{_number(max(report.samples))}"
    budget = "" if report.budget is None else f"≤ {_number(report.budget)}"
    median = f"{_number(report.median)} {report.unit}".rstrip()
    return f"{report.id:<5}{report.what:<66}{median:>10}  {spread:<19}{budget:>9}  {report.verdict}".rstrip()


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
