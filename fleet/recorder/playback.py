"""A recording as sources: an Observer made of these shows the past as it was shown then."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fleet.model.facts import Dated
from fleet.model.measurement import Measurement
from fleet.model.past import Latency, Past
from fleet.model.problem import SourceProblem
from fleet.model.snapshot import Health, SourceStatus
from fleet.recorder.model_json import stamped
from fleet.recorder.moment import Moment
from fleet.recorder.problem import RecordingError
from fleet.recorder.reader import Recording
from fleet.recorder.recorded_strips import recalled
from fleet.recorder.writer import EVERY
from fleet.snapshot.backfill import Step
from fleet.sources.kube.state import KubeState
from fleet.sources.side_sources import Makes
from fleet.sources.store import NamedStore, Store

NAME = "recording"


class Playback:
    """The clock of a recording: ``speed`` recorded seconds per second from ``start`` on; it stops at the end."""

    def __init__(
        self, recording: Recording, start: float, speed: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.recording = recording
        self.speed = speed
        self._start = min(max(start, recording.first), recording.last)
        self._monotonic = monotonic
        self._begun = monotonic()

    def now(self) -> float:
        """Unix time in the recording."""
        return min(self._start + (self._monotonic() - self._begun) * self.speed, self.recording.last)

    @property
    def over(self) -> bool:
        """True at its end."""
        return self.now() >= self.recording.last


class RecordedObjects:
    """An ObjectSource: the rows of the replayed moment. If a frame cannot be read, the last readable one stays."""

    def __init__(self, playback: Playback, namespace: str = "") -> None:
        self._playback = playback
        self._namespace = namespace
        self._measured: tuple[Measurement, Measurement] | None = None
        """A measurement as it is in the recording, and as it is played."""
        self._moment = self._played(playback.recording.at(playback.now()))
        self._broken: RecordingError | None = None

    @property
    def moment(self) -> Moment:
        """The moment that is played now."""
        return self._moment

    async def start(self) -> None:
        """Do nothing: the clock is already running."""

    async def wait_synced(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 -- as the protocol has it
        """Return True: everything is available at once."""
        del timeout
        return True

    def tick(self) -> None:
        """Go to the moment that is played now."""
        if self._broken is None:
            try:
                self._moment = self._played(self._playback.recording.at(self._playback.now()))
            except RecordingError as error:
                self._broken = error

    def _played(self, moment: Moment) -> Moment:
        """Return a moment in which measurements thinned on disk do not appear old for that reason."""
        raw = moment.measurement
        if raw is None:
            return moment
        if self._measured is None or self._measured[0] is not raw:
            recording, now = self._playback.recording, self._playback.now()
            kept = max(EVERY, recording.seconds_between(now))
            # If the next one is much later, nothing was measured, and the numbers do become stale.
            apart = recording.until_next(now, 2 * kept)
            seldom = apart or (kept if now + kept >= recording.last else 0.0)
            interval = max(raw.interval, seldom)
            of_gpus = max(raw.gpu_interval, seldom) if raw.gpu_interval else 0.0
            self._measured = raw, replace(raw, interval=interval, gpu_interval=of_gpus)
        return moment._replace(measurement=self._measured[1])

    def state(self) -> KubeState:
        """The rows then."""
        state = self._moment.state
        return replace(state, cluster=replace(state.cluster, namespace=self._namespace, read_only=True))

    def select_namespace(self, namespace: str) -> None:
        """Select another namespace."""
        self._namespace = namespace

    def statuses(self) -> tuple[SourceStatus, ...]:
        """First that this is a recording, and of when; then how the sources were."""
        return (self._status(), *self._moment.statuses)

    def _status(self) -> SourceStatus:
        now = self._playback.now()
        stamp = stamped(now)
        how = "its end" if self._playback.over else f"played {self._playback.speed:g}×"
        how += self._how_coarse(now)
        problem = f"a recording of {stamp} UTC, {how}: nothing here is live, and actions are disabled"
        if self._broken is not None:
            problem = f"the recording cannot be read beyond {stamp} UTC: {self._broken}"
        return SourceStatus(NAME, Health.DEGRADED, self._playback.recording.first, problem=problem)

    def _how_coarse(self, now: float) -> str:
        left = self._playback.recording.seconds_between(now)
        return f", with a measurement every {left:g} s left" if left else ""

    def refresh(self) -> None:
        """Do nothing: there is nothing to refresh."""

    async def close(self) -> None:
        """Close the file."""
        self._playback.recording.close()


class PlayedBefore:
    """Implements Recorder for a replay: nothing is recorded again, and the past is in the recording."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, moment: Moment, now: float) -> None:
        """Do nothing: a replay is not recorded."""

    def before(self, now: float, seconds: float, step: float) -> Mapping[float, Step]:
        """Steps before the moment that is played; none where they cannot be read."""
        try:
            return recalled(self._path, now - seconds, now, step)
        except RecordingError:
            return {}

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return nothing: its objects report its state."""
        return ()

    def close(self) -> None:
        """Do nothing: nothing is open."""


class RecordedFacts:
    """A FactSource: the facts of one source at the moment that is played."""

    def __init__(self, name: str, objects: RecordedObjects) -> None:
        self.name = name
        self._objects = objects

    async def start(self) -> None:
        """Do nothing: there is nothing to start."""

    async def wait_synced(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 -- as the protocol has it
        """Return True: everything is available at once."""
        del timeout
        return True

    def facts(self) -> Dated[Any] | None:
        """The last by then."""
        return self._objects.moment.facts.by_source.get(self.name)

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return nothing: the objects report the statuses."""
        return ()

    def refresh(self) -> None:
        """Do nothing: there is nothing to refresh."""

    async def close(self) -> None:
        """Do nothing: nothing is open."""


def recorded_facts(playback: Playback, objects: RecordedObjects) -> Makes:
    """Return a function that makes a source for each fact source in a recording."""

    async def make() -> Sequence[RecordedFacts]:
        return [RecordedFacts(name, objects) for name in playback.recording.told_by]

    return make


class RecordedMetrics:
    """A MetricsSource: the measurement of the moment that is played."""

    def __init__(self, objects: RecordedObjects) -> None:
        self._objects = objects
        self._looked = False

    @property
    def latest(self) -> Measurement | None:
        """The last one by then."""
        return self._objects.moment.measurement

    def due(self, state: KubeState, now: float) -> bool:
        """True once: the observer then asks for the past."""
        del state, now
        return not self._looked

    def settles_in(self) -> float:
        """Return 0.0: nothing more comes."""
        return 0.0

    async def measure(self, state: KubeState, pods: frozenset[str] | None, now: float) -> None:
        """Do nothing: no source is queried."""
        del state, pods, now
        self._looked = self.latest is not None

    async def remembered(self, latest: Measurement, seconds: float, step: float) -> list[Past]:
        """Return nothing: the past is in the recording."""
        del latest, seconds, step
        return []

    async def store(self, state: KubeState, now: float) -> Store | None:
        """Return None: no store is queried for a recording."""
        del state, now
        return None

    async def stores(self, state: KubeState, now: float) -> tuple[NamedStore, ...]:
        """None, as with ``store``."""
        del state, now
        return ()

    async def latency(self, namespace: str, pods: str, seconds: float) -> Latency:
        """Raises SourceProblem: no store is queried for a recording."""
        del namespace, pods, seconds
        raise SourceProblem("this is a recording: no store is queried")

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return nothing: the objects report the statuses."""
        return ()

    def refresh(self) -> None:
        """Do nothing: there is nothing to refresh."""

    async def close(self) -> None:
        """Do nothing: nothing is open."""
