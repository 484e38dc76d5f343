"""The drawn rows of a grid, cached while their inputs are unchanged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from fleet.model.severity import Severity
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.cells import NOTHING, Cell, Text, Trend, Usage
from widgets.grid.columns import ColumnPage
from widgets.grid.drawing import Parts, cell_width, row_spans
from widgets.grid.model import GridModel, GridRow
from widgets.grid.outline import Fold, RowLevel
from widgets.line import Span, spans_width

_ROOM = 400
"""Cells in which no text is cut that a line could show."""


class _Drawn(NamedTuple):
    """A row as it was drawn last, and everything that its picture depends on."""

    severity: Severity | None
    cells: Sequence[Cell]
    """Cells of the columns on the page, in its order."""
    page: ColumnPage
    level: RowLevel
    marked: bool
    parts: Parts
    spans: tuple[Span, ...]


class RowPainter:
    """Remembers the rows that it drew last, and no others."""

    def __init__(self) -> None:
        self._drawn: dict[str, _Drawn] = {}
        self._model: GridModel | None = None
        self.cells_drawn = 0
        """Cells drawn so far: tests count what a tick costs."""

    def draw(
        self,
        model: GridModel,
        rows: Iterable[tuple[str, RowLevel]],
        page: ColumnPage,
        marks: Collection[str],
        glyphs: Glyphs,
        folds: Mapping[str, Fold],
    ) -> list[tuple[Span, ...]]:
        """A row for each key and level, one below the other; the same spans again where the picture is the same."""
        drawn = [
            (key, self._row(model, key, level, page, glyphs, folds.get(key), marked=key in marks))
            for key, level in rows
        ]
        self._drawn, self._model = dict(drawn), model
        return [row.spans for _, row in drawn]

    def cut(self, model: GridModel, key: str, glyphs: Glyphs) -> list[str]:
        """Return the texts of a drawn row that have no room, whole: what explains it, even from another page of the
        columns, then what is cut on this one.
        """
        row = self._drawn.get(key)
        if row is None:
            return []
        found: dict[int, str] = {}
        shown = {placed.index: part for placed, part in zip(row.page.placed, row.parts, strict=True)}
        cells = model.row(key).cells
        for at, column in enumerate(model.columns):
            if column.align != "left" or (at not in shown and not column.explains):
                continue
            drawn = "".join(span.text for span in shown.get(at, ())).strip()
            if at in shown and glyphs.ellipsis not in drawn:
                continue
            cell = cells[at]
            if not isinstance(cell, Usage | Trend):
                whole = "".join(span.text for span in cell.draw(_ROOM, "left", glyphs)).strip()
                found |= {at: whole} if whole != drawn else {}
        return [found[at] for at in sorted(found, key=lambda at: (not model.columns[at].explains, -at))]

    def _row(
        self,
        model: GridModel,
        key: str,
        level: RowLevel,
        page: ColumnPage,
        glyphs: Glyphs,
        fold: Fold | None,
        *,
        marked: bool,
    ) -> _Drawn:
        before = self._drawn.get(key)
        if before is not None and (before.page is not page or before.level is not level):
            before = None
        if before is not None and before.marked == marked and self._model is model and fold is None:
            return before
        row = model.row(key) if fold is None else _fold_row(key, fold, len(model.columns))
        severity, cells = row.severity, [row.cells[placed.index] for placed in page.placed]
        parts = self._parts(cells, page, level, glyphs, before)
        if before is not None and parts is before.parts and (before.severity, before.marked) == (severity, marked):
            return before
        spans = row_spans(severity, parts, page, level, glyphs, marked=marked)
        return _Drawn(severity, cells, page, level, marked, parts, spans)

    def _parts(
        self, cells: Sequence[Cell], page: ColumnPage, level: RowLevel, glyphs: Glyphs, before: _Drawn | None
    ) -> Parts:
        """Return each cell in the width of its column; cells unchanged since ``before``, on this page and level, are
        reused.

        A text continues where the cells beside it do not apply to its row, and where a strip has no history yet: the
        columns stay where they are.
        """
        if before is not None and before.cells == cells:
            return before.parts
        parts: list[tuple[Span, ...]] = []
        lent = 0
        for position in reversed(range(len(cells))):
            placed, cell = page.placed[position], cells[position]
            lends = _lends(page, cells, position)
            if lends and not isinstance(cell, Trend):
                lent += placed.width + page.gap
                parts.append(())
                continue
            width = cell_width(placed, position, level) + lent
            part = before.parts[position] if before is not None and before.cells[position] == cell else None
            if part is None or (placed.column.align == "left" and not lends and spans_width(part) != width):
                self.cells_drawn += 1
                part = cell.draw(width, placed.column.align, glyphs)
            lent = 0
            if lends:
                part = _from_its_start(part)
                lent = placed.width - spans_width(part)
            parts.append(part)
        return parts[::-1]


def _lends(page: ColumnPage, cells: Sequence[Cell], position: int) -> bool:
    """True for a strip behind a text, and for a cell that does not apply to the row, whose column is as blank."""
    if not isinstance(cells[position], Trend) and not _is_blank(cells[position]):
        return False
    text = next((at for at in range(position - 1, 0, -1) if not _is_blank(cells[at])), 0)
    return text > 0 and page.placed[text].column.align == "left" and not isinstance(cells[text], Usage | Trend)


def _is_blank(cell: Cell) -> bool:
    return isinstance(cell, Text) and not cell.text


def _from_its_start(strip: tuple[Span, ...]) -> tuple[Span, ...]:
    """The strip without the time before its history, which is blank."""
    first, *rest = strip
    return (first._replace(text=first.text.lstrip()), *rest)


def _fold_row(key: str, fold: Fold, columns: int) -> GridRow:
    """The row for children that are alike."""
    return GridRow(key, (Text(f"+{fold.size} alike", Role.DIM), *(NOTHING,) * (columns - 1)))
