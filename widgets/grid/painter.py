"""The drawn rows of a grid, cached while their inputs are unchanged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from fleet.model.severity import Severity
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.cells import NOTHING, Cell, Text
from widgets.grid.columns import ColumnPage
from widgets.grid.drawing import Parts, cell_width, row_spans
from widgets.grid.model import GridModel, GridRow
from widgets.grid.outline import Fold, RowLevel
from widgets.line import Span


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
        """
        if before is not None and before.cells == cells:
            return before.parts
        parts: list[tuple[Span, ...]] = []
        for position, (placed, cell) in enumerate(zip(page.placed, cells, strict=True)):
            if before is not None and before.cells[position] == cell:
                parts.append(before.parts[position])
            else:
                self.cells_drawn += 1
                parts.append(cell.draw(cell_width(placed, position, level), placed.column.align, glyphs))
        return parts


def _fold_row(key: str, fold: Fold, columns: int) -> GridRow:
    """The row for children that are alike."""
    return GridRow(key, (Text(f"+{fold.size} alike", Role.DIM), *(NOTHING,) * (columns - 1)))
