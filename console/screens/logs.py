"""Logs of a pod, one container at a time, or of several pods merged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import background, bindings_of
from console.screens.log_base import LogScreen
from console.session.failure import SessionError
from console.views import kubectl
from console.views.pod_logs import dropped_text, lack_in_full, lack_of_log, worth_reading
from console.views.subject import assessment_of
from fleet.model.counting import count
from fleet.model.objects import ObjectRef, Pod
from fleet.model.severity import rank
from fleet.model.snapshot import Snapshot
from themes.palette import Role
from widgets.log_buffer import LogLine
from widgets.log_words import LogLevel, level_of
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import age_text

TAIL = 1000
"""Lines from before the screen was opened."""
_TAIL_OF_EACH = 200
"""The same where the logs of several pods are one."""
_MOST = 12
"""Pods whose logs are merged, worst first: each needs a connection."""
_GATHERED = 0.3
"""Seconds for which lines of several pods are gathered, so that they can be put in the order of their times."""
_SILENT = 30.0
"""Seconds after which the age of the last line is shown instead of "following"."""
_SUFFIX = 5
"""Characters at the end of a name that identify a pod among its siblings."""
_GONE = "gone"
BATCH = 500
"""Lines after which the event loop gets its turn, however fast they come."""


class LogsScreen(LogScreen):
    """Follows the log of the running container, or shows that of the one before the restart."""

    where = ScreenId.LOGS
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.LOGS)

    def __init__(self, desk: Desk, pod: Pod, ref: ObjectRef, *, previous: bool, together: Sequence[Pod] = ()) -> None:
        self._pod = pod
        self._ref = ref
        self._together = tuple(together)
        """The pods whose logs are merged; empty for the log of ``pod`` alone."""
        super().__init__(desk)
        self._previous = previous
        self._containers = worth_reading(pod, previous=previous)
        self._container = self._containers[0] if self._containers else ""
        self._ended = self._failed = False
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
        self._ended = self._failed = False
        self._lack = "" if self._previous or self._together else lack_of_log(self._pod, self._container)
        self._show_title()
        if self._lack:
            self.workers.cancel_group(self, "logs")
            self._say_lack()
        elif self._together:
            self._read_together()
        else:
            self._read()

    def draw(self, snapshot: Snapshot) -> None:
        """Read the log of a container that has started meanwhile."""
        self._show_title()
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
            self.say("the pod is gone: its container never started", Role.WARNING, is_event=True)
            return
        reason = lack_in_full(self._pod, self._container)
        more = f": {reason}" if reason else ""
        text = f"{untrusted_name(self._container)} has not started yet, {self._lack}{more}"
        self.say(text, Role.WARNING, is_event=True)

    @background("logs")
    async def _read(self) -> None:
        read = 0
        try:
            async for line in self._stream(self._ref, self._container, TAIL):
                self.log_view.append([line])
                read += 1
                if read % BATCH == 0:
                    await asyncio.sleep(0)
        except SessionError as error:
            self._failed = True
            self._show_title()
            self.say(error.in_a_line, Role.ERROR)
        else:
            self._ended = True
            self._show_title()
            if not read:
                self.say(
                    f"nothing was logged in the last {age_text(self._since)}" if self._since else "the log is empty"
                )

    @background("logs")
    async def _read_together(self) -> None:
        """Read the logs of several pods into one, in the order of their times as far as they come together."""
        arrived: list[LogLine] = []
        tasks = [asyncio.ensure_future(self._gather(pod, arrived)) for pod in self._together]
        going: set[asyncio.Future[None]] = set(tasks)
        try:
            while going:
                _, going = await asyncio.wait(going, timeout=_GATHERED)
                self.log_view.append(sorted(arrived, key=lambda line: line.at or 0.0))
                arrived.clear()
        finally:
            for task in tasks:
                task.cancel()
        self._ended = True
        self._show_title()

    async def _gather(self, pod: Pod, into: list[LogLine]) -> None:
        snapshot, containers = self.desk.snapshot, worth_reading(pod)
        nothing = self._previous and not pod.restarts
        if snapshot is None or not containers or nothing or lack_of_log(pod, containers[0]):
            return
        who = untrusted_name(pod.name)[-_SUFFIX:]
        ref = snapshot.ref("Pod", pod.namespace, pod.name)
        try:
            async for line in self._stream(ref, containers[0], _TAIL_OF_EACH):
                into.append(line._replace(who=who))
                if len(into) % BATCH == 0:
                    await asyncio.sleep(0)
        except SessionError as error:
            self.say(f"{who}: {error.in_a_line}", Role.ERROR)

    def _stream(self, ref: ObjectRef, container: str, tail: int) -> AsyncIterator[LogLine]:
        return self.desk.session.logs(
            ref, container, follow=not self._previous, previous=self._previous, tail=tail, since=self._since
        )

    def _show_title(self) -> None:
        state = [self._following()] + ["ended"] * self._ended
        if self._since:
            state.append(f"the last {age_text(self._since)}")
        if len(self._containers) > 1 and not self._together:
            state.append(f"container {self._containers.index(self._container) + 1} of {len(self._containers)}")
        if self.log_view.dropped:
            state.append(dropped_text(self.log_view.dropped))
        name = f"{untrusted_name(self._pod.name)} › {untrusted_name(self._container)}"
        self.show_title(self._all_of_them() if self._together else name, " · ".join(state))

    def _all_of_them(self) -> str:
        """Return ``12 of 190 pods together, the worst``, or ``3 pods together``."""
        shown, there = len(self._together), len(self._pods_beside())
        if shown == _MOST and there > shown:
            return f"{shown} of {count(there, 'pod')} together, the worst"
        return f"{count(shown, 'pod')} together"

    def _following(self) -> str:
        """Return the state of the log: ``following``, ``silent 12m``, ``paused``, or why there is none."""
        if self._lack:
            return "gone" if self._lack == _GONE else f"not started yet: {untrusted(self._lack)}"
        if self._failed:
            return "not read" if self.log_view.last_at is None else "broken off"
        if self._previous:
            return "previous container"
        if not self.log_view.following:
            return "paused"
        last, snapshot = self.log_view.last_at, self.desk.snapshot
        silent = snapshot.at - last if last is not None and snapshot is not None else 0.0
        return f"silent {age_text(silent)}" if silent >= _SILENT and not self._ended else "following"

    def on_log_view_state_changed(self) -> None:
        self._show_title()

    def as_kubectl(self) -> str:
        pods = self._together or (self._pod,)
        return "\n".join(
            kubectl.logs(
                self._ref._replace(namespace=pod.namespace, name=pod.name),
                self._container if pod is self._pod else next(iter(worth_reading(pod)), ""),
                previous=self._previous,
                since=self._since,
                tail=TAIL,
            )
            for pod in pods
        )

    @property
    def log_name(self) -> str:
        return f"{len(self._together)}-pods" if self._together else f"{self._pod.name}-{self._container}"

    @property
    def no_error(self) -> str:
        before = "; p has the log from before the restart" if self._pod.restarts and not self._previous else ""
        return f"{super().no_error}{before}"

    def log_errors(self) -> tuple[str, str, Sequence[str]]:
        errors = [line for line in self.log_view.lines_kept if level_of(line.text) is LogLevel.ERROR]
        return self._pod.key, self._container, [f"{line.who} {line.text}".strip() for line in errors]

    @property
    def subject(self) -> str | None:
        """Key of the pod."""
        return self._pod.key

    def toggle_together(self) -> None:
        """Read the logs of all pods of the workload as one, or again that of the pod alone."""
        if self._together:
            self._together = ()
        else:
            self._together = self._siblings()
        if not self._together and len(self._siblings()) < 2:
            self.say("the workload has no other pod")
            return
        self.log_view.clear()
        self._start()

    def _pods_beside(self) -> Sequence[str]:
        """Keys of the pods of its workload, itself among them."""
        snapshot = self.desk.snapshot
        if snapshot is None:
            return ()
        whole = snapshot.everything
        return whole.pods_of.get(whole.workload_of.get(self._pod.key, ""), ())

    def _siblings(self) -> tuple[Pod, ...]:
        snapshot, keys = self.desk.snapshot, self._pods_beside()
        if snapshot is None:
            return ()
        whole = snapshot.everything
        ranked = sorted(keys, key=lambda key: (key != self._pod.key, rank(assessment_of(whole, key).severity)))
        return tuple(whole.pods[key] for key in ranked[:_MOST]) if len(ranked) > 1 else ()

    def toggle_timestamps(self) -> None:
        self.log_view.action_timestamps()

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
