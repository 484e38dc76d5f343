"""The fleet grid and its model."""

from widgets.grid.grid import Grid
from widgets.grid.model import Arrangement, GridColumn, GridModel, GridRow, RowGroup, Sort
from widgets.grid.order import WorstFirst

__all__ = ["Arrangement", "Grid", "GridColumn", "GridModel", "GridRow", "RowGroup", "Sort", "WorstFirst"]
