"""Workloads: who changed their spec, when a rollout completed, and since when one has been stuck."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fleet.json_fields import Raw, mapping
from fleet.kinds.kind import WorkloadKind
from fleet.timeline.cluster.conditions import ConditionMeaning, conditions_of
from fleet.timeline.cluster.witness import SharedFacts, Witness, note_owner, ref_of
from fleet.timeline.cluster.writes import CHART, RELEASE, note_release, note_writes, written
from fleet.timeline.entry import Entry, Weight

_CONDITIONS = {
    ("Available", "False"): ConditionMeaning("too few replicas are available", Weight.BAD),
    ("Available", "True"): ConditionMeaning("enough replicas are available", Weight.GOOD),
    ("Ready", "False"): ConditionMeaning("not ready", Weight.BAD),
    ("Ready", "True"): ConditionMeaning("ready", Weight.GOOD),
    # These two have the meaning of Deployments (apps/v1 DeploymentConditionType); others use Progressing differently.
    ("Progressing", "True"): ConditionMeaning(
        "rollout complete", Weight.GOOD, reasons=("NewReplicaSetAvailable",), updated=True
    ),
    ("Progressing", "False"): ConditionMeaning(
        "rollout makes no progress", Weight.BAD, reasons=("ProgressDeadlineExceeded",)
    ),
    ("ReplicaFailure", "True"): ConditionMeaning("pods cannot be created", Weight.BAD),
}
"""Custom resources have Ready and Available by convention."""


def workload(kind: WorkloadKind) -> Witness[Raw]:
    """Return the witness for a kind of workload."""

    def take(raw: Raw, asked: SharedFacts) -> Raw:
        ref = ref_of(raw, kind.kind)
        note_owner(raw, ref, asked.kin)
        note_writes(raw, ref, asked)
        note_release(raw, ref, asked.kin)
        # Only the values of the spec that fit in one word are repeated.
        plain = {key: value for key, value in mapping(raw, "spec").items() if isinstance(value, str | int | float)}
        conditions = mapping(raw, "status").get("conditions")
        return {"metadata": _slim(mapping(raw, "metadata")), "spec": plain, "status": {"conditions": conditions}}

    def tell(taken: Sequence[Raw], asked: SharedFacts) -> Iterator[Entry]:
        for raw in taken:
            ref = ref_of(raw, kind.kind)
            yield from written(raw, ref, asked)
            yield from conditions_of(raw, ref, _CONDITIONS)

    return Witness(
        kind=kind.kind,
        group=kind.group,
        version=kind.version,
        plural=kind.plural,
        extract=take,
        entries=tell,
        lost=f"who changed {kind.plural}, and how their rollouts went",
        custom=kind.custom,
    )


def _slim(metadata: Raw) -> Raw:
    plain = {key: metadata[key] for key in ("name", "namespace", "creationTimestamp") if key in metadata}
    labels, notes = mapping(metadata, "labels"), mapping(metadata, "annotations")
    chart = {CHART: labels[CHART]} if CHART in labels else {}
    release = {RELEASE: notes[RELEASE]} if RELEASE in notes else {}
    return {**plain, "labels": chart, "annotations": release}
