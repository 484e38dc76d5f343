"""The lines of a grid: its head, its rows, its scroll bar. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fleet.model.severity import Severity
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.grid.columns import ColumnPage, Placed
from widgets.grid.model import GridColumn, Sort
from widgets.grid.outline import RowLevel
from widgets.line import Line, Span, fit, folded, plain, width_of
from widgets.severity import severity_span

LEADS = {RowLevel.GROUP: 3, RowLevel.CHILD: 5, RowLevel.LAST_CHILD: 5}
"""Cells in front of a name: mark, tree, glyph, blank."""


Parts = Sequence[tuple[Span, ...]]
"""The spans of a row's cells, in the order of the page."""


def cell_width(placed: Placed, position: int, level: RowLevel) -> int:
    """The room for a cell: the first of a row has a lead in front of it."""
    return placed.width if position else max(0, placed.width - LEADS[level])


def row_spans(
    severity: Severity | None, parts: Parts, page: ColumnPage, level: RowLevel, glyphs: Glyphs, *, marked: bool
) -> tuple[Span, ...]:
    """A row in as many cells as the page is wide: its lead, and its parts side by side."""
    spans = [*_lead(severity, level, glyphs, marked=marked)]
    gap = Span(" " * page.gap)
    for position, part in enumerate(parts):
        # A cell without any spans has lent its room, and the gap in front of it, to a text.
        if position and part:
            spans.append(gap)
        spans += part
    spans.append(Span(" " * page.spare))
    return tuple(spans)


def _lead(severity: Severity | None, level: RowLevel, glyphs: Glyphs, *, marked: bool) -> Iterator[Span]:
    yield Span(glyphs.mark, Role.ACCENT) if marked else Span(" ")
    if level is not RowLevel.GROUP:
        yield Span(glyphs.branch if level is RowLevel.CHILD else glyphs.last_branch, Role.DIM)
    yield severity_span(severity, glyphs)
    yield Span(" ")


def head_line(page: ColumnPage, number: int, count: int, sort: Sort | None, glyphs: Glyphs) -> Line:
    """The titles of a page's columns, the mark of the sorted one, and where the other pages (``count``) are."""
    spans: list[Span] = []
    for position, placed in enumerate(page.placed):
        column, ellipsis = placed.column, glyphs.ellipsis
        title = f"{column.title} {column.unit}" if column.unit else column.title
        mark = _sort_mark(column, sort, glyphs)
        if position:
            # The mark is in the gap's last cell, or closer if the title leaves room, and never truncates a title.
            if column.align == "right" and width_of(title) < placed.width:
                text = fit(mark + title, placed.width + 1, "right", ellipsis)
            else:
                text = mark + fit(title, placed.width, column.align, ellipsis)
            spans.append(Span(" " * (page.gap - 1) + text, Role.HEAD))
            continue
        hint = _page_hint(number, count, glyphs)
        lead = " " * (LEADS[RowLevel.GROUP] - 1) + mark
        if width_of(lead + title) > placed.width - len(hint):
            # A whole word in place of a cut one: what the rows of the first level are.
            title = title.partition(" · ")[0].partition(" (")[0]
        spans.append(Span(fit(lead + title, max(0, placed.width - len(hint)), "left", ellipsis), Role.HEAD))
        spans.append(Span(hint[: placed.width], Role.KEY))
    return Line(tuple(spans))


def _sort_mark(column: GridColumn, sort: Sort | None, glyphs: Glyphs) -> str:
    if sort is None or sort.column != column.id:
        return " "
    return glyphs.down if sort.descending else glyphs.up


def _page_hint(number: int, count: int, glyphs: Glyphs) -> str:
    if count < 2:
        return ""
    left = glyphs.left if number else ""
    right = glyphs.right if number < count - 1 else ""
    return f" {left}{number + 1}/{count}{right}"


def notice_lines(text: str, width: int, height: int) -> list[Line]:
    """The text in the middle of an empty grid, its lines folded where they are too long."""
    lines = [part for line in text.split("\n") for part in folded(line, max(1, width - 4)) or [""]]
    above = max(0, (height - len(lines)) // 3)
    return [Line()] * above + [plain(" " * max(1, (width - width_of(line)) // 2) + line, Role.DIM) for line in lines]


def scroll_thumb(rows: int, top: int, height: int) -> range:
    """The lines of the scroll bar's thumb; none where all rows fit."""
    if rows <= height or height <= 0:
        return range(0)
    size = max(1, height * height // rows)
    start = round(top * (height - size) / (rows - height))
    return range(start, start + size)
