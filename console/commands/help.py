"""The help: the keys of the screen it was opened from, in columns by purpose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, zip_longest
from types import MappingProxyType

from console.commands.command import Command, ScreenId
from console.commands.keys import key_text, keys_of
from console.commands.table import TABLE
from console.views.layout import followed, head
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import BLANK, Line, Span, fit, fit_spans, width_of

MOVING: tuple[tuple[str, str], ...] = (
    ("j k", "a row down or up, like the arrows"),
    ("pgup pgdn", "a page up or down, like ctrl-b and ctrl-f"),
    ("g shift-g", "to the first or last row, like home and end"),
    ("{ }", "to the previous or next workload"),
    ("left right", "scroll to the columns that do not fit; in text: sideways"),
    ("space", "mark"),
    ("+", "keep the pods of this workload open"),
)
"""Keys of the tables and texts themselves."""
_OF_TABLES = frozenset({"{ }", "space", "+"})
"""Keys that only tables have."""

FILTERS: tuple[tuple[str, str], ...] = (
    ("/llama", "rows that match a regular expression (names, nodes, states, reasons)"),
    ("/!llama", "rows that do not"),
    ("/-l app=llama,!x", "by labels, like kubectl get -l"),
    ("/-f lm70", "these letters in this order"),
)

NOTHING: Mapping[str, str] = MappingProxyType({})

_KEYS, _LONGEST_KEYS = 10, 14
"""Cells of the keys in a column: at least, and at most unless they are longer."""
_COLUMN = 38
"""Cells of a column, at least."""
_MOST = 4
_GAP = 2
_SORT = "Sort by "
_FILTER = "console.filter"

_SECTIONS: tuple[tuple[str, str], ...] = (
    ("open.", "look closer"),
    ("act.", "change"),
    ("plan.", "change"),
    ("action.", "change"),
    ("form.", "change"),
    ("local.", "change"),
    ("view.namespace", "look elsewhere"),
    ("view.context", "look elsewhere"),
    ("view.all_namespaces", "look elsewhere"),
    ("view.favourite", "look elsewhere"),
    ("view.next_match", "find"),
    ("view.previous_match", "find"),
    ("console.filter", "find"),
    ("view.", "this screen"),
    ("plot.", "this screen"),
    ("sort.", "sort; again: in reverse"),
    ("console.", "the console"),
)
"""Prefix of command ids → their purpose; the first match counts."""
_ORDER = ("look closer", "change", "this screen", "find", "look elsewhere", "the console")


def signs(glyphs: Glyphs) -> tuple[tuple[str, str], ...]:
    """Return the signs drawn in the tables besides numbers, with their meanings."""
    return (
        (f"{glyphs.ok} {glyphs.starting} {glyphs.warning} {glyphs.critical}", "healthy, starting, warning, critical"),
        (f"{glyphs.asleep} {glyphs.gone}", "asleep, gone"),
        (f"{glyphs.root} {glyphs.part}", "the root of an incident; a part of one"),
        (f"{glyphs.missing} {glyphs.unknown}", "not measured; not known"),
        (f"{glyphs.at_most}0.3s", "at or below the lowest bucket of the histogram"),
        (f"{glyphs.about}17", "in GPU%: SM activity, since a MIG slice has no utilisation"),
    )


def help_lines(
    where: ScreenId,
    keymap: Mapping[str, str],
    width: int,
    glyphs: Glyphs,
    commands: Sequence[Command] = TABLE,
    lacking: Mapping[str, str] = NOTHING,
) -> list[Line]:
    """Return the help for a screen: what is valid there, and no more.

    ``lacking``: command id → the permission that this identity lacks for it.
    """
    count = max(1, min(_MOST, (width + _GAP) // (_COLUMN + _GAP)))
    cells = (width - _GAP * (count - 1)) // count
    found: dict[str, list[tuple[str, str]]] = {}
    named: list[tuple[str, str]] = []
    for family in _as_one(command for command in commands if where in command.where):
        keys, name, words = _command(family, where, keymap)
        if lack := lacking.get(family[0].id, ""):
            words += f"  (disabled: {lack})"
        if keys:
            found.setdefault(_section(family[0].id), []).append((keys, words))
        elif name:
            named.append((name, words))
    is_table = any(one.id == _FILTER and where in one.where and where not in one.hints for one in commands)
    sort = next((title for _, title in _SECTIONS if title.startswith("sort")), "")
    by_title = {
        **{title: found[title] for title in _ORDER if title in found},
        "moving": [row for row in MOVING if is_table or row[0] not in _OF_TABLES],
        **({sort: found[sort]} if sort in found else {}),
        "filters, after /": list(FILTERS) if is_table else [],
        "by name, after :": named,
        "signs": list(signs(glyphs)),
    }
    blocks = [[head(title), *_rows(rows, cells, glyphs), BLANK] for title, rows in by_title.items() if rows]
    return _side_by_side(_dealt(blocks, count), cells, glyphs)


def _section(command: str) -> str:
    return next((title for begin, title in _SECTIONS if command.startswith(begin)), "this screen")


def _dealt(blocks: Sequence[list[Line]], count: int) -> list[list[Line]]:
    """Return the blocks in order in columns of similar length; no block is split."""
    most = max(sum(map(len, blocks)) // count, max(map(len, blocks), default=0))
    while True:
        columns: list[list[Line]] = [[]]
        for block in blocks:
            if columns[-1] and len(columns[-1]) + len(block) > most:
                columns.append([])
            columns[-1] += block
        if len(columns) <= count:
            return columns
        most += 1


def _side_by_side(columns: Sequence[Sequence[Line]], cells: int, glyphs: Glyphs) -> list[Line]:
    gap = Span(" " * _GAP)
    rows = []
    for row in zip_longest(*columns, fillvalue=BLANK):
        spans = [span for line in row[:-1] for span in (*fit_spans(line.spans, cells, "left", glyphs.ellipsis), gap)]
        rows.append(Line((*spans, *row[-1].spans)))
    return rows


def _as_one(commands: Iterable[Command]) -> list[tuple[Command, ...]]:
    """Return the commands one by one, those of a family together."""
    return [tuple(group) for _, group in groupby(commands, key=lambda c: c.family or c.id)]


def _command(family: tuple[Command, ...], where: ScreenId, keymap: Mapping[str, str]) -> tuple[str, str, str]:
    """(keys, name, title) of a command, or of a family; without the keys where they are not bound."""
    first = family[0]
    bound = first.bound is None or where in first.bound
    keys = [key_text(key) for command in family for key in keys_of(command, keymap)] if bound else []
    if len(family) > 1:
        keys = [f"{keys[0]}-{keys[-1]}"] if keys else []
    words = (first.family or first.called).removeprefix(_SORT)
    if first.id == _FILTER:
        # Where it narrows nothing it searches, as the last line says.
        words = first.hints.get(where, words).capitalize()
    if first.argument and not keys:
        words += f"  {first.argument}"
    return " ".join(keys), f":{first.names[0]}" if first.names else "", words


def _rows(rows: Iterable[tuple[str, str]], width: int, glyphs: Glyphs) -> Iterator[Line]:
    """Yield rows whose words wrap below themselves, so that nothing is cut."""
    rows = list(rows)
    most = max(_KEYS, min(_LONGEST_KEYS, max((width_of(keys) for keys, _ in rows), default=0)))
    for keys, words in rows:
        lead = Span(f"   {fit(keys, max(most, width_of(keys)), 'left', glyphs.ellipsis)} ", Role.KEY)
        yield from followed((lead,), words, Role.TEXT, width, most + 4)
