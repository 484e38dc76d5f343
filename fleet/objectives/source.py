"""The objectives as a source: the counts of the metrics store, else of this console."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from fleet.metrics.dialect import Match
from fleet.model.measurement import Measurement
from fleet.model.problem import NothingToAskError, SourceProblem
from fleet.model.snapshot import OBJECTIVES
from fleet.objectives.burn_rate import WINDOWS
from fleet.objectives.ledger import Ledger
from fleet.objectives.objective import Goals
from fleet.objectives.own_counts import EventCounter
from fleet.objectives.store_counts import EVERY, StoredCounts, edges_of, wanted_edges
from fleet.sources.polling import PollingSource
from fleet.sources.store import Store

_BEFORE_NUMBERS: Final = 2.0
"""Seconds to the next poll while nothing is measured yet."""
_OWN_EVERY: Final = 10.0
"""Seconds between polls while this console counts itself: its rates cover a minute, and the shortest window is five."""


class ObjectivesSource(PollingSource[Ledger]):
    """Keeps the ledger of one cluster. ``store`` returns what answers PromQL, ``latest`` the last measurement."""

    def __init__(
        self,
        goals: Goals,
        store: Callable[[], Awaitable[Store | None]],
        latest: Callable[[], Measurement | None],
        within: Sequence[Match] = (),
        *,
        every: float = EVERY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(OBJECTIVES, every=_BEFORE_NUMBERS, expected=False, clock=clock)
        self._goals = goals
        self._stored = StoredCounts(goals, within)
        self._watched = EventCounter()
        self._noted: Measurement | None = None
        """The last measurement that was counted: the next one may be several looks away."""
        self._made: tuple[Measurement | None, str, Ledger] | None = None
        """The last ledger of own counts, and what it was made of."""
        self._store = store
        self._latest = latest
        self._seldom = every

    async def ask(self) -> Ledger:
        """Query the store; without one, or if it fails, use this console's own counts."""
        latest = self._latest()
        if latest is not None and latest is not self._noted:
            self._watched.note(latest, wanted_edges(self._goals, edges_of(latest)))
            self._noted = latest
        why = ""
        try:
            store = await self._store()
            if store is not None:
                ledger = await self._stored.ledger(store, latest)
                self.requests, self._every = self._stored.requests, self._seldom
                return ledger
        except NothingToAskError:
            raise
        except SourceProblem as problem:
            why = f"the metrics store cannot answer: {problem.message}"
        ledger = self._own(why or "no metrics store answers here")
        self.requests, self._every = 0, _OWN_EVERY
        return ledger

    def _own(self, why: str) -> Ledger:
        """Return the ledger of own counts: the same object until the next measurement."""
        if self._made is None or self._made[0] is not self._noted or self._made[1] != why:
            self._made = self._noted, why, self._counted(why)
        return self._made[2]

    def _counted(self, why: str) -> Ledger:
        """Return the ledger of the observations since the console started."""
        watched, period = self._watched, self._goals.period
        if watched.covered(period) <= 0:
            raise NothingToAskError("nothing is measured yet to compare objectives with")
        windows = (*WINDOWS, period)
        began = watched.at - watched.covered(period)
        return Ledger(
            self._goals,
            watched.tallies(windows),
            {owner: max(at, began) for owner, at in watched.since.items()},
            dict.fromkeys(windows, watched.at),
            "this console",
            (why,),
        )
