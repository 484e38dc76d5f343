"""Rollouts that do not come to an end (F37)."""

from __future__ import annotations

from fleet.diagnosis.cause import Cause, Help, Of, Stage, says
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subject import WorkloadSeen
from fleet.model.snapshot import Severity


def _given_up(seen: WorkloadSeen) -> bool:
    # Other controllers say Progressing=False when there is nothing left to do.
    return any(
        one.type == "Progressing" and one.reason == "ProgressDeadlineExceeded" for one in seen.workload.conditions
    )


STUCK = Cause[WorkloadSeen](
    id="rollout-stuck",
    of=Of.WORKLOAD,
    stage=Stage.BROKEN,
    severity=Severity.WARNING,
    sentence="The rollout has made no progress for as long as its deadline allows.",
    words=says("rollout stuck"),
    must=(Fact("its deadline has passed", "condition Progressing", _given_up),),
    serious=(Fact("no replica is ready", "condition Ready of the pods", lambda seen: not seen.ready),),
    explains=("replicas-missing", "replicas-lost", "no-replica-ready"),
    alike=("no-free-gpu", "image-not-pulled", "crash-loop"),
    helps=(Help("see what its newest pods wait for", "describe"), Help("go back to the revision before", "rollback")),
    avoid=("Do not raise maxSurge: a new replica needs GPUs beside those of the old one.",),
    decides=("whether the model loads for longer than progressDeadlineSeconds: then it only needs time",),
)
