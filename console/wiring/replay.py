"""A recording in place of a cluster: the console on the past, with nothing that could act."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from console.config.settings import Settings
from console.session.failure import SessionError
from console.session.reader import NoReader, ObjectReader
from console.wiring.memory import recordings_folder
from console.wiring.session import SettingsWiring
from fleet.baseline.from_recordings import recorded
from fleet.observer import Observer
from fleet.recorder.cluster_recordings import file_of
from fleet.recorder.curves import RecordedCurves
from fleet.recorder.playback import Playback, PlayedBefore, RecordedMetrics, RecordedObjects, recorded_facts
from fleet.recorder.problem import RecordingError
from fleet.recorder.reader import Recording
from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.kubeconfig import load_access

if TYPE_CHECKING:
    from console.session.connection import Connection, OnActionChange, PastConnection
    from console.session.context_facts import ContextFacts
    from fleet.model.baseline import BaselineQuestion, Baselines
    from fleet.model.curve import Curve, CurveQuestion
    from fleet.model.objects import ClusterId, ObjectRef
    from fleet.model.snapshot import Cluster, Snapshot
    from fleet.recorder.recorded_past import RecordedTimeline
    from fleet.timeline.timeline import Timeline

Why = tuple[str, str]
"""A reason why a recording cannot answer, and what to do about it."""
_WHY: Why = ("this is a recording: its cluster is not queried", "Quit, and open the cluster itself.")


class RecordedWiring(SettingsWiring):
    """``path`` is a recording that can be read; ``at`` is a Unix time in it."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], path: Path, at: float, speed: float) -> None:
        super().__init__(settings, settings, environ)
        self._refresh = settings.ui.refresh
        self._path = path
        self._at = at
        self._speed = speed

    def connect(self, context: str, namespace: str) -> Connection:
        del context
        # Opened each time: leaving it closes it.
        playback = Playback(Recording(self._path), self._at, self._speed)
        return RecordedConnection(playback, RecordedObjects(playback, namespace), self._refresh, self.keep)

    def past(self, cluster: ClusterId, namespace: str, at: float) -> PastConnection:
        del cluster
        from console.wiring.past import connect_past

        return connect_past(self._path, at, namespace, self.keep)

    def contexts(self) -> tuple[str, ...]:
        return (name_of(self._path),)

    def about_contexts(self) -> Mapping[str, ContextFacts]:
        return {}

    def leads_somewhere(self, context: str) -> bool:
        return context in ("", *self.contexts())

    def check(self, context: str) -> None:
        if not self.leads_somewhere(context):
            raise KubeconfigError(f"no context {context!r} in a recording", f"There is: {self.contexts()[0]}.")


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


def kept_file(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Return the continuous recording of the context in the settings. Raises RecordingError if there is none."""
    try:
        access = load_access(settings.cluster.kubeconfig or None, settings.cluster.context or None, environ)
    except KubeconfigError as error:
        raise RecordingError(error.message, error.remedy) from None
    file = file_of(recordings_folder(environ), access.context, access.server)
    if not file.exists():
        raise RecordingError(f"there is no recording of {access.context} yet", "The console records what it sees.")
    return file


def name_of(path: Path) -> str:
    """Return the name of a recording in place of a context."""
    return f"recording {path.name}"
