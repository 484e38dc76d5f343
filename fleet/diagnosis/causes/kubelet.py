"""Causes that only a pod's events show: the sandbox, devices, long pulls, probes, and reasons that nobody has listed.

The reasons and words are those of kubernetes/pkg/kubelet/events and kuberuntime.
"""

from __future__ import annotations

from fleet.diagnosis.cause import Help, Stage, says
from fleet.diagnosis.causes.symptoms import HELD_UP, OVERLOAD
from fleet.diagnosis.causes.volumes import DESCRIBE, NODES, OF_VOLUMES, WAITS
from fleet.diagnosis.families.fallbacks import FallbackCause, UnlistedWarning
from fleet.diagnosis.families.reported_cause import ReportedCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.gist import gist
from fleet.diagnosis.subjects.pod_reports import CREATED, PodReports, Reported, quoting
from fleet.model.counting import count
from fleet.model.severity import Severity

_DEATHS = ("restarts-and-not-ready", "crash-loop", "out-of-memory-again", "readiness-probe-fails", *HELD_UP)

_UNREADY: Fact[PodReports] = Fact("it is not ready", "condition Ready", lambda of: not of.pod.ready)
_RESTARTED: Fact[PodReports] = Fact(
    "it was restarted", "restartCount", lambda of: of.pod.restarts > 0, lambda of: count(of.pod.restarts, "restart")
)

_SANDBOXES = ("FailedCreatePodSandBox", "NetworkNotReady")
_NO_ADDRESS = (
    r"(?i:no (?:more |available )*IPs?\b(?: address(?:es)?)?(?: are)?(?: available| left)?|"
    r"failed to (?:assign|allocate) an IP|(?:range|pool|subnet)[^.]* (?:is )?(?:full|exhausted)|space is exhausted)"
)
"""Words of network plugins (host-local, Calico, Cilium, the clouds') when all addresses for pods are taken."""
NO_ADDRESS = ReportedCause(
    id="pod-addresses-exhausted",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="The node's network plugin has no address left for the pod.",
    words=says("no pod address left"),
    must=(WAITS, Reported("no address is left", _SANDBOXES, _NO_ADDRESS, CREATED)),
    explains=HELD_UP,
    peers=True,
    after=60,
    lookalikes=("sandbox-not-created",),
    helps=(DESCRIBE, Help("keep new pods off its node", "cordon"), NODES),
    avoid=("Do not restart pods of this node: each one that comes back needs an address, too.",),
    decides=("whether other nodes have addresses: if none has, the range of the cluster or the subnet is full",),
)
_NO_SANDBOX = Reported("creating the sandbox fails", _SANDBOXES, f"^(?!.*(?:{_NO_ADDRESS}))", CREATED)
SANDBOX = ReportedCause(
    id="sandbox-not-created",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="The node cannot set up the pod's sandbox: its network plugin or container runtime fails.",
    words=quoting("sandbox not created", _NO_SANDBOX),
    must=(WAITS, _NO_SANDBOX),
    explains=HELD_UP,
    peers=True,
    after=60,
    helps=(DESCRIBE, Help("keep new pods off its node", "cordon"), NODES),
    decides=("whether other new pods on this node fail the same way: then it is the node's network plugin",),
)
_UNPREPARED = Reported("preparing its devices fails", ("FailedPrepareDynamicResources",), "", CREATED)
DEVICE_UNPREPARED = ReportedCause(
    id="device-claim-not-prepared",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="The driver of the pod's devices cannot prepare them on its node.",
    words=quoting("its devices are not prepared", _UNPREPARED),
    must=(WAITS, _UNPREPARED),
    explains=HELD_UP,
    peers=True,
    after=60,
    lookalikes=("device-claim-not-allocated",),
    helps=(DESCRIBE, NODES, Help("keep new pods off its node", "cordon")),
    decides=("whether the driver's pod runs on this node: it registers itself with the kubelet when it starts",),
)
PULL_SLOW = ReportedCause(
    id="image-pull-slow",
    stage=Stage.STARTING,
    severity=Severity.WARNING,
    sentence="A container's image is still being pulled.",
    words=says("image pull takes long"),
    must=(WAITS, Reported("the pull is still running", ("Pulling",), "", ("Pulled", "Failed", "BackOff", *CREATED))),
    explains=HELD_UP,
    peers=True,
    after=300,
    lookalikes=("image-not-pulled",),
    helps=(DESCRIBE, NODES),
    avoid=("Do not delete the pod: on another node the pull starts over.",),
    decides=("whether other nodes have the image: then it is this node's network or disk",),
)
_SYSTEM_OOM = Reported("the kernel of its node had no memory left", ("SystemOOM",))
_AT_ONCE = 60.0
"""Seconds between the kernel's kill and the kubelet's report of it."""


