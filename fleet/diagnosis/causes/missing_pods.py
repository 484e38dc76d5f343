"""Pods that nobody creates, of workloads of any kind."""

from __future__ import annotations

from fleet.diagnosis.cause import Help, Stage
from fleet.diagnosis.causes.admission import is_rejected, rejection
from fleet.diagnosis.families.missing_pods_cause import MissingPodsCause, MissingPodsSubject
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.gist import gist
from fleet.model.counting import count
from fleet.model.severity import Severity


def _uncreated(of: MissingPodsSubject) -> str:
    text = f"{count(of.workload.desired - of.pods, 'pod')} not created"
    return f"{text}: {gist(of.warned)}" if of.warned else text


NOT_CREATED = MissingPodsCause(
    id="pods-not-created",
    stage=Stage.BROKEN,
    severity=Severity.WARNING,
    sentence="Fewer pods exist than are wanted, and the workload's controller does not create the others.",
    words=lambda of: rejection(of.answer) or _uncreated(of),
    must=(
        Fact[MissingPodsSubject](
            "pods are missing",
            "spec.replicas, and the pods",
            lambda of: of.pods < of.workload.desired,
            lambda of: f"{of.pods} of {of.workload.desired} exist",
        ),
        # A StatefulSet creates the next one when the last is ready, and a rollout when an old one is gone.
        Fact("those that exist are ready", "condition Ready of the pods", lambda of: of.ready == of.pods),
    ),
    # What the API server answers is told of the workload itself then.
    must_not=(Fact("its status says why", "condition ReplicaFailure", lambda of: is_rejected(of.workload)),),
    may=(
        Fact[MissingPodsSubject](
            "the API server rejects them", "events FailedCreate", lambda of: bool(of.answer), lambda of: of.answer
        ),
        Fact("its controller warns", "events", lambda of: bool(of.warned), lambda of: of.warned),
    ),
    serious=(Fact("no replica is ready", "condition Ready of the pods", lambda of: not of.ready),),
    explains=("rollout-stuck", "replicas-missing", "no-replica-ready"),
    after=60,
    helps=(
        Help("read what its controller says", "describe"),
        Help("see what changed before", "past"),
        Help("run fewer replicas", "scale"),
    ),
    avoid=("Do not look for a free GPU: there is no pod yet that could have one.",),
    decides=("whether other workloads get new pods: if none does, the controller manager is down",),
)
