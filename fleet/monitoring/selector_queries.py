"""A bounded number of queries: one query checks many selectors for series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fleet.model.problem import SourceProblem
from fleet.monitoring.selectors import Selector
from fleet.sources.store import Store

MOST: Final = 60
"""Queries per examination. Each reads index counts, or a few selectors of a rule: no more than a dashboard does."""
AT_ONCE: Final = 25
"""Selectors in one query."""
_MARK: Final = "quarterdeck_asked"


class CountingStore:
    """Asks a store, and counts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.sent = 0
        self.left_out = 0
        """Number of selectors not queried, because the limit was reached."""

    async def query(self, text: str) -> list[Any]:
        """Return the result of an instant query; empty once the limit is reached. Raises SourceProblem."""
        if self.sent >= MOST:
            return []
        self.sent += 1
        return await self._store.query(text)

    async def counts(self, selectors: Sequence[Selector]) -> dict[Selector, int]:
        """Return the number of series of each; selectors that could not be queried are absent."""
        found: dict[Selector, int] = {}
        for start in range(0, len(selectors), AT_ONCE):
            part = selectors[start : start + AT_ONCE]
            if self.sent >= MOST:
                self.left_out += len(part)
                continue
            try:
                found |= await self._counted(part)
            except SourceProblem:
                # A refused selector fails its whole query: the others are then queried one by one.
                for one in part if self.sent < MOST else ():
                    try:
                        found |= await self._counted([one])
                    except SourceProblem:
                        continue
        return found

    async def _counted(self, selectors: Sequence[Selector]) -> dict[Selector, int]:
        parts = (f'label_replace(count({one}),"{_MARK}","{at}","","")' for at, one in enumerate(selectors))
        result = await self.query(" or ".join(parts))
        values = {str(row["metric"].get(_MARK)): int(float(row["value"][1])) for row in result}
        return {one: values.get(str(at), 0) for at, one in enumerate(selectors)}
