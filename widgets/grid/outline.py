"""The rows of a grid one below the other: groups, and the children of those that are open."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import field
from enum import IntEnum

from fleet.dataclass import dataclass
from widgets.grid.model import Group


class RowLevel(IntEnum):
    """The place of a row in its group."""

    GROUP = 0
    CHILD = 1
    LAST_CHILD = 2


@dataclass(frozen=True, slots=True)
class Outline:
    """Keys in display order and the level of each."""

    keys: list[str] = field(default_factory=list)
    levels: bytes = b""

    def level(self, index: int) -> RowLevel:
        return RowLevel(self.levels[index])

    def group_at(self, index: int) -> int:
        """The index of the group that the row at ``index`` belongs to."""
        while self.levels[index] != RowLevel.GROUP:
            index -= 1
        return index

    def find(self, key: str | None) -> int | None:
        """The index of a key, None where it is not shown."""
        try:
            return self.keys.index(key) if key is not None else None
        except ValueError:
            return None


def outline(groups: Sequence[Group], opened: Collection[str]) -> Outline:
    """Lay groups out, with the children of those in ``opened``."""
    keys: list[str] = []
    levels = bytearray()
    for key, children in groups:
        keys.append(key)
        levels.append(RowLevel.GROUP)
        if children and key in opened:
            keys.extend(children)
            levels.extend(bytes((RowLevel.CHILD,)) * (len(children) - 1))
            levels.append(RowLevel.LAST_CHILD)
    return Outline(keys, bytes(levels))


def group_of(groups: Sequence[Group], key: str, hint: str | None = None) -> str | None:
    """The key of the group that holds ``key`` (or is it); None where it is gone. ``hint`` is where it was before."""
    for group in groups:
        if group.key == key or (group.key == hint and key in group.children):
            return group.key
    return next((group.key for group in groups if key in group.children), None)


def neighbours(before: Outline, index: int) -> list[str]:
    """The keys to try when the row at ``index`` is gone, nearest first; of two equally near, the one below.

    Rows of the same group come first, then its group, then the other rows.
    """
    keys, levels = before.keys, before.levels
    home = before.group_at(index)
    end = levels.find(bytes((RowLevel.GROUP,)), home + 1)
    inside = range(home + 1, end if end != -1 else len(keys))
    groups = (i for i, level in enumerate(levels) if level == RowLevel.GROUP and i != home)

    def near(i: int) -> tuple[int, bool]:
        return abs(i - index), i < index

    found = sorted((i for i in inside if i != index), key=near)
    if home != index:
        found.append(home)
    return [keys[i] for i in (*found, *sorted(groups, key=near))]
