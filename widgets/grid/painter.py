"""The rows of a grid as they are drawn, kept for as long as nothing that their picture depends on changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from themes.glyphs import Glyphs
from widgets.grid.columns import Page
from widgets.grid.drawing import row_spans
from widgets.grid.model import GridModel, Row
from widgets.grid.outline import Level
from widgets.line import Span


class _Drawn(NamedTuple):
    """A row as it was drawn last, and everything that its picture depends on."""

    row: Row
    page: Page
    level: Level
    marked: bool
    spans: tuple[Span, ...]


class RowPainter:
    """Remembers the rows that it drew last, and no others."""

    def __init__(self) -> None:
        self._drawn: dict[str, _Drawn] = {}
        self._model: GridModel | None = None

    def draw(
        self, model: GridModel, rows: Iterable[tuple[str, Level]], page: Page, marks: Collection[str], glyphs: Glyphs
    ) -> list[tuple[Span, ...]]:
        """A row for each key and level, one below the other; the same spans again where the picture is the same."""
        drawn = [(key, self._row(model, key, level, page, glyphs, marked=key in marks)) for key, level in rows]
        self._drawn, self._model = dict(drawn), model
        return [row.spans for _, row in drawn]

    def _row(self, model: GridModel, key: str, level: Level, page: Page, glyphs: Glyphs, *, marked: bool) -> _Drawn:
        before = self._drawn.get(key)
        if before is not None and (before.page is not page or (before.level, before.marked) != (level, marked)):
            before = None
        if before is not None and self._model is model:
            return before
        row = model.row(key)
        if before is not None and before.row == row:
            return before
        return _Drawn(row, page, level, marked, row_spans(row, page, level, glyphs, marked=marked))
