"""The past of a recording: what happened before the moment of playback, as far as the stored rows show.

The rows are read as those of a live cluster; changes between two states come from ``differences``, with the time
between them. A row names the last writer of its template; each that was seen counts. Anything that no row has (authors
of other fields, arguments of a template) is missing.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, Final

from fleet.json_fields import Raw, time_text
from fleet.model.objects import ObjectRef, TemplateWrite, Workload
from fleet.recorder.alert_changes import AlertChanges
from fleet.recorder.differences import Differences, in_a_line, version_changes
from fleet.recorder.objects import ObservedState
from fleet.recorder.problem import RecordingError
from fleet.recorder.reader import Recording, has_look
from fleet.recorder.rows_as_objects import ROWS
from fleet.sources.kube.state import KubeState
from fleet.timeline.attribution import Write
from fleet.timeline.cluster.registry import witnesses
from fleet.timeline.cluster.witness import AnyWitness, SharedFacts
from fleet.timeline.entry import TEMPLATE, WHOLE_SECONDS, Entry, EntryKind, Evidence, rollout_topic
from fleet.timeline.field_managers import tool
from fleet.timeline.kinship import Kinship
from fleet.timeline.source import Gap, SourceTimeline
from fleet.timeline.timeline import merge_sightings

_GAP: Final = Gap(
    "who changed anything but templates, and arguments of templates", "a recording has rows, but no raw objects"
)
_LONGER: Final = 24 * 3600.0
"""Seconds cached beyond the requested span: a user who pages through days does not keep them all in memory."""
_Key = tuple[ObjectRef, str, float]


class RecordedTimeline:
    """A TimelineSource of a recording, up to the moment that is played (``now``)."""

    name = "recording"

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        self._past = RecordedPast(path)
        self._now = now

    async def read(self, since: float) -> SourceTimeline:
        """Return the entries of the rows, and the changes between states."""
        found, problem = await asyncio.to_thread(self._past.read, since, self._now())
        rest = () if problem is None else (Gap("the rest of it", str(problem)),)
        return replace(found, gaps=(_GAP, *rest))


class RecordingsTimeline:
    """A TimelineSource of the console's recordings of the cluster with this ``uid``; empty if it is unknown.

    It adds what no object and no store contains any more. A missing recording is not reported.
    """

    name = "recorder"

    def __init__(
        self,
        past: RecordedPast,
        uid: Callable[[], Awaitable[str]],
        now: Callable[[], float],
        live: Callable[[], KubeState] | None = None,
    ) -> None:
        self._past = past
        self._uid = uid
        self._now = now
        self._live = live

    async def read(self, since: float) -> SourceTimeline:
        """Return the recorded past; nothing if there is no recording."""
        if not self._past.path.exists():
            return SourceTimeline((), Kinship())
        uid, live = await self._uid(), self._live() if self._live is not None else None
        found, problem = await asyncio.to_thread(self._past.read, since, self._now(), uid, live)
        if problem is not None:
            return replace(found, gaps=(Gap("what the console saw", problem.message, problem.remedy),))
        return found


class RecordedPast:
    """The past of one file, remembered: who asks again reads what came since. For several threads, one at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._one = Lock()
        self._looks: _Looks | None = None

    def read(
        self, since: float, until: float, uid: str = "", live: KubeState | None = None
    ) -> tuple[SourceTimeline, RecordingError | None]:
        """Return the entries between two moments, and the reason if some are missing; none for another cluster than
        ``uid``. What is remembered shares its rows with ``live``, where these are equal.
        """
        with self._one:
            problem: RecordingError | None = None
            try:
                with Recording(self.path) as recording:
                    if uid not in ("", recording.about.get("uid") or uid):
                        return SourceTimeline((), Kinship()), None
                    if self._looks is None or not self._looks.goes_on(recording, since, until):
                        self._looks = _Looks(since)
                    self._looks.read(recording, until, live)
            except RecordingError as error:
                problem = error
            if self._looks is None:
                return SourceTimeline((), Kinship()), problem
            kin = Kinship()
            kin.update(self._looks.kin)
            return SourceTimeline(self._looks.entries(), kin, writes=self._looks.written()), problem


