"""Existing pods: when they were created, scheduled, ready and no longer ready, and how their containers ended."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.json_fields import Raw, integer, mapping, mappings, moment, text
from fleet.model.objects import ObjectRef
from fleet.timeline.cluster.conditions import ConditionMeaning, conditions_of
from fleet.timeline.cluster.witness import SharedFacts, Witness, entries_of_each, note_owner, ref_of, stamped
from fleet.timeline.entry import ASKED, WHOLE_SECONDS, Entry, EntryKind, Evidence, Weight, end_topic

_CONDITIONS = {
    ("Ready", "True"): ConditionMeaning("ready", Weight.GOOD, EntryKind.START),
    ("Ready", "False"): ConditionMeaning("no longer ready", Weight.BAD, EntryKind.END),
    ("PodScheduled", "False"): ConditionMeaning("cannot be placed", Weight.BAD),
    ("DisruptionTarget", "True"): ConditionMeaning("is to be removed", Weight.BAD),
}


def _take(raw: Raw, asked: SharedFacts) -> tuple[Entry, ...]:
    ref = ref_of(raw, "Pod")
    note_owner(raw, ref, asked.kin)
    if node := text(mapping(raw, "spec"), "nodeName"):
        asked.kin.note(ref, ObjectRef("Node", "", node))
    asked.there.add(ref)
    held = [
        entry
        for entry in conditions_of(raw, ref, _CONDITIONS)
        if entry.kind is not EntryKind.END or entry.at > _began(raw)
    ]
    return (*_lifetime(raw, ref), *held, *_ends(raw, ref))


def _began(raw: Raw) -> float:
    """Return the time before which an unready pod's conditions mean that it has never been ready."""
    first = [moment(c, "lastTransitionTime") for c in mappings(mapping(raw, "status"), "conditions") if _first(c)]
    known = [at for at in (*first, moment(mapping(raw, "status"), "startTime")) if at is not None]
    return max(known, default=0.0) + WHOLE_SECONDS


def _first(condition: Raw) -> bool:
    return text(condition, "type") in {"PodScheduled", "Initialized"}


def _lifetime(raw: Raw, ref: ObjectRef) -> Iterator[Entry]:
    metadata = mapping(raw, "metadata")
    created, deleted = moment(metadata, "creationTimestamp"), moment(metadata, "deletionTimestamp")
    if created is not None:
        yield Entry(created, WHOLE_SECONDS, EntryKind.START, "pod made", ref, (stamped(raw, ref),))
    if deleted is not None:
        # The field holds the end of its grace period.
        grace = float(integer(metadata, "deletionGracePeriodSeconds"))
        evidence = stamped(raw, ref, "deletionTimestamp")
        what = ASKED + (f", with {grace:g} s to do so" if grace else "")
        yield Entry(deleted - grace, WHOLE_SECONDS, EntryKind.END, what, ref, (evidence,), topic=ASKED)


def _ends(raw: Raw, ref: ObjectRef) -> Iterator[Entry]:
    """Yield the ends of containers: for a restarted one, the last."""
    for key in ("initContainerStatuses", "containerStatuses"):
        for status in mappings(mapping(raw, "status"), key):
            for state in ("state", "lastState"):
                ended = mapping(mapping(status, state), "terminated")
                at = moment(ended, "finishedAt")
                # In some runtimes a container that never ran ended at the Unix epoch.
                if at is None or at <= 0 or (key == "initContainerStatuses" and integer(ended, "exitCode") == 0):
                    continue
                yield _end(ref, status, state, ended, at)


def _end(ref: ObjectRef, status: Raw, state: str, ended: Raw, at: float) -> Entry:
    name, reason, code = text(status, "name"), text(ended, "reason"), integer(ended, "exitCode")
    restarts = integer(status, "restartCount")
    before = f", the last of {restarts} times" if state == "lastState" and restarts > 1 else ""
    where = f"{ref} status.containerStatuses[{name}].{state}.terminated"
    evidence = Evidence(where, f"finishedAt {text(ended, 'finishedAt')} exitCode {code} restartCount {restarts}")
    good = code == 0
    return Entry(
        at,
        WHOLE_SECONDS,
        EntryKind.END,
        f"{name} ended: {reason or 'no reason given'} ({code}){before}",
        ref,
        (evidence,),
        weight=Weight.PLAIN if good else Weight.BAD,
        topic=end_topic(name),
    )


PODS = Witness(
    kind="Pod",
    plural="pods",
    extract=_take,
    entries=entries_of_each,
    lost="starts and ends of pods",
    page=125,
)