def _died_then(of: PodReports) -> bool | None:
    """True if a container was OOM-killed when the node had no memory left; None where it is not known when."""
    event = _SYSTEM_OOM.newest(of)
    died = [one.last_finished for one in of.pod.containers if one.last_reason == "OOMKilled" and one.last_finished]
    return None if event is None or not died else any(abs(event.last - at) < _AT_ONCE for at in died)


NODE_OUT_OF_MEMORY = ReportedCause(
    id="killed-for-memory-of-node",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The node as a whole ran out of memory, and the kernel killed the container to get some.",
    words=says("killed because its node ran out of memory"),
    must=(
        Fact(
            "a container was OOM-killed",
            "containerStatuses",
            lambda of: any("OOMKilled" in (one.reason, one.last_reason) for one in of.pod.containers),
        ),
        _SYSTEM_OOM,
        Fact("at the same time", "lastState.terminated.finishedAt, the event", _died_then),
        _UNREADY,
    ),
    explains=("out-of-memory", *_DEATHS),
    peers=True,
    lookalikes=("out-of-memory", "node-pressure"),
    helps=(
        Help("see what else runs on its node", "nodes"),
        DESCRIBE,
        Help("keep new pods off its node", "cordon"),
    ),
    avoid=("Do not raise its memory limit: the node has no more, and the kernel then kills sooner.",),
    decides=("whether requests on that node are below what is used: then too much was scheduled there",),
)
START_HOOK = ReportedCause(
    id="killed-by-start-hook",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="The postStart hook of a container fails, so the kubelet kills the container each time.",
    words=says("its postStart hook fails"),
    must=(_UNREADY, Reported("its postStart hook fails", ("FailedPostStartHook",))),
    may=(_RESTARTED,),
    explains=("lifecycle-hook-fails", *_DEATHS),
    peers=True,
    lookalikes=("crash-loop",),
    helps=(
        DESCRIBE,
        Help("see what the engine did meanwhile", "previous"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not read the engine's log for it: what a hook writes is in the event alone.",),
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
    lookalikes=("out-of-memory-again",),
    helps=(DESCRIBE, Help("see how far it got", "previous"), Help("roll back to the previous revision", "rollback")),
    avoid=("Do not restart it: the weights load from the beginning, and the probe gives up again.",),
    decides=(
        "whether the log before the kill still loads weights: then failureThreshold x periodSeconds is too short",
    ),
)
_READINESS = Reported("its readiness probe fails", ("Unhealthy",), "^Readiness probe")
READINESS_FAILS = ReportedCause(
    id="readiness-probe-fails",
    stage=Stage.STARTING,
    severity=Severity.WARNING,
    sentence="The pod is running and has started up, but its readiness probe fails.",
    words=lambda of: f"not ready: {gist(_probe(of))}",
    must=(
        _UNREADY,
        Fact(
            "all its containers have started up",
            "containerStatuses.started",
            lambda of: all(one.started and one.state == "running" for one in of.pod.containers if not one.init),
        ),
        _READINESS,
    ),
    explains=("pod-not-ready", *OVERLOAD, "rollout-stuck"),
    peers=True,
    after=60,
    lookalikes=("node-not-ready", "kubelet-silent", "engine-stuck"),
    helps=(Help("see the probe: its port, its path, its timeout", "describe"), Help("read its log", "logs")),
    avoid=("Do not restart it before you have read what the probe gets: a new one may load and fail in the same way.",),
    decides=(
        "the answer: refused means a wrong port or a dead server, 404 a wrong path, a timeout a server that hangs",
    ),
)


def _probe(of: PodReports) -> str:
    """Return what the probe got."""
    return _READINESS.shows(of).rpartition("probe failed: ")[2]


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
    lookalikes=("engine-stuck", "out-of-memory-again"),
    helps=(DESCRIBE, Help("see what it did before it was killed", "previous")),
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
            "its eviction is refused",
            ("FailedEviction", "FailedDraining", "DisruptionBlocked"),
            "(?i:disruption ?budget)",
        ),
    ),
    after=30,
    helps=(Help("see the budget, and what it counts", "describe"), Help("add a spare replica", "scale")),
    avoid=("Do not delete the pod instead of evicting it: that bypasses the budget, and users notice.",),
    decides=("whether all replicas are ready: the budget allows evictions once they are",),
)
_KNOWN = frozenset(
    {
        *(
            reason
            for cause in OF_VOLUMES
            for sign in cause.must
            if isinstance(sign, Reported)
            for reason in sign.reasons
        ),
        *_SANDBOXES,
        *("FailedPrepareDynamicResources", "FailedPostStartHook", "FailedToRetrieveImagePullSecret"),
        *("FailedEviction", "FailedDraining", "DisruptionBlocked"),
        # What the status of the pod says, too.
        *(
            "BackOff",
            "Failed",
            "FailedScheduling",
            "FailedScaleUp",
            "Evicted",
            "Preempted",
            "Preempting",
            "NodeNotReady",
            "Unhealthy",
        ),
        *("ErrImageNeverPull", "InspectFailed", "SystemOOM", "OOMKilling", "NodeShutdown", "TaintManagerEviction"),
        # What is said of pods that are well, too.
        *("ProbeWarning", "DNSConfigForming", "CheckLimitsForResolvConf", "PolicyViolation", "FailedPreStopHook"),
        *("FailedKillPod", "FailedToUpdateEndpoint", "FailedToUpdateEndpointSlices", "ExceededGracePeriod"),
        *("RecreatingFailedPod", "InvalidDiskCapacity", "BackoffLimitExceeded", "ResizeDeferred", "ResizeInfeasible"),
    }
)
"""Reasons of warnings that are told otherwise, or tell nothing."""
_UNLISTED = UnlistedWarning("Kubernetes reports", _KNOWN, CREATED)
REPORTED = FallbackCause(
    id="pod-reported",
    stage=Stage.STARTING,
    severity=Severity.WARNING,
    sentence="The pod is not ready, and Kubernetes reports a warning of it that the console does not know.",
    words=lambda of: gist(_UNLISTED.shows(of)),
    must=(_UNREADY, _UNLISTED),
    explains=("pod-pending", "not-scheduled", "loading-takes-long", "readiness-probe-fails", *HELD_UP),
    peers=True,
    after=60,
    helps=(DESCRIBE, Help("see what changed before", "past"), NODES),
    avoid=("Do not restart it before you know what the warning means: the next pod may get the same.",),
    decides=("whether other pods get the same warning: then it is the node, or what reports it",),
)
OF_KUBELET = (
    NO_ADDRESS,
    SANDBOX,
    DEVICE_UNPREPARED,
    PULL_SLOW,
    NODE_OUT_OF_MEMORY,
    START_HOOK,
    STARTUP_KILLS,
    READINESS_FAILS,
    LIVENESS_KILLS,
    DRAIN_BLOCKED,
    REPORTED,
)
"""Causes shown by a pod's events, in addition to its status."""
