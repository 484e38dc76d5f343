"""The rows of a grid one below the other: groups, and the children of open ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from enum import IntEnum
from itertools import filterfalse
from typing import NamedTuple

from fleet.dataclass import dataclass
from widgets.grid.model import RowGroup


class RowLevel(IntEnum):
    """The place of a row in its group."""

    GROUP = 0
    CHILD = 1
    LAST_CHILD = 2


class Fold(NamedTuple):
    """A row that stands for children which are alike."""

    group: str
    size: int
    first: str
    """The key of the first of them."""


@dataclass(frozen=True, slots=True)
class Outline:
    """Keys in display order and the level of each."""

    keys: list[str] = field(default_factory=list)
    levels: bytes = b""
    folds: Mapping[str, Fold] = field(default_factory=dict)
    """Rows that stand for others, by their own keys."""

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


def outline(
    groups: Sequence[RowGroup], opened: Collection[str], unfolded: Collection[str] = (), seen: Collection[str] = ()
) -> Outline:
    """Lay groups out, with the children of those in ``opened``: all of them in ``unfolded`` ones, elsewhere one row for
    those that are alike. Those in ``seen`` always have their own row.
    """
    keys: list[str] = []
    levels = bytearray()
    folds: dict[str, Fold] = {}
    for key, children, alike in groups:
        keys.append(key)
        levels.append(RowLevel.GROUP)
        if not children or key not in opened:
            continue
        shown: Sequence[str] = children
        for trait, members in () if key in unfolded else alike:
            folded = frozenset(members)
            if not folded.isdisjoint(seen):
                folded = folded.difference(seen)
            if len(folded) > 1:
                row = _fold_key(key, trait)
                folds[row] = Fold(key, len(folded), next(one for one in shown if one in folded))
                shown = _with_fold(shown, folded, row)
        keys.extend(shown)
        levels.extend(bytes((RowLevel.CHILD,)) * (len(shown) - 1))
        levels.append(RowLevel.LAST_CHILD)
    return Outline(keys, bytes(levels), folds)


def _with_fold(children: Sequence[str], folded: frozenset[str], fold: str) -> list[str]:
    """Return the children with the row for the folded ones in the place of the last of them."""
    last = next(at for at in range(len(children) - 1, -1, -1) if children[at] in folded)
    return [*filterfalse(folded.__contains__, children[:last]), fold, *children[last + 1 :]]


def _fold_key(group: str, trait: str) -> str:
    """Return the key of the row for alike children, which is no object's."""
    return f"\0{group}\0{trait}"


def group_of(groups: Sequence[RowGroup], key: str, hint: str | None = None) -> str | None:
    """Return the key of the group that holds ``key`` (or is it); None if it is gone. ``hint`` is its previous group."""
    if key.startswith("\0"):
        key = hint = key[1:].partition("\0")[0]
    for group in groups:
        if group.key == key or (group.key == hint and key in group.children):
            return group.key
    return next((group.key for group in groups if key in group.children), None)


def neighbours(before: Outline, index: int) -> list[str]:
    """Return the keys to try if the row at ``index`` is gone, nearest first; of two equally near, the one below.

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
