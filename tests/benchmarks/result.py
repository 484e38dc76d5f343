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
    """B1 … B10, with a letter where a budget has several parts."""
    what: str
    samples: tuple[float, ...]
    unit: str
    budget: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def verdict(self) -> str:
        """``ok``, ``over``, or empty where there is no budget."""
        return "" if self.budget is None else "ok" if self.median <= self.budget else "over"


def percentile(samples: Sequence[float], q: float) -> float:
    """The nearest-rank percentile, ``q`` in 0-1: an observed value, never an interpolation."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


HEAD = f"{'id':<5}{'what':<64}{'median':>10}  {'spread':<19}{'budget':>10}  verdict"


def report_line(result: Result) -> str:
    """A result under HEAD: the spread is from the least to the greatest sample."""
    spread = f"{_number(min(result.samples))}–{_number(max(result.samples))}"
    budget = "" if result.budget is None else f"≤ {_number(result.budget)}"
    median = f"{_number(result.median)} {result.unit}".rstrip()
    return f"{result.id:<5}{result.what:<64}{median:>10}  {spread:<19}{budget:>10}  {result.verdict}".rstrip()


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
