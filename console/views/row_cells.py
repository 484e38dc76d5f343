"""The cells of one row of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

from widgets.cells import Cell


class Cells(Sequence[Cell]):
    """The cells of a row, each made on access: cells on other pages are never made."""

    def __init__(self, count: int, make: Callable[[int], Cell]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Cell: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Cell]: ...

    def __getitem__(self, index: int | slice) -> Cell | Sequence[Cell]:
        at = range(self._count)[index]
        return self._make(at) if isinstance(at, int) else [self._make(each) for each in at]
