"""Autoscalers: when they last changed a workload, since when they cannot, and who changed their bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fleet.json_fields import Raw, integer, mapping, moment, text
from fleet.model.objects import ObjectRef
from fleet.sources.kube.project.common_fields import owner
from fleet.timeline.cluster.conditions import ConditionMeaning, conditions_of
from fleet.timeline.cluster.witness import SharedFacts, Witness, note_owner, ref_of, stamped
from fleet.timeline.cluster.writes import note_writes, written
from fleet.timeline.entry import WHOLE_SECONDS, Entry, EntryKind, Evidence, Weight
from fleet.timeline.field_managers import AUTOSCALER

_KIND = "HorizontalPodAutoscaler"
_BESIDE = 5.0
"""Seconds between an event of an autoscaler and the time in its status: it writes both after the same decision."""
_CONDITIONS = {
    ("AbleToScale", "False"): ConditionMeaning("cannot scale", Weight.BAD),
    ("ScalingActive", "False"): ConditionMeaning("does not scale", Weight.BAD),
    ("ScalingLimited", "True"): ConditionMeaning(
        "held at its bound", Weight.BAD, reasons=("TooManyReplicas", "TooFewReplicas")
    ),
}


def _take(raw: Raw, asked: SharedFacts) -> Raw:
    ref = ref_of(raw, _KIND)
    note_owner(raw, ref, asked.kin)
    above, created = owner(mapping(raw, "metadata")), moment(mapping(raw, "metadata"), "creationTimestamp")
    if above is not None and created is not None:
        asked.autoscalers[ObjectRef(above.kind, ref.namespace, above.name)] = created, stamped(raw, ref)
    note_writes(raw, ref, asked)
    asked.kin.note(ref, _target(raw, ref))
    return raw


def _target(raw: Raw, ref: ObjectRef) -> ObjectRef:
    target = mapping(mapping(raw, "spec"), "scaleTargetRef")
    return ObjectRef(text(target, "kind"), ref.namespace, text(target, "name"))


def _entries(taken: Sequence[Raw], asked: SharedFacts) -> Iterator[Entry]:
    for raw in taken:
        ref = ref_of(raw, _KIND)
        status = mapping(raw, "status")
        at = moment(status, "lastScaleTime")
        if at is not None and not any(one == ref and abs(at - when) <= _BESIDE for one, when in asked.rescaled):
            yield Entry(
                at,
                WHOLE_SECONDS,
                EntryKind.CHANGE,
                f"scaled by its autoscaler, which wants {integer(status, 'desiredReplicas')} now",
                _target(raw, ref),
                (Evidence(f"{ref} status.lastScaleTime", text(status, "lastScaleTime")),),
                who=AUTOSCALER,
            )
        yield from conditions_of(raw, ref, _CONDITIONS)
        yield from written(raw, ref, asked)


AUTOSCALERS = Witness(
    kind=_KIND,
    group="autoscaling",
    version="v2",
    plural="horizontalpodautoscalers",
    extract=_take,
    entries=_entries,
    lost="when autoscalers scaled, and who changed their bounds",
)
