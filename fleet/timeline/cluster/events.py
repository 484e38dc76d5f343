"""Events that still live: an hour's worth in most clusters, in the words of the component that reports them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fleet.model.objects import ObjectRef
from fleet.sources.kube.project.fields import Raw, integer, mapping, moment, text
from fleet.timeline.cluster.witness import SharedFacts, Witness
from fleet.timeline.entry import WHOLE_SECONDS, Entry, EntryKind, Evidence, Weight

_SAID_BY_PODS = frozenset({"Scheduled", "Pulled", "Pulling", "Created", "Started"})
"""Reasons of the steps of a start, which pods tell of themselves where they matter."""
_POD = re.compile(r"(?P<did>Created|Deleted) pod: (?P<name>\S+)")
"""Messages of controllers about the pods that they make and delete; those may be gone."""
_RESCALED = "SuccessfulRescale"
"""The reason of the event of a HorizontalPodAutoscaler that has scaled."""
_EXACT = 0.001
"""Accuracy of eventTime in seconds: it has microseconds."""


def _take(raw: Raw, asked: SharedFacts) -> Entry | None:
    involved, series = mapping(raw, "involvedObject"), mapping(raw, "series")
    reason, message = text(raw, "reason"), " ".join(text(raw, "message").split())
    ref = ObjectRef(text(involved, "kind"), text(involved, "namespace"), text(involved, "name"))
    at, within, evidence = _first_seen(raw)
    if at is None or not ref.name or reason in _SAID_BY_PODS:
        return None
    if reason == _RESCALED:
        asked.rescaled.add((ref, _last_seen(raw) or at))
    times = max(integer(series, "count"), integer(raw, "count"), 1)
    last = _last_seen(raw)
    kind, what = EntryKind.EVENT, f"{reason}: {message}"
    if match := _POD.search(message):
        pod = ObjectRef("Pod", ref.namespace, match["name"])
        asked.kin.note_maker(pod, ref)
        made = match["did"] == "Created"
        ref, kind, what = pod, EntryKind.START if made else EntryKind.END, "pod made" if made else "pod deleted"
    return Entry(
        at,
        within,
        kind,
        what,
        ref,
        (evidence,),
        who=text(mapping(raw, "source"), "component") or text(raw, "reportingComponent"),
        weight=Weight.BAD if text(raw, "type") == "Warning" else Weight.PLAIN,
        times=times,
        last=last if times > 1 and last is not None and last > at else None,
    )


def _last_seen(raw: Raw) -> float | None:
    """Unix time of the last time that it happened."""
    return moment(mapping(raw, "series"), "lastObservedTime") or moment(raw, "lastTimestamp")


def _first_seen(raw: Raw) -> tuple[float | None, float, Evidence]:
    """Unix time, how far it may be off, and what says so. Old and new reporters fill different fields."""
    metadata = mapping(raw, "metadata")
    ref = ObjectRef("Event", text(metadata, "namespace"), text(metadata, "name"))
    for where, key, within in ((raw, "firstTimestamp", WHOLE_SECONDS), (raw, "eventTime", _EXACT)):
        at = moment(where, key)
        if at is not None:
            return at, within, Evidence(f"{ref} {key}", text(where, key))
    stamp = text(metadata, "creationTimestamp")
    return moment(metadata, "creationTimestamp"), WHOLE_SECONDS, Evidence(f"{ref} metadata.creationTimestamp", stamp)


def _tell(taken: Sequence[Entry | None], asked: SharedFacts) -> Iterator[Entry]:
    """All but what an object that is there says better of itself."""
    for entry in taken:
        if entry is not None and not (entry.kind is EntryKind.START and entry.about in asked.there):
            yield entry


EVENTS = Witness(
    kind="Event",
    plural="events",
    take=_take,
    tell=_tell,
    lost="what components of the cluster reported",
    page=500,
)
