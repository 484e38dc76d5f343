"""Causes that only a pod's events show: volumes, the sandbox, long pulls, and probes that kill.

The reasons and words are those of kubernetes/pkg/kubelet/events, kuberuntime and the attach-detach controller.
"""

from __future__ import annotations

from fleet.diagnosis.cause import Help, ReportedCause, Stage, says
from fleet.diagnosis.causes.symptoms import OVERLOAD
from fleet.diagnosis.pod_reports import PodReports, Reported
from fleet.diagnosis.sign import Fact
from fleet.model.counting import count
from fleet.model.severity import Severity

_HOLDS_UP = (*OVERLOAD, "rollout-stuck", "pod-not-ready", "containers-created-late")
_DEATHS = ("restarts-and-not-ready", "crash-loop", "out-of-memory-again", *_HOLDS_UP)
_DESCRIBE = Help("see what the kubelet reports", "describe")
_NODES = Help("see its node", "nodes")

_UNREADY: Fact[PodReports] = Fact("it is not ready", "condition Ready", lambda of: not of.pod.ready)
_CREATED = ("Created", "Started")
"""A container that is created has its image, its volumes and its sandbox."""
_WAITS: Fact[PodReports] = Fact("it is waiting to be created", "status.phase", lambda of: of.pod.phase == "Pending")
_RESTARTED: Fact[PodReports] = Fact(
    "it was restarted", "restartCount", lambda of: of.pod.restarts > 0, lambda of: count(of.pod.restarts, "restart")
)

