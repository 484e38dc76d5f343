"""The fleet grid and its model."""

from widgets.grid.grid import Grid
from widgets.grid.model import Alike, Arrangement, GridColumn, GridModel, GridRow, RowGroup, Sort
from widgets.grid.order import WorstFirst

__all__ = ["Alike", "Arrangement", "Grid", "GridColumn", "GridModel", "GridRow", "RowGroup", "Sort", "WorstFirst"]
