"""The connection to a recording: what a cluster alone could answer fails, in words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from console.session.failure import SessionError
from console.session.reader import NoReader, ObjectReader
from fleet.baseline.from_recordings import recorded
from fleet.observer import Observer
from fleet.recorder.curves import RecordedCurves
from fleet.recorder.playback import Playback, PlayedBefore, RecordedMetrics, RecordedObjects, recorded_facts
from fleet.recorder.problem import RecordingError
from fleet.sources.kube.errors import KubeconfigError

if TYPE_CHECKING:
    from console.session.connection import OnActionChange
    from fleet.model.baseline import BaselineQuestion, Baselines
    from fleet.model.curve import Curve, CurveQuestion
    from fleet.model.objects import ObjectRef
    from fleet.model.snapshot import Cluster, Snapshot
    from fleet.recorder.recorded_past import RecordedTimeline
    from fleet.timeline.timeline import Timeline

Why = tuple[str, str]
"""A reason why a recording cannot answer, and what to do about it."""
_WHY: Why = ("this is a recording: its cluster is not queried", "Quit, and open the cluster itself.")


class RecordedReader(NoReader):
    """A reader of a recording: quantities over time, and the past according to its rows; it contains nothing else.

    ``namespace`` returns the selected one.
    """

    def __init__(self, playback: Playback, namespace: Callable[[], str], why: Why = _WHY) -> None:
        super().__init__(*why)
        self._path = playback.recording.path
        self._now = playback.now
        self._namespace = namespace
        self._curves = RecordedCurves(self._path)
        self._past: RecordedTimeline | None = None

    async def namespaces(self, seen: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(seen))

    async def timeline(self, ref: ObjectRef | None, since: float) -> Timeline:
        from fleet.recorder.recorded_past import RecordedTimeline
        from fleet.timeline.timeline import ask

        # Kept, because it caches what it has read.
        self._past = self._past or RecordedTimeline(self._path, self._now)
        found = await ask([self._past], since, self._now(), self._namespace())
        return found if ref is None else found.narrowed_to(ref)

    async def curve(self, question: CurveQuestion) -> Curve:
        try:
            return await asyncio.to_thread(self._curves.curve, question)
        except RecordingError as error:
            raise SessionError(error.message, error.remedy) from None

    async def baselines(self, question: BaselineQuestion) -> Baselines:
        try:
            return await asyncio.to_thread(recorded, self._path, question)
        except RecordingError as error:
            raise SessionError(error.message, error.remedy) from None


class RecordedConnection:
    """The connection to a recording. Questions that only a cluster can answer fail."""

    is_local = is_absent = False

    def __init__(
        self,
        playback: Playback,
        objects: RecordedObjects,
        refresh: float,
        keep: Callable[[Exception], str],
        why: Why = _WHY,
    ) -> None:
        self._why = why
        self.context = name_of(playback.recording.path)
        self.cluster = objects.state().cluster.id
        self.observer = Observer(
            objects,
            RecordedMetrics(objects),
            recorded_facts(playback, objects),
            refresh=refresh,
            read_only=True,
            clock=playback.now,
            report=keep,
            recorder=PlayedBefore(playback.recording.path),
        )
        self.reader: ObjectReader = RecordedReader(playback, lambda: objects.state().cluster.namespace, why)

    def reads(self) -> NoReturn:
        raise KubeconfigError(*self._why)

    async def identify(self) -> Cluster:
        self.reads()

    def runner(self, newest: Callable[[], Snapshot], changed: OnActionChange) -> NoReturn:
        del newest, changed
        self.reads()


def name_of(path: Path) -> str:
    """Return the name of a recording in place of a context."""
    return f"recording {path.name}"
