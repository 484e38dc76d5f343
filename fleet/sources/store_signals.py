"""The reports of exporters of nodes and containers, from the metrics store: a few questions, once a minute."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Final

from fleet.metrics.dialect import Match
from fleet.metrics.store_signals import questions, read
from fleet.model.problem import NothingToAskError, SourceProblem
from fleet.model.store_signals import SIGNALS, StoreSignals
from fleet.sources.polling import PollingSource
from fleet.sources.store import Store, own_labels

EVERY: Final = 60.0
"""Seconds between two questions: they read the series of every container, and what they tell changes slowly."""
MOST: Final = 1000
"""Signals that are kept: of more, something else is wrong."""


class StoreSignalsSource(PollingSource[StoreSignals]):
    """Asks the store of one cluster. ``store`` returns what answers PromQL; ``within`` are labels of its series."""

    def __init__(
        self,
        store: Callable[[], Awaitable[Store | None]],
        within: Sequence[Match] = (),
        *,
        every: float = EVERY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(SIGNALS, every=every, expected=False, clock=clock)
        self._store = store
        self._within = tuple(within)

    async def ask(self) -> StoreSignals:
        """Return what is out of bounds now, in one order."""
        store = await self._store()
        if store is None:
            raise NothingToAskError("no metrics store answers here")
        try:
            within = own_labels(store, self._within)
            answers = [await store.query(text) for text in questions(within)]
        except SourceProblem as problem:
            # That the store does not answer is told by the source of its numbers; what it said before may be over.
            raise NothingToAskError(f"not read: {problem.message}") from None
        found = filter(None, map(read, chain.from_iterable(answers)))
        return StoreSignals(tuple(sorted(found))[:MOST])
