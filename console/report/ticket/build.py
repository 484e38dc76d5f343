"""The ticket of a Snapshot: one builder for the screens and for the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from actions.audit.redaction import redacted_text
from console import __version__
from console.report.check import incident_part, told_part
from console.report.snapshot_document import cluster_part, reading_part, source_part, version_part
from console.report.ticket.document import LogPart, NumberPart, SubjectPart, TicketDocument
from console.report.ticket.scope import TicketScope
from console.report.timeline import entry_part
from console.views import kubectl
from console.views.alert_marks import unexplained
from console.views.incident_words import place
from console.views.provenance import SCRAPE, Provenance, provenance_of, value_text
from console.views.subject import assessment_of, reason_of, ref_of
from fleet.metrics.server_logs import reason_in
from fleet.model.counting import count
from fleet.model.ending import last_words
from fleet.model.finding import Incident
from fleet.model.snapshot import Snapshot
from fleet.timeline.entry import Entry, EntryKind, Weight
from fleet.timeline.timeline import Timeline
from themes.glyphs import UNICODE
from widgets.untrusted import untrusted_line

LOOKS_BACK: Final = 6 * 3600.0
"""Seconds before the first sign of it in which a change may have caused it."""
_LONGEST: Final = 24 * 3600.0
"""Seconds of the past that are read at most: an incident may be weeks old."""
_MOST_ENTRIES: Final = 25
_MOST_LINES: Final = 20
_OURS: Final = frozenset({"query", "read", "commands"})
"""Fields whose texts are made here, of the names of objects and metrics alone: their flags have no secrets."""
_AUDIT: Final = "audit log"
"""Place of the evidence of an action that was done with this program."""


class OpenLog(NamedTuple):
    """The errors of a log that is on the screen."""

    pod: str
    container: str
    lines: Sequence[str]


class TicketPast(NamedTuple):
    """The time before, and why it is not known."""

    timeline: Timeline | None = None
    problem: str = ""


def since_when(snapshot: Snapshot, scope: TicketScope) -> float:
    """Return the Unix time from which on changes are of interest."""
    began = min((one.since for one in scope.incidents), default=snapshot.at)
    return max(began - LOOKS_BACK, snapshot.at - _LONGEST)


def ticket(
    snapshot: Snapshot, scope: TicketScope, past: TicketPast, *, whole: bool, open_log: OpenLog | None = None
) -> TicketDocument:
    """Return the ticket; ``whole``: it is about everything in view. No secret is in it."""
    made = TicketDocument(
        title=_title(snapshot, scope),
        at=snapshot.at,
        console=__version__,
        cluster=cluster_part(snapshot),
        window=snapshot.window,
        incidents=tuple(incident_part(snapshot, one) for one in scope.incidents),
        alerts=tuple(map(told_part, unexplained(snapshot).values())) if whole else (),
        objects=tuple(_subject(snapshot, key) for key in scope.objects),
        logs=tuple(_logs(snapshot, scope, open_log)),
        sources=tuple(map(source_part, snapshot.sources)),
        lacks=tuple(_lacks(scope, past)),
        **_entries(snapshot, scope, past.timeline, whole=whole),
    )
    return TicketDocument.model_validate(_scrubbed(made.model_dump(by_alias=True)))


def _title(snapshot: Snapshot, scope: TicketScope) -> str:
    """Return the worst of it in one line."""
    cluster = snapshot.cluster.context or snapshot.cluster.cluster or snapshot.cluster.server
    if scope.incidents:
        worst = scope.incidents[0]
        more = len(scope.incidents) - 1 + scope.unlisted[0]
        return f"{cluster}: {_called(snapshot, worst)}" + (f", and {count(more, 'more incident')}" if more else "")
    about = place(snapshot, scope.objects[0]) if scope.objects else ""
    return f"{cluster}: {about}, nothing is found to be wrong" if about else f"{cluster}: nothing is found to be wrong"


def _called(snapshot: Snapshot, incident: Incident) -> str:
    return f"{place(snapshot, incident.about)}: {incident.root.words}"


def _lacks(scope: TicketScope, past: TicketPast) -> Iterator[str]:
    incidents, objects = scope.unlisted
    if incidents:
        yield f"{count(incidents, 'more incident')}: quarterdeck check lists all"
    if objects:
        yield f"the numbers of {count(objects, 'more object')}: quarterdeck snapshot --json has all"
    if past.problem:
        yield f"what changed before: {past.problem}"
    for gap in past.timeline.gaps if past.timeline is not None else ():
        yield f"{gap.what}: {gap.problem}"


# objects


def _subject(snapshot: Snapshot, key: str) -> SubjectPart:
    pod, workload, ref = snapshot.pods.get(key), snapshot.workloads.get(key), ref_of(snapshot, key)
    kind = "GPU" if key in snapshot.gpus else ref.kind if ref is not None else "Pod" if pod is not None else ""
    kind = kind or (workload.kind if workload is not None else "")
    of = pod or workload
    known = assessment_of(snapshot, key) if key in snapshot.assessments else None
    return SubjectPart(
        key=key,
        name=place(snapshot, key),
        kind=kind,
        severity=known.severity if known is not None else None,
        reason=(reason_of(snapshot, key) if of is not None else known.reason if known is not None else "") or None,
        ready=workload.ready if workload is not None else None,
        desired=workload.desired if workload is not None else None,
        status=pod.status if pod is not None else None,
        node=(pod.node or None) if pod is not None else None,
        version=version_part(of.version) if of is not None and (of.version.image or of.version.model) else None,
        numbers=tuple(_number(one) for one in provenance_of(snapshot, key) if one.reading.known),
        commands=tuple(_commands(snapshot, key)),
    )


def _number(one: Provenance) -> NumberPart:
    return NumberPart(
        name=one.plot.name,
        title=one.plot.title,
        reading=reading_part(one.reading, one.plot.unit),
        shown=value_text(one, UNICODE),
        source=one.source or None,
        query=(one.query or None) if one.source != SCRAPE else None,
        read=(one.query or None) if one.source == SCRAPE else None,
    )


def _commands(snapshot: Snapshot, key: str) -> Iterator[str]:
    ref = ref_of(snapshot, key)
    if ref is None or snapshot.is_machine:
        return
    yield kubectl.get(ref)
    yield kubectl.describe(ref)
    if (pod := snapshot.pods.get(key)) is not None:
        container = pod.serving.container or (pod.containers[0].name if pod.containers else "")
        yield kubectl.last_logs(ref, container, previous=bool(pod.restarts))


# the past


def _entries(snapshot: Snapshot, scope: TicketScope, timeline: Timeline | None, *, whole: bool) -> dict[str, Any]:
    if timeline is None:
        return {}
    entries = timeline.entries if whole else tuple(_concerning(snapshot, scope, timeline))
    acted = [one for one in entries if any(proof.where == _AUDIT for proof in one.evidence)]
    changes = [one for one in entries if one not in acted and _matters(one)]
    return {
        "since": timeline.since,
        "changes": tuple(entry_part(one, timeline) for one in changes[-_MOST_ENTRIES:]),
        "acted": tuple(entry_part(one, timeline) for one in acted[-_MOST_ENTRIES:]),
    }


def _matters(entry: Entry) -> bool:
    return entry.kind is EntryKind.CHANGE or entry.weight is Weight.BAD


def _concerning(snapshot: Snapshot, scope: TicketScope, timeline: Timeline) -> Iterator[Entry]:
    """Yield the entries about the objects of a ticket, what they belong to, and their nodes."""
    keys = dict.fromkeys(scope.objects)
    keys |= dict.fromkeys(snapshot.workload_of[key] for key in scope.objects if key in snapshot.workload_of)
    keys |= dict.fromkeys(pod.node for key in scope.objects if (pod := snapshot.pods.get(key)) is not None)
    names = {(ref.kind, ref.namespace, ref.name) for key in keys if (ref := ref_of(snapshot, key)) is not None}
    for entry in timeline.entries:
        above = timeline.kin.of(entry.about)
        if not names.isdisjoint((one.kind, one.namespace, one.name) for one in above):
            yield entry


# logs


def _logs(snapshot: Snapshot, scope: TicketScope, open_log: OpenLog | None) -> Iterator[LogPart]:
    """Yield the lines for which a container ended, of the pods concerned, and the errors of a log on the screen."""
    seen: set[tuple[str, str]] = set()
    for key in dict.fromkeys(chain(scope.objects, *(one.objects for one in scope.incidents))):
        pod = snapshot.pods.get(key)
        found = last_words(pod, snapshot.facts, reason_in) if pod is not None else None
        # Pods that end for one reason say the same.
        if found is not None and found.line and (found.container, found.line) not in seen and len(seen) < _MOST_LINES:
            seen.add((found.container, found.line))
            yield LogPart(pod=key, container=found.container, read_from=found.where, lines=(found.line,))
    if open_log is not None and open_log.lines:
        lines = tuple(open_log.lines[-_MOST_LINES:])
        yield LogPart(pod=open_log.pod, container=open_log.container, read_from="its open log", lines=lines)


def _scrubbed(value: Any, *, secrets: bool = True) -> Any:
    """Return a value without the control characters in its texts, and without the secrets in those of others."""
    match value:
        case str() if type(value) is str:
            return untrusted_line(redacted_text(value) if secrets else value)
        case dict():
            return {name: _scrubbed(each, secrets=secrets and name not in _OURS) for name, each in value.items()}
        case list() | tuple():
            return tuple(_scrubbed(each, secrets=secrets) for each in value)
        case _:
            return value
