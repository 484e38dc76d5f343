"""Pods that take too long: stuck terminating, or stuck loading."""

from __future__ import annotations

from fleet.diagnosis.cause import Help, Stage
from fleet.diagnosis.causes.symptoms import OVERLOAD
from fleet.diagnosis.overdue import OverdueCause, TimedPod
from fleet.diagnosis.sign import Fact
from fleet.model.severity import Severity

GOES = 300.0
"""Seconds beyond its grace after which a pod that is being deleted is stuck."""
LOADS = 1200.0
"""Seconds after which a model that loads takes too long: ten minutes are usual for hundreds of GB."""

STAYS = OverdueCause(
    id="pod-stuck-terminating",
    stage=Stage.GOING,
    severity=Severity.WARNING,
    sentence="The pod was deleted and does not go: its node does not answer, or a finalizer or a volume holds it.",
    words=lambda of: f"terminating for {of.overdue / 60:.0f} min beyond its grace",
    must=(
        Fact[TimedPod](
            "its grace is long over",
            "metadata.deletionTimestamp",
            lambda of: of.pod.deleted is not None and of.overdue > GOES,
            lambda of: f"{of.overdue:.0f} s",
        ),
    ),
    alike=("node-not-ready", "kubelet-silent"),
    helps=(Help("see its finalizers, and what its kubelet says", "describe"), Help("see its node", "nodes")),
    avoid=("Do not delete it by force while its node may still be alive: it would go on, and write to its volumes.",),
    decides=("whether its node answers: if it does, the end of the kubelet's log names the volume or the hook",),
)
LOADS_LONG = OverdueCause(
    id="loading-takes-long",
    stage=Stage.STARTING,
    severity=Severity.WARNING,
    sentence="The engine has been starting for much longer than models take to load.",
    words=lambda of: f"loading for {of.overdue / 60:.0f} min",
    must=(
        Fact[TimedPod](
            "it runs, has not started up, and was not restarted",
            "containerStatuses.started, restartCount",
            lambda of: (
                of.pod.deleted is None
                and of.pod.phase == "Running"
                and not of.pod.ready
                and not of.pod.restarts
                and any(not one.started for one in of.pod.containers if not one.init)
            ),
        ),
        Fact[TimedPod](
            "that is so for long", "condition Ready", lambda of: of.overdue > LOADS, lambda of: f"{of.overdue:.0f} s"
        ),
    ),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    alike=("image-pull-slow",),
    helps=(
        Help("see how far it has come", "logs"),
        Help("see where its weights come from", "describe"),
        Help("go back to the revision before", "rollback"),
    ),
    avoid=("Do not restart it: what is loaded is lost, and loading begins anew.",),
    decides=("whether the log still counts shards: then it is the storage or the network that is slow",),
)
OF_TIME = (STAYS, LOADS_LONG)
