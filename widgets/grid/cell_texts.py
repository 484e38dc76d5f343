"""The cells of a row as text, for copying: as drawn with enough room, of drawings only the number."""

from __future__ import annotations

from themes.glyphs import Glyphs
from widgets.cells import Trend, Usage
from widgets.grid.model import GridModel

_ROOM = 200
"""Cells within which a text is not cut."""
_NO_BAR = 5
"""Cells that have room for the number of a bar alone."""


def cell_texts(model: GridModel, key: str, glyphs: Glyphs) -> dict[str, str]:
    """Column id → text, for each column that has a head; strips have no text."""
    texts = {}
    for column, cell in zip(model.columns, model.row(key).cells, strict=False):
        if not isinstance(cell, Trend):
            room = _NO_BAR if isinstance(cell, Usage) else max(column.width, _ROOM)
            texts[column.id] = "".join(span.text for span in cell.draw(room, column.align, glyphs)).strip()
    return texts
