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
    sentence="The deleted pod does not go away: its node does not respond, or a finalizer or volume holds it.",
    words=lambda of: f"terminating for {of.overdue / 60:.0f} min beyond its grace period",
    must=(
        Fact[TimedPod](
            "its grace period is long over",
            "metadata.deletionTimestamp",
            lambda of: of.pod.deleted is not None and of.overdue > GOES,
            lambda of: f"{of.overdue:.0f} s",
        ),
    ),
    alike=("node-not-ready", "kubelet-silent"),
    helps=(Help("see its finalizers, and what its kubelet says", "describe"), Help("see its node", "nodes")),
    avoid=("Do not force-delete it while its node may still be alive: it would keep writing to its volumes.",),
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
            "it is running, has not started up and was not restarted",
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
            "it has been so for long",
            "condition Ready",
            lambda of: of.overdue > LOADS,
            lambda of: f"{of.overdue:.0f} s",
        ),
    ),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    alike=("image-pull-slow",),
    helps=(
        Help("see how far it has got", "logs"),
        Help("see where its weights come from", "describe"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not restart it: loading would start over.",),
    decides=("whether the log still counts shards: then the storage or the network is slow",),
)
OF_TIME = (STAYS, LOADS_LONG)
