"""The rows of a history: a key has the same one for as long as any point may have a number of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class HistoryRows:
    """Rows by key, given again when their key has been gone for ``kept`` steps."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._row: dict[str, int] = {}
        self._free: list[int] = []
        self._gone: dict[str, int] = {}
        """The last step of each key that is there no more."""
        self._new: list[str] = []
        """Keys of steps before the first one that was placed: whether they are there, that one tells."""
        self._present: tuple[Mapping[str, int], ...] = ()
        self._placed: tuple[list[int], ...] = ()
        self.count = 0
        """Rows that there are, those that are free included."""

    def known(self, key: str) -> int:
        """Return the row of a key, -1 for none."""
        return self._row.get(key, -1)

    def row_of(self, key: str) -> int:
        """The row of a key, which may be a new one."""
        row = self._row.get(key)
        if row is None:
            row = self._free.pop() if self._free else self.count
            self.count = max(self.count, row + 1)
            self._row[key] = row
            self._new.append(key)
        return row

    def passing(self, slot: int) -> None:
        """Count what was new in a step of the past as gone since then, unless it is there now."""
        for key in self._new:
            if not any(key in index for index in self._present):
                self._gone[key] = slot
        self._new.clear()

    def place(self, slot: int, present: Sequence[Mapping[str, int]]) -> tuple[list[int], ...]:
        """Return the rows of the keys of each index, which are all that are there in this step."""
        same = len(present) == len(self._present) and all(
            now is before for now, before in zip(present, self._present, strict=True)
        )
        if not same:
            self._follow(slot, tuple(present))
        return self._placed

    def _follow(self, slot: int, present: tuple[Mapping[str, int], ...]) -> None:
        before, self._present = self._present, present
        for index in before:
            for key in index:
                if not any(key in other for other in present):
                    self._gone[key] = slot
        for key in [key for key in self._gone if any(key in index for index in present)]:
            del self._gone[key]
        for key in [key for key, last in self._gone.items() if last + self._kept < slot]:
            del self._gone[key]
            self._free.append(self._row.pop(key))
        self._placed = tuple([self.row_of(key) for key in index] for index in present)
        self._new.clear()
