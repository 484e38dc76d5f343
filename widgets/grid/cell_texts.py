"""The cells of a row as text, for copying: as drawn with enough room."""

from __future__ import annotations

from themes.glyphs import Glyphs
from widgets.grid.model import GridModel

_ROOM = 200
"""Cells within which a text is not cut."""


def cell_texts(model: GridModel, key: str, glyphs: Glyphs) -> dict[str, str]:
    """Column id → text, for each column that has a head."""
    row = model.row(key)
    return {
        column.id: "".join(span.text for span in cell.draw(max(column.width, _ROOM), column.align, glyphs)).strip()
        for column, cell in zip(model.columns, row.cells, strict=False)
    }