class _Looks:
    """The entries of all looks at one file from ``since`` on."""

    def __init__(self, since: float) -> None:
        self.kin = Kinship()
        self._since = self._until = since
        self._last: tuple[int, float, ObservedState] | None = None
        """The last look that was read: its frame, its time, and what was seen."""
        self._asked = SharedFacts(lambda clean: clean, self.kin)
        self._rows: list[tuple[AnyWitness, dict[Any, Any]]] = [(row, {}) for row in witnesses() if row.kind in ROWS]
        self._differences = Differences()
        self._alerts = AlertChanges()
        self._last_change = 0
        """The last change of facts that was read."""
        self._links: set[str] = set()
        self._writes: dict[ObjectRef, dict[TemplateWrite, None]] = {}
        self._changed: list[Entry] = []
        self._found: dict[_Key, Entry] = {}

    def goes_on(self, recording: Recording, since: float, until: float) -> bool:
        """True if the cached part belongs to the requested span of this file, and is not much larger."""
        if self._last is not None and not has_look(recording, *self._last[:2]):
            return False
        return self._since <= since <= self._since + _LONGER and until >= self._until

    def read(self, recording: Recording, until: float, live: KubeState | None = None) -> None:
        """Read the recording up to a moment. Raises RecordingError; earlier reads are kept."""
        measured = recording.measured(self._until, until)
        known = None if self._last is None else (self._last[0], self._last[2])
        for frame, at, looked in recording.states(self._since, until, known, live):
            state, last = looked.state, self._last
            if last is None:
                # The initial state has no known start.
                for _ in self._differences.compare(state, at, at):
                    pass
            else:
                since = looked.before if looked.before is not None else _alive(last[1], at, measured)
                # The clock was set back: nothing is known to have happened in between.
                self._changed += self._differences.compare(state, min(since, at), at)
            self._take(last[2].state if last is not None else KubeState(0, state.cluster), state)
            self._last = frame, at, looked
        for frame, facts in recording.fact_changes(self._since, until, self._last_change):
            self._changed += self._alerts.compare(facts)
            self._last_change = frame
        self._until = until

    def entries(self) -> tuple[Entry, ...]:
        """All that was found by now."""
        for witness, taken in self._rows:
            for entry in witness.entries(list(taken.values()), self._asked):
                self._add(entry)
        # The content of events and conditions was seen as well.
        return tuple(merge_sightings((tuple(self._found.values()), self._changed)))

    def written(self) -> dict[ObjectRef, tuple[Write, ...]]:
        """Return the writes of templates, by workload: every one that a look has shown."""
        return {ref: tuple(map(_write, some)) for ref, some in self._writes.items()}

    def _add(self, entry: Entry) -> None:
        self._found[entry.about, entry.topic or entry.what, entry.at] = entry

    def _take(self, before: KubeState, state: KubeState) -> None:
        """Take the rows that are other than before."""
        if state.links is not before.links:
            self._take_links(state.links)
        for key, row in state.workloads.items() if state.workloads is not before.workloads else ():
            if row.template_write is not None and before.workloads.get(key) is not row:
                self._writes.setdefault(_ref(row), {})[row.template_write] = None
        for witness, taken in self._rows:
            kept = ROWS[witness.kind]
            rows, old = getattr(state, kept.field), getattr(before, kept.field)
            for key, row in rows.items() if rows is not old else ():
                if old.get(key) is not row and (not kept.kind or row.kind == kept.kind):
                    raw = kept.raw(row)
                    # For an event its last version; for others each different version.
                    taken[key if kept.field == "events" else _identity(key, raw)] = witness.extract(raw, self._asked)

    def _take_links(self, links: Mapping[str, Workload]) -> None:
        """Report the new rows: the ones before them are already there, and may be gone later."""
        new = {link.uid: link.owner for link in links.values() if link.uid not in self._links}
        self._links.update(new)
        owners = {owner.uid for owner in new.values() if owner is not None}
        some = {key: link for key, link in links.items() if link.owner is not None and link.owner.uid in owners}
        for entry in _rollouts(some, self.kin):
            self._found.setdefault((entry.about, entry.topic, entry.at), entry)


def _write(write: TemplateWrite) -> Write:
    return Write(write.at, tool(write.manager), (TEMPLATE,), f"{write.manager} {time_text(write.at)}")


def _identity(key: str, raw: Raw) -> tuple[str, str]:
    return key, repr((raw.get("metadata"), raw.get("status")))


def _alive(before: float, at: float, measured: list[float]) -> float:
    """Return the last time before a moment at which a console is known to have looked."""
    place = bisect_left(measured, at)
    return max(before, measured[place - 1]) if place else before


def _rollouts(links: Mapping[str, Workload], kin: Kinship) -> Iterator[Entry]:
    """Yield the creation of each template's object, with the change of the model."""
    of: dict[ObjectRef, list[Workload]] = {}
    for link in links.values():
        if link.owner is not None:
            owner = ObjectRef(link.owner.kind, link.namespace, link.owner.name)
            kin.note_maker(_ref(link), owner)
            of.setdefault(owner, []).append(link)
    for owner, some in of.items():
        some.sort(key=lambda link: link.created)
        for before, link in zip((None, *some), some, strict=False):
            if not link.created:
                continue
            changes = version_changes(before.version, link.version) if before is not None else ()
            evidence = Evidence(f"{_ref(link)} metadata.creationTimestamp", time_text(link.created))
            what = f"revision {link.revision}" if link.revision else link.name
            what += f": {in_a_line(changes)}" if changes else " made"
            topic = rollout_topic(_ref(link))
            yield Entry(
                link.created, WHOLE_SECONDS, EntryKind.CHANGE, what, owner, (evidence,), changes=changes, topic=topic
            )


def _ref(row: Workload) -> ObjectRef:
    return ObjectRef(row.kind, row.namespace, row.name)
