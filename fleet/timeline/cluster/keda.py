"""KEDA's ScaledObjects: who changed their triggers, who paused them, and when a trigger was last active.

Their conditions carry no time (KEDA's API, ``v1alpha1.Condition``): only dated facts are reported. KEDA scales a
workload through a HorizontalPodAutoscaler of its own, which reports that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fleet.json_fields import Raw, mapping, mappings, moment, text
from fleet.kinds.deployment import DEPLOYMENT
from fleet.model.objects import ObjectRef
from fleet.timeline.cluster.conditions import ConditionMeaning, conditions_of
from fleet.timeline.cluster.witness import SharedFacts, Witness, note_owner, ref_of
from fleet.timeline.cluster.writes import note_release, note_writes, written
from fleet.timeline.entry import WHOLE_SECONDS, Entry, EntryKind, Evidence, Weight, pause_topic
from fleet.timeline.field_managers import tool

_KIND = "ScaledObject"
_PAUSE = "autoscaling.keda.sh/paused"
_PAUSE_AT = "autoscaling.keda.sh/paused-replicas"
_UNPAUSED = "ScaledObjectUnpaused"
"""The reason in the condition Paused of one that was paused before (kedacore/keda, controllers/keda)."""
_FIRST = 60.0
"""Seconds in which KEDA makes the first autoscaler of a ScaledObject."""
_RECONCILED = 5.0
"""Seconds that KEDA takes at most to act on a change of a ScaledObject: it watches them."""
_POLLING = 30.0
"""Seconds between checks of the triggers, if ``spec.pollingInterval`` is absent (KEDA's documentation)."""
_CONDITIONS = {
    ("Ready", "False"): ConditionMeaning("does not scale", Weight.BAD),
    ("Fallback", "True"): ConditionMeaning("scales to its fallback: a trigger cannot be read", Weight.BAD),
}


def _take(raw: Raw, asked: SharedFacts) -> Raw:
    ref, target = ref_of(raw, _KIND), mapping(mapping(raw, "spec"), "scaleTargetRef")
    note_owner(raw, ref, asked.kin)
    note_release(raw, ref, asked.kin)
    note_writes(raw, ref, asked)
    asked.kin.note(ref, ObjectRef(text(target, "kind") or DEPLOYMENT.kind, ref.namespace, text(target, "name")))
    return raw


def _entries(taken: Sequence[Raw], asked: SharedFacts) -> Iterator[Entry]:
    for raw in taken:
        ref = ref_of(raw, _KIND)
        yield from _pauses(raw, ref)
        yield from _lifted(raw, ref, asked)
        yield from _idle(raw, ref)
        yield from conditions_of(raw, ref, _CONDITIONS)
        yield from written(raw, ref, asked)


def _pauses(raw: Raw, ref: ObjectRef) -> Iterator[Entry]:
    """Yield pauses: a tool whose only field is the annotation wrote it at that time; with other fields, no later."""
    metadata = mapping(raw, "metadata")
    notes = mapping(metadata, "annotations")
    for entry in mappings(metadata, "managedFields"):
        at, fields = moment(entry, "time"), mapping(entry, "fieldsV1")
        named = mapping(mapping(fields, "f:metadata"), "f:annotations")
        held = [key for key in (_PAUSE_AT, _PAUSE) if f"f:{key}" in named and text(notes, key)]
        if at is None or not held or "f:spec" in fields:
            continue
        key = held[0]
        stays = f", replicas stay at {text(notes, key)}" if key == _PAUSE_AT else ""
        by = tool(text(entry, "manager"), text(entry, "subresource"))
        stamp = " ".join(filter(None, [text(entry, "manager"), text(entry, "operation"), text(entry, "time")]))
        yield Entry(
            at,
            WHOLE_SECONDS,
            EntryKind.CHANGE,
            f"autoscaling paused{stays}",
            ref,
            (Evidence(f"{ref} metadata.managedFields {key}", stamp),),
            who=by,
            topic=pause_topic(paused=True),
        )


def _lifted(raw: Raw, ref: ObjectRef, asked: SharedFacts) -> Iterator[Entry]:
    """The end of a pause: KEDA takes its autoscaler away for one, and makes another afterwards.

    Who took the annotation away is in no object: it has left no field.
    """
    made = asked.autoscalers.get(ref)
    created = moment(mapping(raw, "metadata"), "creationTimestamp")
    conditions = {text(one, "type"): one for one in mappings(mapping(raw, "status"), "conditions")}
    paused = conditions.get("Paused", {})
    if (
        made is None
        or created is None
        or made[0] - created <= _FIRST
        or (text(paused, "status"), text(paused, "reason")) != ("False", _UNPAUSED)
    ):
        return
    yield Entry(
        made[0] - _RECONCILED,
        _RECONCILED + WHOLE_SECONDS,
        EntryKind.CHANGE,
        "no longer paused: its autoscaler was recreated",
        ref,
        (made[1], Evidence(f"{ref} status.conditions[Paused]", f"False {_UNPAUSED}")),
        topic=pause_topic(paused=False),
        unknown="whoever removed the annotation left no field",
    )


def _idle(raw: Raw, ref: ObjectRef) -> Iterator[Entry]:
    """The last time a trigger was active, of one that has none that is."""
    status = mapping(raw, "status")
    at = moment(status, "lastActiveTime")
    conditions = {text(one, "type"): text(one, "status") for one in mappings(status, "conditions")}
    if at is None or conditions.get("Active") != "False":
        return
    interval = mapping(raw, "spec").get("pollingInterval")
    polling = float(interval) if isinstance(interval, int) and interval > 0 else _POLLING
    yield Entry(
        at,
        polling + WHOLE_SECONDS,
        EntryKind.CONDITION,
        "none of its triggers has been active since",
        ref,
        (Evidence(f"{ref} status.lastActiveTime", text(status, "lastActiveTime")),),
    )


SCALED_OBJECTS = Witness(
    kind=_KIND,
    group="keda.sh",
    version="v1alpha1",
    plural="scaledobjects",
    extract=_take,
    entries=_entries,
    lost="who paused KEDA, and who changed what it scales by",
    custom=True,
)
