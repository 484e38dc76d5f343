"""Logs of a pod, one container at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import beside, bindings_of
from console.screens.lines import Lines
from console.screens.searched import SearchedScreen
from console.session.failure import SessionError
from console.views.containers import dropped_text, lack_in_full, lack_of_log, worth_reading
from fleet.model.objects import ObjectRef, Pod
from fleet.model.snapshot import Snapshot
from themes.palette import Role
from widgets.line import Line, Span
from widgets.log_view import LogView
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import age_text

TAIL = 1000
"""Lines from before the screen was opened."""
_GONE = "gone"
BATCH = 500
"""Lines after which the event loop gets its turn, however fast they come."""


class LogsScreen(SearchedScreen):
    """Follows the log of the running container, or shows that of the one before it restarted."""

    where = ScreenId.LOGS
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.LOGS)

    DEFAULT_CSS = """
    LogsScreen #title {
        height: 1;
    }
    """

    def __init__(self, desk: Desk, pod: Pod, ref: ObjectRef, *, previous: bool) -> None:
        self._pod = pod
        self._ref = ref
        self.log_view = LogView()
        super().__init__(desk, self.log_view)
        self._previous = previous
        self._containers = worth_reading(pod, previous=previous)
        self._container = self._containers[0] if self._containers else ""
        self._title = Lines(id="title")
        self._ended = False
        self._lack = ""
        """The reason why there is no log yet; it is read once there is."""
        self._since = 0

    @property
    def container(self) -> str:
        """The container whose log is shown."""
        return self._container

    def body(self) -> Iterable[Widget]:
        yield self._title
        yield self.log_view

    def on_mount(self) -> None:
        self._start()

    def _start(self) -> None:
        self._ended = False
        self._lack = "" if self._previous else lack_of_log(self._pod, self._container)
        self._show_title()
        if self._lack:
            self.workers.cancel_group(self, "logs")
            self._say_lack()
        else:
            self._read()

    def draw(self, snapshot: Snapshot) -> None:
        """Read the log of a container that has started meanwhile."""
        found = snapshot.everything.pods.get(self._pod.key)
        there = found is not None and found.uid == self._pod.uid
        if found is not None and there:
            self._pod = found
        if not self._lack:
            return
        lack = lack_of_log(self._pod, self._container) if there else _GONE
        if not lack:
            self.say("")
            self._start()
        elif lack != self._lack:
            self._lack = lack
            self._show_title()
            self._say_lack()

    def _say_lack(self) -> None:
        if self._lack == _GONE:
            self.say("the pod is gone: its container never started", Role.WARNING)
            return
        said = lack_in_full(self._pod, self._container)
        more = f": {said}" if said else ""
        self.say(f"{untrusted_name(self._container)} has not started yet, {self._lack}{more}", Role.WARNING)

    @beside("logs")
    async def _read(self) -> None:
        stream = self.desk.session.logs(
            self._ref,
            self._container,
            follow=not self._previous,
            previous=self._previous,
            tail=TAIL,
            since=self._since,
        )
        read = 0
        try:
            async for line in stream:
                self.log_view.append([line])
                read += 1
                if read % BATCH == 0:
                    await asyncio.sleep(0)
        except SessionError as error:
            words = error.in_a_line
            self.say(words, Role.ERROR)
        else:
            self._ended = True
            self._show_title()
            if not read:
                self.say(
                    f"nothing was logged in the last {age_text(self._since)}" if self._since else "the log is empty"
                )

    def _show_title(self) -> None:
        follows = "previous container" if self._previous else "following" if self.log_view.following else "paused"
        if self._lack:
            follows = "gone" if self._lack == _GONE else f"not started yet: {untrusted(self._lack)}"
        state = [follows] + ["ended"] * self._ended
        if self._since:
            state.append(f"the last {age_text(self._since)}")
        if len(self._containers) > 1:
            state.append(f"container {self._containers.index(self._container) + 1} of {len(self._containers)}")
        if self.log_view.dropped:
            state.append(dropped_text(self.log_view.dropped))
        name = f"{untrusted_name(self._pod.name)} › {untrusted_name(self._container)}"
        line = Line((Span(f" {name}", Role.STRONG), Span(f"   {' · '.join(state)}", Role.DIM)))
        self._title.show(lambda _width, _glyphs: [line])

    def on_log_view_state_changed(self) -> None:
        self._show_title()

    def toggle_follow(self) -> None:
        self.log_view.action_follow()

    def toggle_timestamps(self) -> None:
        self.log_view.action_timestamps()

    def clear(self) -> None:
        self.log_view.clear()

    def read_since(self, seconds: int) -> None:
        self._since = seconds
        self.log_view.clear()
        self._start()

    def next_container(self) -> None:
        if len(self._containers) < 2:
            self.say("the pod has one container")
            return
        at = self._containers.index(self._container)
        self._container = self._containers[(at + 1) % len(self._containers)]
        self.log_view.clear()
        self._start()
