"""The screen that explains why a pod or a workload is slow. Current data is shown at once; the past is queried."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import background, bindings_of
from console.screens.reading import ReadingScreen
from console.session.failure import SessionError
from console.views.series import series_of
from console.views.subject import ref_of
from console.views.why import why_lines
from fleet.latency.comparison import LOOKS_BACK, LastChange, last_change, questions
from fleet.latency.report import latency_report
from fleet.model.snapshot import Snapshot

if TYPE_CHECKING:
    from fleet.model.curve import Curve

_SOURCES_ASKED = "loading earlier values …"


class WhyScreen(ReadingScreen):
    """A page that is redrawn with every Snapshot; the past is queried once, when it is opened."""

    where = ScreenId.WHY
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.WHY)

    def __init__(self, desk: Desk, key: str) -> None:
        self._key = key
        self._curves: list[Curve] = []
        self._change: LastChange | None = None
        self._state, self._is_problem = _SOURCES_ASKED, False
        super().__init__(desk)

    @property
    def subject(self) -> str | None:
        return self._key

    def on_mount(self) -> None:
        self._ask()

    def draw(self, snapshot: Snapshot) -> None:
        report = latency_report(snapshot.everything, self._key, self._curves, self._change)
        self.page.show(
            lambda width, glyphs: why_lines(
                report, snapshot.at, self._state, width, glyphs, is_problem=self._is_problem
            )
        )

    @background("past")
    async def _ask(self) -> None:
        """Query the last change, and the phases before it and an hour ago: four queries in all."""
        snapshot = self.desk.snapshot
        if snapshot is None:
            return None
        session, whole = self.desk.session, snapshot.everything
        of = ref_of(whole, whole.workload_of.get(self._key, self._key)) or whole.cluster.id
        try:
            timeline = await session.timeline(of, snapshot.at - LOOKS_BACK)
            self._change = last_change(timeline.entries, snapshot.at)
        except SessionError as error:
            self._say(error.in_a_line, is_problem=True)
        series = series_of(snapshot, self._key)
        if series is None:
            return self._say("")
        try:
            # In sequence: a slow store should not get three queries at once.
            for question in questions(series, self._key, snapshot.at, self._change):
                self._curves.append(await session.curve(question))
        except SessionError as error:
            return self._say(error.in_a_line, is_problem=True)
        return self._say("")

    def _say(self, state: str, *, is_problem: bool = False) -> None:
        self._state, self._is_problem = state, is_problem
        if self.desk.snapshot is not None:
            self.draw(self.desk.snapshot)
