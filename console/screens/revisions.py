"""The revisions of a workload: enter plans the rollback to one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from actions.kinds.rollback import RollBack
from actions.request import Target
from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import background, bindings_of
from console.screens.lines import Lines
from console.screens.table import TableScreen
from console.session.failure import SessionError
from console.views.query import Query
from console.views.revisions import RevisionsModel, revisions_title
from themes.palette import Role
from widgets.grid import Grid

if TYPE_CHECKING:
    from actions.revisions import Revision


class RevisionsScreen(TableScreen):
    """Newest first, with the model version of each; the cursor begins on the previous one."""

    where = ScreenId.REVISIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.REVISIONS)
    enter = "plan it"
    DEFAULT_CSS = """
    RevisionsScreen #title {
        height: 1;
    }
    """

    def __init__(self, desk: Desk, target: Target) -> None:
        super().__init__(desk, Grid(waiting=f"reading the revisions of {target.name} …"))
        self._target = target
        self._found: Sequence[Revision] = ()
        self._title = Lines(id="title")

    def body(self) -> Iterable[Widget]:
        yield self._title
        yield self.grid

    def on_mount(self) -> None:
        line = revisions_title(self._target.kind, self._target.namespace, self._target.name)
        self._title.show(lambda _width, _glyphs: [line])
        self._load()

    @background("read")
    async def _load(self) -> None:
        acting = self.desk.actions.service
        if acting is None:
            return
        try:
            self._found = await acting.revisions(self._target)
        except SessionError as error:
            self.say(error.in_a_line, Role.ERROR)
            self.grid.show(RevisionsModel((), self.query_.filter, time.time(), error.message))
            return
        self.ask(self.query_)
        before = next((revision.name for revision in self._found if not revision.current), None)
        if before is not None:
            self.grid.move_to(before)

    def ask(self, query: Query) -> None:
        self.query_ = query
        self.grid.show(RevisionsModel(self._found, query.filter, time.time()))

    def on_grid_selected(self, message: Grid.Selected) -> None:
        chosen = next((revision for revision in self._found if revision.name == message.key), None)
        if chosen is not None and chosen.current:
            self.say("that is what runs now")
        elif chosen is not None:
            self.desk.actions.open_plan(RollBack(self._target, chosen.name))
