"""The screen of the past of everything in view, or of one object. Queried once, when it is opened."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import background, bindings_of
from console.screens.lines import Lines
from console.screens.reading import ReadingScreen
from console.screens.table import TableScreen
from console.session.failure import SessionError
from console.views.choice_table import ChoiceModel
from console.views.filter import EVERYTHING
from console.views.query import Query
from console.views.timeline import place
from console.views.timeline_table import TimelineModel, entry_lines, title_lines
from fleet.model.objects import ClusterId, ObjectRef
from themes.palette import Role
from widgets.grid import Grid

if TYPE_CHECKING:
    from fleet.timeline.entry import Entry
    from fleet.timeline.timeline import Timeline

BACK = 24 * 3600.0
"""Seconds: an engineer paged at night wants to see what was done during the day."""


class TimelineScreen(TableScreen):
    """A row per entry ``of`` an object, or of a whole cluster, latest first; enter shows the evidence."""

    where = ScreenId.TIMELINE
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.TIMELINE)
    enter = "evidence"

    DEFAULT_CSS = """
    TimelineScreen #title {
        height: auto;
    }
    """

    def __init__(self, desk: Desk, of: ObjectRef | ClusterId) -> None:
        super().__init__(desk, Grid(waiting="reading what happened …"))
        self._of = of
        self._title = Lines(id="title")
        self._timeline: Timeline | None = None

    def body(self) -> Iterable[Widget]:
        yield self._title
        yield self.grid

    def on_mount(self) -> None:
        self._head()
        self._load()

    @background("read")
    async def _load(self) -> None:
        try:
            self._timeline = await self.desk.session.timeline(self._of, self._now() - BACK)
        except SessionError as error:
            self.say(error.in_a_line, Role.ERROR)
            # It stays after the message is gone, when reading has finished.
            self.grid.show(ChoiceModel((), "", EVERYTHING, error.message))
            return
        self._head()
        self.ask(self.query_)

    def _now(self) -> float:
        """Return the current time; a recording has its own clock."""
        return self.desk.snapshot.at if self.desk.snapshot is not None else time.time()

    def _head(self) -> None:
        of = place(self._of) if isinstance(self._of, ObjectRef) else ""
        draw = partial(title_lines, self._timeline, of)
        self._title.styles.height = len(draw(self.size.width))
        self._title.show(lambda width, _glyphs: draw(width))

    def ask(self, query: Query) -> None:
        self.query_ = query
        if self._timeline is not None:
            none = "nothing matches" if query.filter else "nothing is known to have happened"
            self.grid.show(TimelineModel(self._timeline, query.filter, none))

    def on_grid_selected(self, message: Grid.Selected) -> None:
        if self._timeline is not None:
            entry = self._timeline.entries[int(message.key)]
            self.app.push_screen(EntryScreen(self.desk, entry))


class EntryScreen(ReadingScreen):
    """Everything of one entry, with its evidence."""

    where = ScreenId.TEXT
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.TEXT)

    def __init__(self, desk: Desk, entry: Entry) -> None:
        self._entry = entry
        super().__init__(desk)

    def on_mount(self) -> None:
        self.page.show(partial(entry_lines, self._entry))
