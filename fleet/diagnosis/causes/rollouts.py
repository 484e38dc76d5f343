"""Rollouts that cannot go on by themselves: a change that nobody has seen, a broken pod that nobody replaces."""

from __future__ import annotations

import math

from fleet.diagnosis.cause import Help, Stage, says
from fleet.diagnosis.causes.endings import OF_POD
from fleet.diagnosis.causes.symptoms import AWAY, HELD_UP, OVERLOAD
from fleet.diagnosis.families.rollout_cause import RolloutCause, RolloutSubject
from fleet.diagnosis.sign import Fact
from fleet.model.objects import revision_of
from fleet.model.severity import Severity

_BROKEN = (
    *AWAY,
    *HELD_UP,
    *(row.id for row in OF_POD.values()),
    *("image-not-pulled", "container-not-created", "container-cannot-start", "init-container-fails", "sidecar-fails"),
    *("out-of-memory", "out-of-memory-again", "lifecycle-hook-fails", "loading-takes-long", "killed-by-startup-probe"),
)


def _revisions(of: RolloutSubject) -> str:
    revisions = ", ".join(f"{pod.name} is of {revision_of(pod)}" for pod in of.holding[:3])
    return f"{revisions}, the newest is {of.workload.revision}"


ACTED = 900.0
"""Seconds for which a pod that a controller created shows that it acts."""

NOT_OBSERVED = RolloutCause(
    id="change-not-observed",
    stage=Stage.BROKEN,
    severity=Severity.WARNING,
    sentence="The workload was changed, and its controller has not acted on the change.",
    words=lambda of: f"its controller has not seen generation {of.workload.generation}",
    must=(
        Fact[RolloutSubject](
            "its controller has not seen its spec",
            "metadata.generation, status.observedGeneration",
            lambda of: None if of.is_observed is None else not of.is_observed,
            lambda of: f"generation {of.workload.generation}, observed {of.workload.observed}",
        ),
    ),
    must_not=(Fact("it created a pod lately", "metadata.creationTimestamp of the pods", lambda of: of.age < ACTED),),
    explains=("pods-not-created", "rollout-stuck", "replicas-missing"),
    # A busy controller manager takes seconds.
    after=120,
    lookalikes=("rollout-stuck",),
    helps=(
        Help("see what was changed, and by whom", "past"),
        Help("see whether other workloads are acted on", "describe"),
    ),
    avoid=("Do not change it again to get it going: the controller has not seen the last change either.",),
    decides=("whether other workloads get their changes: if none does, the controller manager is down",),
)
HELD = RolloutCause(
    id="rollout-held-by-pod",
    stage=Stage.BROKEN,
    severity=Severity.WARNING,
    sentence="The rollout waits for a broken pod of an older revision, which its controller does not replace.",
    words=lambda of: f"rollout waits for {', '.join(pod.name for pod in of.holding[:3])} of an older revision",
    must=(
        Fact[RolloutSubject](
            "a pod of an older revision is not ready",
            "controller-revision-hash of the pods, status.updateRevision",
            lambda of: bool(of.holding),
            lambda of: _revisions(of) if of.holding else "",
        ),
        Fact(
            "it creates its pods one after the other",
            "spec.podManagementPolicy, updateStrategy",
            lambda of: of.workload.ordered,
        ),
    ),
    explains=(*_BROKEN, *OVERLOAD, "replicas-missing", "replicas-lost", "no-replica-ready"),
    # A pod that restarts on its own needs minutes to load.
    after=300,
    lookalikes=("rollout-stuck",),
    helps=(
        Help("delete that pod (kubectl delete pod): its successor gets the newest revision"),
        Help("see what is different in the newest revision", "past"),
        Help("see why the pod is not ready", "describe"),
    ),
    avoid=("Do not roll back and wait: a rollback, too, waits for the pod that is broken.",),
    decides=("whether the pod becomes ready by itself: then the rollout goes on",),
)
"""Findings catalogue F37; kubernetes/kubernetes#67250."""
PAUSED = RolloutCause(
    id="rollout-paused",
    severity=Severity.WARNING,
    sentence="The workload was changed while its rollouts are paused: no pod has the change.",
    words=says("changed while paused, and not rolled out"),
    must=(
        Fact("its rollouts are paused", "spec.paused", lambda of: of.workload.paused),
        Fact[RolloutSubject](
            "no pod is of its newest template",
            "status.updatedReplicas",
            lambda of: bool(of.is_observed) and of.workload.updated == 0 < of.workload.desired and of.age < math.inf,
            lambda of: f"{of.workload.updated} of {of.workload.desired} updated",
        ),
    ),
    runs_on=True,
    # Whoever changes several things at once pauses it for a while.
    after=1800,
    lookalikes=("rollout-stuck", "change-not-observed"),
    helps=(
        Help("see what was changed, and by whom", "past"),
        Help("go on with it", "resume"),
        Help("see both templates", "describe"),
    ),
    avoid=("Do not resume it before you know what was changed meanwhile: all of it is rolled out at once.",),
    decides=("whether somebody still works on it: ask who paused it",),
)
OF_ROLLOUTS = (NOT_OBSERVED, HELD, PAUSED)
