"""The help: every row of the table of commands, those of this screen first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

from console.commands.command import Command, ScreenId
from console.commands.keys import key_text, keys_of
from console.commands.table import TABLE
from console.views.layout import followed, head, sections
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.cells import STAND_IN
from widgets.line import Line, Span, fit, width_of

MOVING: tuple[tuple[str, str], ...] = (
    ("j k", "a row down or up, as the arrows"),
    ("pgup pgdn", "a page up or down, as ctrl-b and ctrl-f"),
    ("g shift-g", "to the first or the last row, as home and end"),
    ("{ }", "to the workload before or after"),
    ("left right", "the columns that do not fit; in text: sideways"),
    ("space", "mark"),
    ("+", "keep the pods of this workload open"),
)
"""Keys of the tables and texts themselves."""

FILTERS: tuple[tuple[str, str], ...] = (
    ("/llama", "rows that match a regular expression (names, nodes, states, reasons)"),
    ("/!llama", "rows that do not"),
    ("/-l app=llama,!x", "by labels, as kubectl get -l"),
    ("/-f lm70", "these letters in this order"),
)

NOTHING: Mapping[str, str] = MappingProxyType({})

_KEYS = 14
_NAME = 12


def signs(glyphs: Glyphs) -> tuple[tuple[str, str], ...]:
    """Return the signs drawn in the tables besides numbers, with their meanings."""
    return (
        (f"{glyphs.ok} {glyphs.starting} {glyphs.warning} {glyphs.critical}", "well, starting, a warning, critical"),
        (f"{glyphs.asleep} {glyphs.gone}", "asleep, gone"),
        (f"{glyphs.missing} {glyphs.unknown}", "not measured; not known"),
        ("≤0.3s", "at or below the lowest bucket of the histogram, which tells no more"),
        (f"{STAND_IN}17", "in GPU%: activity of the SMs, where a MIG slice has no utilisation"),
    )


def help_lines(
    where: ScreenId,
    keymap: Mapping[str, str],
    width: int,
    glyphs: Glyphs,
    commands: Sequence[Command] = TABLE,
    lacking: Mapping[str, str] = NOTHING,
) -> list[Line]:
    """The help as opened from a screen: first what its keys do, at the end what works on other screens.

    ``lacking``: command id → the permission that this identity lacks for it.
    """
    here = _as_one(command for command in commands if where in command.where)
    elsewhere = _as_one(command for command in commands if where not in command.where)
    rows = (_with_lack(_command(c, where, keymap), lacking.get(c[0].id, "")) for c in here)
    return sections(
        [head("on this screen"), *_rows(rows, width, glyphs)],
        [head("moving"), *_pairs(MOVING, width, glyphs)],
        [head("filters"), *_pairs(FILTERS, width, glyphs)],
        [head("signs"), *_pairs(signs(glyphs), width, glyphs)],
        [head("on other screens"), *_rows((_command(c, None, keymap) for c in elsewhere), width, glyphs)],
    )


def _with_lack(row: tuple[str, str, str], lack: str) -> tuple[str, str, str]:
    keys, name, words = row
    return (keys, name, f"{words}  (disabled: {lack})") if lack else row


def _as_one(commands: Iterable[Command]) -> list[tuple[Command, ...]]:
    """Commands one by one, those of a family together."""
    return [tuple(group) for _, group in groupby(commands, key=lambda c: c.family or c.id)]


def _command(family: tuple[Command, ...], where: ScreenId | None, keymap: Mapping[str, str]) -> tuple[str, str, str]:
    """(keys, name, title) of a command, or of a family; without the keys where they are not bound."""
    first = family[0]
    bound = where is None or first.bound is None or where in first.bound
    keys = [key_text(key) for command in family for key in keys_of(command, keymap)] if bound else []
    if len(family) > 1:
        keys = [f"{keys[0]}…{keys[-1]}"] if keys else []
    words = first.family or first.title
    if first.argument:
        words += f"  {first.argument}"
    if where is None:
        words += f"  ({', '.join(sorted(first.where))})"
    return " ".join(keys), f":{first.names[0]}" if first.names else "", words


def _rows(rows: Iterable[tuple[str, str, str]], width: int, glyphs: Glyphs) -> Iterator[Line]:
    """Rows whose words go on below themselves, so that a narrow terminal cuts nothing."""
    for keys, name, words in rows:
        lead = (_keys(keys, glyphs), Span(f"{fit(name, _NAME, 'left', glyphs.ellipsis)} ", Role.ACCENT))
        yield from followed(lead, words, Role.TEXT, width, _KEYS + _NAME + 5)


def _pairs(rows: Iterable[tuple[str, str]], width: int, glyphs: Glyphs) -> Iterator[Line]:
    for keys, words in rows:
        yield from followed((_keys(keys, glyphs),), words, Role.TEXT, width, _KEYS + 4)


def _keys(keys: str, glyphs: Glyphs) -> Span:
    return Span(f"   {fit(keys, max(_KEYS, width_of(keys)), 'left', glyphs.ellipsis)} ", Role.KEY)
