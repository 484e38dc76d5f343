"""Nodes: when they joined, became ready or were lost, and who cordoned them."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.json_fields import Raw, mapping, mappings, moment, text
from fleet.model.objects import ObjectRef
from fleet.timeline.cluster.conditions import ConditionMeaning, conditions_of
from fleet.timeline.cluster.witness import SharedFacts, Witness, entries_of_each, ref_of, stamped
from fleet.timeline.entry import CORDONED, WHOLE_SECONDS, Entry, EntryKind, Evidence, Weight
from fleet.timeline.field_managers import tool

_CONDITIONS = {
    ("Ready", "True"): ConditionMeaning("node ready", Weight.GOOD, EntryKind.START),
    ("Ready", "False"): ConditionMeaning("node not ready", Weight.BAD, EntryKind.END),
    ("Ready", "Unknown"): ConditionMeaning("node no longer reports", Weight.BAD, EntryKind.END),
    **{
        (type_, "True"): ConditionMeaning(what, Weight.BAD)
        for type_, what in (
            ("MemoryPressure", "node short of memory"),
            ("DiskPressure", "node short of disk"),
            ("PIDPressure", "node short of process ids"),
            ("NetworkUnavailable", "node without a network"),
        )
    },
}


def _take(raw: Raw, asked: SharedFacts) -> tuple[Entry, ...]:
    ref = ref_of(raw, "Node")
    cordons = tuple(_cordon(raw, ref))
    asked.cordons.update((ref, cordon.at) for cordon in cordons)
    return (*_joined(raw, ref), *conditions_of(raw, ref, _CONDITIONS), *_taints(raw, ref), *cordons)


def _joined(raw: Raw, ref: ObjectRef) -> Iterator[Entry]:
    created = moment(mapping(raw, "metadata"), "creationTimestamp")
    if created is not None:
        yield Entry(created, WHOLE_SECONDS, EntryKind.START, "node joined", ref, (stamped(raw, ref),))


def _taints(raw: Raw, ref: ObjectRef) -> Iterator[Entry]:
    for taint in mappings(mapping(raw, "spec"), "taints"):
        at = moment(taint, "timeAdded")
        key = text(taint, "key")
        # Its other taints of this kind repeat its conditions.
        if at is not None and not key.startswith("node.kubernetes.io/"):
            evidence = Evidence(f"{ref} spec.taints[{key}].timeAdded", text(taint, "timeAdded"))
            what = f"taint {key}:{text(taint, 'effect')} added"
            yield Entry(at, WHOLE_SECONDS, EntryKind.CHANGE, what, ref, (evidence,))


def _cordon(raw: Raw, ref: ObjectRef) -> Iterator[Entry]:
    """Yield the cordon, by the tool that owns the field ``unschedulable``: it wrote it no later than the recorded
    time.
    """
    if mapping(raw, "spec").get("unschedulable") is not True:
        return
    for entry in mappings(mapping(raw, "metadata"), "managedFields"):
        spec = mapping(mapping(entry, "fieldsV1"), "f:spec")
        at = moment(entry, "time")
        if at is not None and "f:unschedulable" in spec:
            stamp = f"{text(entry, 'manager')} {text(entry, 'operation')} {text(entry, 'time')}"
            evidence = Evidence(f"{ref} metadata.managedFields", stamp)
            who = tool(text(entry, "manager"), text(entry, "subresource"))
            yield Entry(
                at,
                WHOLE_SECONDS,
                EntryKind.CHANGE,
                CORDONED,
                ref,
                (evidence,),
                who=who,
                weight=Weight.BAD,
                topic="unschedulable=True",
            )


NODES = Witness(
    kind="Node",
    plural="nodes",
    namespaced=False,
    extract=_take,
    entries=entries_of_each,
    lost="when nodes joined, were lost or were cordoned",
)