ATTACHED_ELSEWHERE = ReportedCause(
    id="volume-attached-elsewhere",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="The pod's volume is still attached to another node, and can be attached to only one.",
    words=says("its volume is attached elsewhere"),
    must=(_WAITS, Reported("it is used elsewhere", ("FailedAttachVolume",), "Multi-Attach", _CREATED)),
    explains=_HOLDS_UP,
    peers=True,
    after=60,
    alike=("image-not-pulled",),
    helps=(_DESCRIBE, Help("see where it ran before", "past"), _NODES),
    avoid=("Do not force-delete the old pod while its node may still be alive: both would write to the volume.",),
    decides=("whether the old node is alive: if it is gone for good, give it the out-of-service taint",),
)
NOT_ATTACHED = ReportedCause(
    id="volume-not-attached",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="A volume of the pod cannot be attached to its node.",
    words=says("its volume is not attached"),
    must=(_WAITS, Reported("attaching fails", ("FailedAttachVolume",), "^(?!.*Multi-Attach)", _CREATED)),
    explains=_HOLDS_UP,
    peers=True,
    after=60,
    helps=(_DESCRIBE, _NODES),
)
MOUNT_SOURCE = ReportedCause(
    id="volume-source-missing",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="A Secret, ConfigMap or path that the pod mounts does not exist.",
    words=says("a mounted object is missing"),
    must=(
        _WAITS,
        Reported(
            "its source is missing", ("FailedMount",), r"not found|references non-existent|is not a dir", _CREATED
        ),
    ),
    explains=_HOLDS_UP,
    peers=True,
    after=60,
    helps=(_DESCRIBE, Help("roll back to the previous revision", "rollback")),
    alike=("container-not-created",),
)
NOT_MOUNTED = ReportedCause(
    id="volume-not-mounted",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="A volume of the pod cannot be mounted on its node.",
    words=says("its volume is not mounted"),
    must=(_WAITS, Reported("mounting fails", ("FailedMount", "FailedMapVolume"), "", _CREATED)),
    must_not=(*ATTACHED_ELSEWHERE.must[1:], *NOT_ATTACHED.must[1:], *MOUNT_SOURCE.must[1:]),
    explains=_HOLDS_UP,
    peers=True,
    after=60,
    helps=(_DESCRIBE, _NODES),
)
SANDBOX = ReportedCause(
    id="sandbox-not-created",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="The node cannot set up the pod's sandbox: its network plugin or container runtime fails.",
    words=says("sandbox not created"),
    must=(_WAITS, Reported("creating the sandbox fails", ("FailedCreatePodSandBox",), "", _CREATED)),
    explains=_HOLDS_UP,
    peers=True,
    after=60,
    helps=(_DESCRIBE, Help("keep new pods off its node", "cordon"), _NODES),
    decides=("whether other new pods on this node fail the same way: then it is the node's network plugin",),
)
PULL_SLOW = ReportedCause(
    id="image-pull-slow",
    stage=Stage.STARTING,
    severity=Severity.WARNING,
    sentence="A container's image is still being pulled.",
    words=says("image pull takes long"),
    must=(_WAITS, Reported("the pull is still running", ("Pulling",), "", ("Pulled", "Failed", "BackOff", *_CREATED))),
    explains=_HOLDS_UP,
    peers=True,
    after=300,
    alike=("image-not-pulled",),
    helps=(_DESCRIBE, _NODES),
    avoid=("Do not delete the pod: on another node the pull starts over.",),
    decides=("whether other nodes have the image: then it is this node's network or disk",),
)
STARTUP_KILLS = ReportedCause(
    id="killed-by-startup-probe",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="The startup probe gives up before the engine has started, and the kubelet kills it each time.",
    words=says("killed by its startup probe"),
    must=(_UNREADY, Reported("the startup probe kills it", ("Killing",), "failed startup probe")),
    may=(_RESTARTED, Reported("the probe fails", ("Unhealthy",), "Startup probe")),
    explains=_DEATHS,
    peers=True,
    alike=("out-of-memory-again",),
    helps=(_DESCRIBE, Help("see how far it got", "previous"), Help("roll back to the previous revision", "rollback")),
    avoid=("Do not restart it: the weights load from the beginning, and the probe gives up again.",),
    decides=(
        "whether the log before the kill still loads weights: then failureThreshold x periodSeconds is too short",
    ),
)
LIVENESS_KILLS = ReportedCause(
    id="killed-by-liveness-probe",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="The liveness probe fails, so the kubelet kills the engine.",
    words=says("killed by its liveness probe"),
    must=(Reported("the liveness probe kills it", ("Killing",), "failed liveness probe"),),
    may=(_RESTARTED, Reported("the probe fails", ("Unhealthy",), "Liveness probe")),
    explains=_DEATHS,
    peers=True,
    alike=("engine-stuck", "out-of-memory-again"),
    helps=(_DESCRIBE, Help("see what it did before it was killed", "previous")),
    avoid=("Do not add load to find out: an engine that is merely busy also answers its probe late.",),
    decides=(
        "whether it generated tokens until it was killed: then it was busy, and the probe's timeout is too short",
    ),
)
DRAIN_BLOCKED = ReportedCause(
    id="drain-blocked-by-budget",
    stage=Stage.SERVING,
    severity=Severity.WARNING,
    sentence="A PodDisruptionBudget allows no eviction of the workload's pods, so their node cannot be drained.",
    words=says("eviction blocked by its disruption budget"),
    must=(
        Reported(
            "its eviction is refused", ("FailedEviction", "FailedDraining", "DisruptionBlocked"), "disruption budget"
        ),
    ),
    after=30,
    helps=(Help("see the budget, and what it counts", "describe"), Help("add a spare replica", "scale")),
    avoid=("Do not delete the pod instead of evicting it: that bypasses the budget, and users notice.",),
    decides=("whether all replicas are ready: the budget allows evictions once they are",),
)
OF_KUBELET = (
    ATTACHED_ELSEWHERE,
    NOT_ATTACHED,
    MOUNT_SOURCE,
    NOT_MOUNTED,
    SANDBOX,
    PULL_SLOW,
    STARTUP_KILLS,
    LIVENESS_KILLS,
    DRAIN_BLOCKED,
)
"""Causes shown by a pod's events, in addition to its status."""
