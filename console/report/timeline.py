"""The document that ``quarterdeck timeline --json`` prints: quarterdeck/timeline/v1.

A field without a value is absent. Within v1 fields may be added; none is removed and none changes its meaning.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from console.report.document_part import DocumentPart
from fleet.model.objects import ObjectRef
from fleet.timeline.entry import Entry, EntryKind, Weight
from fleet.timeline.timeline import Timeline

SCHEMA: Literal["quarterdeck/timeline/v1"] = "quarterdeck/timeline/v1"


class ObjectPart(DocumentPart):
    """One object, by name."""

    kind: str
    namespace: str | None = None
    """Absent for cluster-scoped objects."""
    name: str


class EvidencePart(DocumentPart):
    """The evidence that it happened."""

    where: str
    """The object or series, and the field of it."""
    value: str
    """The value there."""


class EntryPart(DocumentPart):
    """One thing that happened."""

    at: float
    """Earliest Unix time; for repeated events, the first time."""
    within: float
    """Seconds: it happened no later than ``at + within``."""
    kind: EntryKind
    """change, start, end, condition or event."""
    weight: Weight
    """plain, good or bad."""
    what: str
    """Event in one line."""
    about: ObjectPart
    """The object that it happened to; for several, their owner."""
    belongs_to: tuple[ObjectPart, ...] = ()
    """All that ``about`` belongs to: a pod's ReplicaSet, its Deployment, its node."""
    objects: tuple[ObjectPart, ...] = ()
    """The objects that it happened to, where these are several."""
    who: str | None = None
    """The user, tool or controller that did it; absent if unknown."""
    unknown: str | None = None
    """The reason for having no author; absent if there is one, and for events without authors."""
    changes: tuple[str, ...] = ()
    """Differences from before."""
    times: int = 1
    """Number of occurrences."""
    last: float | None = None
    """Unix time of the last time, or of its end."""
    evidence: tuple[EvidencePart, ...]


class GapPart(DocumentPart):
    """Something that could not be read."""

    what: str
    """The part of the past that is missing for that reason."""
    problem: str
    remedy: str | None = None


class TimelineDocument(DocumentPart):
    """The entries of the past, the first first."""

    schema_: Literal["quarterdeck/timeline/v1"] = Field(default=SCHEMA, alias="schema")
    cluster: str
    """API server of the cluster."""
    context: str
    since: float
    """Unix time of the beginning of the requested span."""
    until: float
    """Unix time of the query."""
    object: ObjectPart | None = None
    """The object of the timeline; absent for all."""
    entries: tuple[EntryPart, ...]
    gaps: tuple[GapPart, ...] = ()


def to_json(timeline: Timeline, context: str, server: str, ref: ObjectRef | None = None) -> str:
    """The document of a timeline, of one object or of all."""
    document = TimelineDocument(
        cluster=server,
        context=context,
        since=timeline.since,
        until=timeline.until,
        object=_object(ref) if ref is not None else None,
        entries=tuple(entry_part(entry, timeline) for entry in timeline.entries),
        gaps=tuple(GapPart(what=gap.what, problem=gap.problem, remedy=gap.remedy or None) for gap in timeline.gaps),
    )
    return document.model_dump_json(indent=2, exclude_none=True)


def entry_part(entry: Entry, timeline: Timeline) -> EntryPart:
    """An entry, with its author and its evidence."""
    above = sorted(timeline.kin.of(entry.about) - {entry.about})
    return EntryPart(
        at=entry.at,
        within=entry.within,
        kind=entry.kind,
        weight=entry.weight,
        what=entry.what,
        about=_object(entry.about),
        belongs_to=tuple(map(_object, above)),
        objects=tuple(map(_object, entry.objects)),
        who=entry.who or None,
        unknown=entry.unknown or None,
        changes=entry.changes,
        times=entry.times,
        last=entry.last,
        evidence=tuple(EvidencePart(where=one.where, value=one.value) for one in entry.evidence),
    )


def _object(ref: ObjectRef) -> ObjectPart:
    return ObjectPart(kind=ref.kind, namespace=ref.namespace or None, name=ref.name)
