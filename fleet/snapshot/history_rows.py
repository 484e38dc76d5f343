"""The rows of a history: a key keeps its row while any point may have a number for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class HistoryRows:
    """Rows by key, reused once their key has been absent for ``kept`` steps."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._row: dict[str, int] = {}
        self._free: list[int] = []
        self._gone: dict[str, int] = {}
        """The last step of each key that no longer exists."""
        self._new: list[str] = []
        """Keys of backfilled steps before the first placed one, which decides whether they still exist."""
        self._present: tuple[Mapping[str, int], ...] = ()
        self._placed: tuple[list[int], ...] = ()
        self.count = 0
        """Number of rows, including free ones."""

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
        """Count the new keys of a past step as absent since then, unless they exist now."""
        for key in self._new:
            if not any(key in index for index in self._present):
                self._gone[key] = slot
        self._new.clear()

    def place(self, slot: int, present: Sequence[Mapping[str, int]]) -> tuple[list[int], ...]:
        """Return the rows of the keys of each index; the indexes hold all keys of this step."""
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
