"""The fleet grid and what it is given to show."""

from widgets.grid.grid import Grid
from widgets.grid.model import Column, GridModel, Group, Row, Sort
from widgets.grid.order import WorstFirst

__all__ = ["Column", "Grid", "GridModel", "Group", "Row", "Sort", "WorstFirst"]
