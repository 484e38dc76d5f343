"""Burn of an error budget on several windows, by the SRE workbook ("Alerting on SLOs", multiwindow, multi-burn-rate).

The burn is how many times as fast as allowed the budget goes: ``bad share / (1 - target)``. A pair of windows alerts
where both burn fast enough: the long one tells that it matters, the short one that it still goes on.
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
    """Somebody should look in working hours: a ticket."""
    FAST = 2
    """Somebody should look now: a page."""


class Pair(NamedTuple):
    """Two windows, seconds, and the burn from which both alert."""

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
"""Seconds, ascending; the period of the budget comes beside them."""


class Spent(NamedTuple):
    """The good and the bad of one window."""

    bad: float
    """The share that was bad, 0 to 1; NaN where nothing happened."""
    events: float
    """How many requests it is of; of time, the seconds. NaN for not known."""
    covered: float
    """Seconds of the window that there are data of."""


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """An objective and what was spent of it; ``spent`` by the window's seconds, that of the period among them."""

    objective: Objective
    period: float
    spent: Mapping[float, Spent]
    edge: float = math.nan
    """The edge of a bucket that stands for the objective's seconds; NaN for what is no latency, or not known yet."""

    @property
    def is_snapped(self) -> bool:
        """Whether no bucket ends at the seconds that are promised."""
        return not math.isnan(self.edge) and not math.isclose(self.edge, self.objective.seconds, rel_tol=1e-9)

    def burn(self, window: float) -> float:
        """How many times as fast as allowed it burns; NaN for not known."""
        spent = self.spent.get(window)
        return math.nan if spent is None else spent.bad / self.objective.budget

    @property
    def left(self) -> float:
        """The share of the budget that is left, negative where more was spent; NaN for not known.

        Time that nobody counted is taken for time without a fault.
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
        """How fast it burns."""
        pair = self.pair
        return pair.pace if pair is not None else BurnPace.CALM

    def _alerts(self, pair: Pair) -> bool:
        long, short = self.spent.get(pair.long), self.spent.get(pair.short)
        if long is None or short is None:
            return False
        if not math.isnan(short.events) and short.events * pair.factor * self.objective.budget < 1:
            # So few requests that a single one would do it.
            return False
        # As if there had been no fault before the data begin: a fleet that began with one has not burnt for long.
        of_long = self.burn(pair.long) * min(1.0, long.covered / pair.long)
        of_short = self.burn(pair.short) * min(1.0, short.covered / pair.short)
        return of_long >= pair.factor and of_short >= pair.factor


def worst(budgets: Iterable[ErrorBudget]) -> ErrorBudget | None:
    """The one that burns fastest, then the one of which least is left; None for none."""
    return min(budgets, key=lambda one: (-one.pace, _or_one(one.left)), default=None)


def _or_one(left: float) -> float:
    return 1.0 if math.isnan(left) else left
