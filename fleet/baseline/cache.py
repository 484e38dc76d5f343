"""Cache of baselines: they change slowly, and a query over an hour of last week is expensive."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from fleet.model.baseline import BaselineQuestion, Baselines
from fleet.model.quantity import Quantity

_FRESH: Final = 300.0
"""Seconds for which an answer is good: it is of a whole hour."""
_KNOWN: Final = 256
"""Answers that are remembered."""


class KnownBaselines:
    """Calls ``ask`` for baselines that are not cached, one at a time; belongs to one event loop."""

    def __init__(self, ask: Callable[[BaselineQuestion], Awaitable[Baselines]]) -> None:
        self._ask = ask
        self._known: OrderedDict[tuple[str, tuple[Quantity, ...]], tuple[float, Baselines]] = OrderedDict()
        self._one = asyncio.Lock()

    async def baselines(self, question: BaselineQuestion) -> Baselines:
        """Return the baselines, possibly a few minutes old. Raises what ``ask`` raises."""
        key = question.key, question.quantities
        async with self._one:
            at, answer = self._known.get(key, (0.0, None))
            if answer is None or not 0 <= question.at - at < _FRESH:
                answer = await self._ask(question)
                self._known[key] = question.at, answer
                self._known.move_to_end(key)
                while len(self._known) > _KNOWN:
                    self._known.popitem(last=False)
        return answer
