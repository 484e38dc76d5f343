"""Keys reserved for the future, so that one map of keys holds for all screens.

A screen's existing meaning of such a key stays: logs are followed with ``f``, text is wrapped with ``w``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from console.commands.command import EVERYWHERE, Command, ScreenId


class Reserved(NamedTuple):
    """A key that is kept for later."""

    meaning: str
    key: str
    """Key by Textual's name."""
    kept: frozenset[ScreenId] = EVERYWHERE
    """The screens on which no other command may use the key."""


RESERVED: tuple[Reserved, ...] = (
    Reserved("to the previous change", "left_square_bracket"),
    Reserved("to the next change", "right_square_bracket"),
)


def conflicts(commands: Iterable[Command]) -> Iterator[str]:
    """Yield the parts of it that commands have for something else."""
    for command in commands:
        bound = command.where if command.bound is None else command.bound
        for reserved in RESERVED:
            if reserved.key in command.keys and bound & reserved.kept:
                yield f"{command.id} has the key {reserved.key}, which is reserved for: {reserved.meaning}"
