"""Replicas lost together with something else: a removed node, or preemption by a pod of higher priority.

Both are over once the replicas are back. Until then, the scheduler's messages about the pending pods follow from it.
"""

from __future__ import annotations

from fleet.diagnosis.cause import Help
from fleet.diagnosis.causes.scheduling import OF_SCHEDULER
from fleet.diagnosis.causes.symptoms import AWAY, OVERLOAD, SILENCE
from fleet.diagnosis.families.placement_cause import PlacementCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.serving import PlacementSubject
from fleet.model.counting import count
from fleet.model.severity import Severity

_FOLLOWS = (
    *(cause.id for cause in OF_SCHEDULER),
    *AWAY,
    *SILENCE,
    *OVERLOAD,
    "replicas-missing",
    "replicas-lost",
    "no-replica-ready",
    "rollout-stuck",
)
_MISSING: Fact[PlacementSubject] = Fact(
    "replicas have been missing since then",
    "condition Ready of the pods",
    lambda subject: subject.missing > 0,
    lambda subject: f"{subject.missing}, {subject.unplaced} without a node",
)
_NONE_READY: Fact[PlacementSubject] = Fact(
    "no replica is ready", "condition Ready of the pods", lambda subject: subject.ready == 0
)
_SCALE = Help("scale down", "scale")

NODE_REMOVED = PlacementCause(
    id="node-removed",
    severity=Severity.WARNING,
    sentence="A node was removed with the pods on it, and not all of them have found another node.",
    words=lambda subject: f"node {', '.join(subject.nodes)} removed, {count(subject.missing, 'replica')} missing",
    must=(
        _MISSING,
        Fact(
            "the node they were on is gone",
            "nodes, events RemovingNode and DeletingNode",
            lambda subject: bool(subject.nodes),
            lambda subject: f"node {', '.join(subject.nodes)}",
        ),
    ),
    serious=(_NONE_READY,),
    explains=_FOLLOWS,
    after=120,
    helps=(
        Help("see which GPUs are free, and where", "nodes"),
        Help("see who removed it, and when", "past"),
        Help("read what the scheduler says about the pods", "describe"),
        _SCALE,
    ),
    avoid=("Do not force-delete pods: the node's GPUs are gone, whichever pod waits for them.",),
    decides=(
        "whether the cloud took it (spot, maintenance) or somebody scaled the node pool: only the former comes back",
    ),
)
PREEMPTED = PlacementCause(
    id="preempted-by-priority",
    severity=Severity.WARNING,
    sentence="The scheduler preempted a pod for one of higher priority, and it has not found another node.",
    words=lambda subject: f"preempted by higher priority, {count(subject.missing, 'replica')} missing",
    must=(
        _MISSING,
        Fact(
            "a pod was preempted by one of higher priority",
            "condition DisruptionTarget, event Preempted",
            lambda subject: bool(subject.put_out),
            lambda subject: subject.put_out,
        ),
    ),
    serious=(_NONE_READY,),
    explains=_FOLLOWS,
    after=120,
    helps=(
        Help("see which GPUs are free, and where", "nodes"),
        Help("see which pod took its place, and the priority of both", "describe"),
        _SCALE,
    ),
    avoid=("Do not delete the pending pod: its replacement has the same priority.",),
    decides=("the priority classes of both: engines that serve users should not rank below batch jobs",),
)
OF_PLACEMENT = (NODE_REMOVED, PREEMPTED)
