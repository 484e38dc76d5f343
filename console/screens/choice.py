"""A list to choose from: namespaces, contexts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import background, bindings_of
from console.screens.table import TableScreen
from console.session.failure import SessionError
from console.views.choice_table import ChoiceModel
from console.views.filter import EVERYTHING
from console.views.query import Query
from themes.palette import Role
from widgets.cells import Cell
from widgets.grid import Grid, GridColumn

Item = tuple[str, str]
"""Value and its displayed text."""


class ChoiceScreen(TableScreen):
    """``read`` gives the items; enter hands the value to ``choose`` and closes."""

    where = ScreenId.CHOICE
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.CHOICE)
    enter = "choose"

    def __init__(
        self,
        desk: Desk,
        what: str,
        read: Callable[[], Awaitable[Sequence[Item]]],
        current: str,
        choose: Callable[[str], None],
        heads: tuple[GridColumn, ...] = (),
        beside: Callable[[], Mapping[str, tuple[Cell, ...]]] = dict,
    ) -> None:
        """``heads`` are further columns; ``beside`` returns their cells by value, once the items are there."""
        super().__init__(desk, Grid(waiting=f"loading {what}s …"))
        self._what = what
        self._read = read
        self._current = current
        self._choose = choose
        self._heads = heads
        self._read_beside = beside
        self._beside: Mapping[str, tuple[Cell, ...]] = {}
        self._items: Sequence[Item] | None = None

    def on_mount(self) -> None:
        self._load()

    @background("read")
    async def _load(self) -> None:
        try:
            self._items = await self._read()
        except SessionError as error:
            self.say(error.message, Role.ERROR)
            self.grid.show(ChoiceModel((), "", EVERYTHING, f"{error.message}\n{error.remedy}"))
            return
        self._beside = self._read_beside()
        self.ask(self.query_)
        self.grid.move_to(self._current)

    def ask(self, query: Query) -> None:
        self.query_ = query
        if self._items is not None:
            waiting = f"no such {self._what}"
            self.grid.show(
                ChoiceModel(self._items, self._current, query.filter, waiting, heads=self._heads, beside=self._beside)
            )

    def on_grid_selected(self, message: Grid.Selected) -> None:
        self.desk.navigator.go_back()
        self._choose(message.key)
