"""The drawn rows of a grid, cached while their inputs are unchanged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from fleet.model.severity import Severity
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.cells import NOTHING, Cell, Text, Trend
from widgets.grid.columns import ColumnPage
from widgets.grid.drawing import Parts, cell_width, row_spans
from widgets.grid.model import GridModel, GridRow
from widgets.grid.outline import Fold, RowLevel
from widgets.line import Span, spans_width


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

        A text continues where the strip beside it has no history yet: the columns stay where they are.
        """
        if before is not None and before.cells == cells:
            return before.parts
        parts: list[tuple[Span, ...]] = []
        lent = 0
        for position in reversed(range(len(cells))):
            placed, cell = page.placed[position], cells[position]
            width = cell_width(placed, position, level) + lent
            part = before.parts[position] if before is not None and before.cells[position] == cell else None
            if part is None or (_lends(page, cells, position + 1) and spans_width(part) != width):
                self.cells_drawn += 1
                part = cell.draw(width, placed.column.align, glyphs)
            lent = 0
            if _lends(page, cells, position):
                part = _from_its_start(part)
                lent = placed.width - spans_width(part)
            parts.append(part)
        return parts[::-1]


def _lends(page: ColumnPage, cells: Sequence[Cell], position: int) -> bool:
    """True for a strip behind a text."""
    strip = 1 < position < len(cells) and isinstance(cells[position], Trend)
    return strip and page.placed[position - 1].column.align == "left"


def _from_its_start(strip: tuple[Span, ...]) -> tuple[Span, ...]:
    """The strip without the time before its history, which is blank."""
    first, *rest = strip
    return (first._replace(text=first.text.lstrip()), *rest)


def _fold_row(key: str, fold: Fold, columns: int) -> GridRow:
    """The row for children that are alike."""
    return GridRow(key, (Text(f"+{fold.size} alike", Role.DIM), *(NOTHING,) * (columns - 1)))
