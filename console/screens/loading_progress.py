"""Loading progress of the pods on a page, from the ends of their logs: requested in the background."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from console.screens.base import BESIDE, ConsoleScreen
from console.session.failure import SessionError
from console.views.pod_logs import worth_reading
from console.views.subject import ref_of
from console.views.workload_pods import Loading, is_starting
from fleet.model.objects import Pod
from fleet.model.snapshot import Snapshot

if TYPE_CHECKING:
    from textual.worker import WorkType

    from fleet.local.server import Phase, StartStage

_EVERY: Final = 5.0
"""Seconds between two reads of the logs."""
_MOST: Final = 4
"""Number of pods whose logs are read: with many starting pods, a workload's page is about none in particular."""
_TAIL: Final = 300
"""Lines from the end. A bar that counts shards writes many, and only the last of them counts."""


class Starts:
    """Belongs to one screen, which is redrawn when a phase changes. Empty if logs may not be read."""

    def __init__(self, screen: ConsoleScreen) -> None:
        self._screen = screen
        self._asked = -math.inf
        self._pods: Sequence[Pod] = ()
        self._found: Mapping[str, Loading] = {}
        self._refused = False

    def of(self, snapshot: Snapshot, pods: Sequence[Pod]) -> Mapping[str, Loading]:
        """Return the last progress from the logs, by pod key; reads again if that is due and a pod is starting."""
        loading = [pod for pod in pods if is_starting(pod)][:_MOST]
        if not loading:
            return {}
        if not self._refused and not snapshot.is_machine and snapshot.at - self._asked >= _EVERY:
            self._asked, self._pods = snapshot.at, loading
            work: WorkType[None] = self._poll
            self._screen.run_worker(work, group="starts", **BESIDE)
        return self._found

    async def _poll(self) -> None:
        snapshot = self._screen.desk.snapshot
        if snapshot is None:
            return
        found = {}
        try:
            for pod in self._pods:
                if progress := await self._read(snapshot, pod):
                    found[pod.key] = progress
        except SessionError:
            # A missing permission for logs is reported where logs are opened; the page shows the rest.
            self._refused = True
            return
        newest = self._screen.desk.snapshot
        if found != self._found and newest is not None:
            self._found = found
            self._screen.draw(newest)

    async def _read(self, snapshot: Snapshot, pod: Pod) -> Loading | None:
        """Return the last phase in the serving container's log."""
        from fleet.local.phases import StageReader

        ref, containers = ref_of(snapshot, pod.key), worth_reading(pod)
        if ref is None or not containers:
            return None
        reader, pace = StageReader(0.0), PhasePace()
        stream = self._screen.desk.session.logs(ref, containers[0], follow=False, previous=False, tail=_TAIL, since=0)
        async for line in stream:
            reader.feed(line.text, line.at or 0.0)
            pace.feed(reader.stages[-1], line.at)
        last = reader.stages[-1]
        # "reading weights, read" would contradict itself.
        detail = "done" if last.detail == "read" else last.detail
        return Loading(last.phase.value, detail, pace.ends) if len(reader.stages) > 1 else None


class PhasePace:
    """The end of the phase of a start that is under way, from the times at which its count grew."""

    def __init__(self) -> None:
        self._phase: Phase | None = None
        self._first = self._last = (0.0, 0.0)
        """Time and count: the first and the last of the phase."""
        self._total = 0.0

    def feed(self, stage: StartStage, at: float | None) -> None:
        """The stage after a line that was written at ``at`` (by the node's clock; the log's own may be in any zone)."""
        if at is None or not stage.total:
            return
        if stage.phase is not self._phase:
            self._phase, self._first, self._last = stage.phase, (at, stage.done), (at, stage.done)
        elif stage.done > self._last[1]:
            self._last = (at, stage.done)
        self._total = stage.total

    @property
    def ends(self) -> float | None:
        """Unix time; None before the count has grown, and once it is complete."""
        (began, before), (at, done) = self._first, self._last
        if done <= before or at <= began or done >= self._total:
            return None
        return at + (at - began) * (self._total - done) / (done - before)
