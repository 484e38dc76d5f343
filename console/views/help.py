"""The help: every row of the table of commands, those of this screen first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from console.commands.command import Command, Where
from console.commands.keys import key_text, keys_of
from console.commands.table import TABLE
from console.views.layout import head, sections
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span, fit

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

_KEYS = 18
_NAME = 12


def help_lines(where: Where, keymap: Mapping[str, str], glyphs: Glyphs) -> list[Line]:
    """The help as opened from a screen."""
    here = [command for command in TABLE if where in command.where]
    elsewhere = [command for command in TABLE if where not in command.where]
    return sections(
        [head("on this screen"), *(_command(command, keymap, glyphs) for command in here)],
        [head("moving"), *_fixed(MOVING)],
        [head("filters"), *_fixed(FILTERS)],
        [head("on other screens"), *(_command(command, keymap, glyphs, where=True) for command in elsewhere)],
    )


def _command(command: Command, keymap: Mapping[str, str], glyphs: Glyphs, *, where: bool = False) -> Line:
    keys = " ".join(key_text(key) for key in keys_of(command, keymap))
    name = f":{command.names[0]}" if command.names else ""
    spans = [
        Span(f"   {fit(keys, _KEYS, 'left', glyphs.ellipsis)} ", Role.KEY),
        Span(f"{fit(name, _NAME, 'left', glyphs.ellipsis)} ", Role.ACCENT),
        Span(command.title),
    ]
    if command.argument:
        spans.append(Span(f"  {command.argument}", Role.DIM))
    if where:
        spans.append(Span(f"  ({', '.join(sorted(command.where))})", Role.DIM))
    return Line(tuple(spans))


def _fixed(rows: Iterable[tuple[str, str]]) -> Iterable[Line]:
    for keys, words in rows:
        yield Line((Span(f"   {fit(keys, _KEYS, 'left', '…')} ", Role.KEY), Span(words)))
