"""Events that still exist: an hour's worth in most clusters, in the words of the component that reports them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fleet.json_fields import Raw, integer, mapping, moment, text
from fleet.model.objects import ObjectRef
from fleet.timeline.cluster.witness import SharedFacts, Witness
from fleet.timeline.entry import (
    ASKED,
    CORDONED,
    UNCORDONED,
    WHOLE_SECONDS,
    Entry,
    EntryKind,
    Evidence,
    Weight,
    pause_topic,
)

_SAID_BY_PODS = frozenset({"Scheduled", "Pulled", "Pulling", "Created", "Started"})
"""Reasons for the steps of a start, which pods' own status shows where they matter."""
_POD = re.compile(
    r"(?P<did>Created|Deleted) pod: (?P<name>\S+)|(?P<set_did>create|delete) Pod (?P<set_pod>\S+) in .* successful$"
)
"""Messages of controllers, the second of the StatefulSet's, about pods that they create and delete; those pods may be
gone.
"""
_SCHEDULABLE = {"NodeNotSchedulable": True, "NodeSchedulable": False}
"""Reasons of the events in which a kubelet reports that its node was cordoned or uncordoned, but not by whom."""
_KUBELET_LOOKS = 10.0
"""Seconds between a kubelet's checks of its Node (``nodeStatusUpdateFrequency``): the longest delay of such an
event.
"""
_PAUSED = {"ScaledObjectPaused": True, "ScaledObjectUnpaused": False}
"""Reasons of the events in which KEDA says that it has seen a pause, or its end (KEDA's documentation of events)."""
_KEDA_LOOKS = 5.0
"""Seconds that KEDA takes at most to act on a change of a ScaledObject: it watches them."""
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
    repeated = last if times > 1 and last is not None and last > at else None
    if ref.kind == "Node" and reason in _SCHEDULABLE:
        return _cordon(ref._replace(namespace=""), at, evidence, _SCHEDULABLE[reason], (times, repeated))
    kind, what, topic = EntryKind.EVENT, f"{reason}: {message}", ""
    if ref.kind == "ScaledObject" and reason in _PAUSED:
        at, within, kind, topic = (
            at - _KEDA_LOOKS,
            within + _KEDA_LOOKS,
            EntryKind.CHANGE,
            pause_topic(paused=_PAUSED[reason]),
        )
        what = "autoscaling paused" if _PAUSED[reason] else "no longer paused"
    if match := _POD.search(message):
        pod = ObjectRef("Pod", ref.namespace, match["name"] or match["set_pod"])
        asked.kin.note_maker(pod, ref)
        made = (match["did"] or match["set_did"]).startswith(("C", "c"))
        ref, kind, what = pod, EntryKind.START if made else EntryKind.END, "pod made" if made else "pod deleted"
        # It was asked to stop; its disappearance is a separate moment.
        topic = "" if made else ASKED
    return Entry(
        at,
        within,
        kind,
        what,
        ref,
        (evidence,),
        # A component that only observed something is not its author.
        who="" if kind is EntryKind.CHANGE else _reporter(raw),
        weight=Weight.BAD if text(raw, "type") == "Warning" else Weight.PLAIN,
        topic=topic,
        times=times,
        last=repeated,
    )


def _reporter(raw: Raw) -> str:
    return text(mapping(raw, "source"), "component") or text(raw, "reportingComponent")


def _cordon(node: ObjectRef, at: float, evidence: Evidence, cordoned: bool, repeats: tuple[int, float | None]) -> Entry:
    times, last = repeats
    return Entry(
        at - _KUBELET_LOOKS,
        _KUBELET_LOOKS + WHOLE_SECONDS,
        EntryKind.CHANGE,
        CORDONED if cordoned else UNCORDONED,
        node,
        (evidence,),
        weight=Weight.BAD if cordoned else Weight.GOOD,
        topic=f"unschedulable={cordoned}",
        times=times,
        last=last,
    )


def _last_seen(raw: Raw) -> float | None:
    """Unix time of the last time that it happened."""
    return moment(mapping(raw, "series"), "lastObservedTime") or moment(raw, "lastTimestamp")


def _first_seen(raw: Raw) -> tuple[float | None, float, Evidence]:
    """Return Unix time, tolerance and evidence. Old and new reporters fill different fields."""
    metadata = mapping(raw, "metadata")
    ref = ObjectRef("Event", text(metadata, "namespace"), text(metadata, "name"))
    for where, key, within in ((raw, "firstTimestamp", WHOLE_SECONDS), (raw, "eventTime", _EXACT)):
        at = moment(where, key)
        if at is not None:
            return at, within, Evidence(f"{ref} {key}", text(where, key))
    stamp = text(metadata, "creationTimestamp")
    return moment(metadata, "creationTimestamp"), WHOLE_SECONDS, Evidence(f"{ref} metadata.creationTimestamp", stamp)


def _entries(taken: Sequence[Entry | None], asked: SharedFacts) -> Iterator[Entry]:
    """Yield all entries except those that an existing object itself reports better."""
    for entry in taken:
        if entry is None or (entry.kind is EntryKind.START and entry.about in asked.there):
            continue
        cordoned = asked.cordons.get(entry.about) if entry.weight is Weight.BAD and entry.times == 1 else None
        if cordoned is None or not entry.at - WHOLE_SECONDS <= cordoned <= entry.at + entry.within:
            yield entry


EVENTS = Witness(
    kind="Event",
    plural="events",
    extract=_take,
    entries=_entries,
    lost="what components of the cluster reported",
    page=500,
)
