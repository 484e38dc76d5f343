"""Burn rate of an error budget on several windows, by the SRE workbook ("Alerting on SLOs", multiwindow,
multi-burn-rate).

The burn rate is the speed at which the budget is spent, relative to the allowed speed: ``bad share / (1 - target)``. A
pair of windows alerts if both exceed the rate: the long one shows that it matters, the short one that it continues.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Final, NamedTuple

from fleet.dataclass import dataclass
from fleet.objectives.objective import Objective

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


class BurnPace(IntEnum):
    """The pace of a budget's burn."""

    CALM = 0
    SLOW = 1
    """Deserves a ticket: look in working hours."""
    FAST = 2
    """Deserves a page: look now."""


class Pair(NamedTuple):
    """Two windows in seconds, and the burn rate from which both alert."""

    long: float
    short: float
    factor: float
    pace: BurnPace


PAIRS: Final = (
    Pair(HOUR, 5 * MINUTE, 14.4, BurnPace.FAST),
    Pair(6 * HOUR, 30 * MINUTE, 6.0, BurnPace.FAST),
    Pair(DAY, 2 * HOUR, 3.0, BurnPace.SLOW),
    Pair(3 * DAY, 6 * HOUR, 1.0, BurnPace.SLOW),
)
"""SRE workbook, table 5-8: 2 % of a month's budget in an hour, 5 % in six, 10 % in a day, 10 % in three."""
WINDOWS: Final = tuple(sorted({window for pair in PAIRS for window in (pair.long, pair.short)}))
"""Seconds, ascending; the budget's period is used in addition."""


class Spent(NamedTuple):
    """The good and the bad of one window."""

    bad: float
    """The bad share, 0 to 1; NaN if there were no events."""
    events: float
    """Number of requests; for availability, seconds. NaN if unknown."""
    covered: float
    """Seconds of the window that there are data of."""


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """An objective and the budget spent; ``spent`` by window in seconds, including the period."""

    objective: Objective
    period: float
    spent: Mapping[float, Spent]
    edge: float = math.nan
    """The bucket edge used for the objective's seconds; NaN if it is no latency, or not known yet."""

    @property
    def is_snapped(self) -> bool:
        """True if no bucket ends at the promised seconds."""
        return not math.isnan(self.edge) and not math.isclose(self.edge, self.objective.seconds, rel_tol=1e-9)

    def burn(self, window: float) -> float:
        """Return the burn rate relative to the allowed one; NaN if unknown."""
        spent = self.spent.get(window)
        return math.nan if spent is None else spent.bad / self.objective.budget

    @property
    def left(self) -> float:
        """The share of the budget that is left, negative if overspent; NaN if unknown.

        Time without counts is assumed to be free of errors.
        """
        spent = self.spent.get(self.period)
        if spent is None or math.isnan(spent.bad):
            return math.nan
        return 1.0 - spent.bad / self.objective.budget * min(1.0, spent.covered / self.period)

    @property
    def covered(self) -> float:
        """Seconds of the period that there are data of; 0.0 for none."""
        spent = self.spent.get(self.period)
        return spent.covered if spent is not None else 0.0

    @property
    def now(self) -> Spent | None:
        """The shortest window; None where it is not known."""
        return self.spent.get(WINDOWS[0])

    @property
    def pair(self) -> Pair | None:
        """The first pair of windows that alerts; None for none."""
        return next((pair for pair in PAIRS if self._alerts(pair)), None)

    @property
    def pace(self) -> BurnPace:
        """The pace at which it burns."""
        pair = self.pair
        return pair.pace if pair is not None else BurnPace.CALM

    def _alerts(self, pair: Pair) -> bool:
        long, short = self.spent.get(pair.long), self.spent.get(pair.short)
        if long is None or short is None:
            return False
        if not math.isnan(short.events) and short.events * pair.factor * self.objective.budget < 1:
            # So few requests that a single one would trigger it.
            return False
        # Assume no failures before the data start: a fleet that starts with one has not burnt for long.
        of_long = self.burn(pair.long) * min(1.0, long.covered / pair.long)
        of_short = self.burn(pair.short) * min(1.0, short.covered / pair.short)
        return of_long >= pair.factor and of_short >= pair.factor


def worst(budgets: Iterable[ErrorBudget]) -> ErrorBudget | None:
    """Return the budget that burns fastest, then the one with least left; None if there is none."""
    return min(budgets, key=lambda one: (-one.pace, _or_one(one.left)), default=None)


def _or_one(left: float) -> float:
    return 1.0 if math.isnan(left) else left
