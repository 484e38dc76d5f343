"""A bounded number of queries: whether selectors have series is asked of many in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fleet.model.problem import SourceProblem
from fleet.monitoring.selectors import Selector
from fleet.sources.store import Store

MOST: Final = 60
"""Queries of one look. Each counts what an index has, or a few selectors of a rule: no more than a dashboard asks."""
AT_ONCE: Final = 25
"""Selectors in one query."""
_MARK: Final = "quarterdeck_asked"


class CountingStore:
    """Asks a store, and counts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.sent = 0
        self.left_out = 0
        """How many selectors were not asked for, because as many queries were sent as may be."""

    async def query(self, text: str) -> list[Any]:
        """The result of an instant query; nothing where no more may be sent. Raises SourceProblem."""
        if self.sent >= MOST:
            return []
        self.sent += 1
        return await self._store.query(text)

    async def counts(self, selectors: Sequence[Selector]) -> dict[Selector, int]:
        """The number of series of each; those that could not be asked are not in it."""
        found: dict[Selector, int] = {}
        for start in range(0, len(selectors), AT_ONCE):
            part = selectors[start : start + AT_ONCE]
            if self.sent >= MOST:
                self.left_out += len(part)
                continue
            try:
                found |= await self._counted(part)
            except SourceProblem:
                # One that the store refuses takes the others of its query with it: they are asked one by one.
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
