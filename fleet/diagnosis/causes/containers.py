"""Containers that do not start, do not stay, or are not ready: what the kubelet says of them, in kubectl's words.

The reasons are those of kubernetes/pkg/kubelet (container and image errors) and of the node lifecycle controller.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fleet.diagnosis.cause import Cause, Help, Of, Stage, says
from fleet.diagnosis.causes.symptoms import GPU_FAULTS, OVERLOAD
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subject import PodSeen
from fleet.model.objects import Container
from fleet.model.snapshot import Severity


def _status(seen: PodSeen) -> str:
    return seen.pod.status


def _reason_is(*reasons: str) -> Fact[PodSeen]:
    """The kubelet gives one of these as the reason."""
    those = frozenset(reasons)
    return Fact(
        f"its status is {' or '.join(reasons)}", "status.containerStatuses", lambda seen: seen.stopped_by in those
    )


def _deaths(seen: PodSeen) -> Sequence[str]:
    """Reasons for which what does not run has ended: its status or, while it waits for a new start, those before."""
    if seen.stopped_by != "CrashLoopBackOff":
        return (seen.stopped_by,)
    waiting = [one for one in seen.pod.containers if one.reason == "CrashLoopBackOff" and one.last_reason]
    return list(dict.fromkeys(one.last_reason for one in waiting))


def _of_memory(seen: PodSeen) -> str:
    return "OOMKilled" if seen.stopped_by == "OOMKilled" else f"OOMKilled, {seen.stopped_by}"


_STOPPED: Fact[PodSeen] = Fact("it does not run", "status", lambda seen: seen.pod.status != "Running")
_IMAGE = _reason_is("ImagePullBackOff", "ErrImagePull", "InvalidImageName")
_CONFIG = _reason_is("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_LOOP = _reason_is("CrashLoopBackOff")
_OOM: Fact[PodSeen] = Fact(
    "a container was killed for its memory",
    "status.containerStatuses",
    lambda seen: "OOMKilled" in _deaths(seen),
    lambda seen: ", ".join(_deaths(seen)),
)
_EVICTED = _reason_is("Evicted")
_LOST = _reason_is("NodeLost")
_REFUSED = _reason_is("UnexpectedAdmissionError")
_DIED = frozenset({"Error", "Failed"})

OOM = Cause[PodSeen](
    id="out-of-memory",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container was killed because it took more memory of the host than its limit.",
    words=_of_memory,
    must=(_STOPPED, _OOM),
    explains=("out-of-memory-again", *OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see the limit, and what was asked for", "describe"), Help("see what it did last", "previous")),
    avoid=("Do not raise the limit beyond what the node has: the kernel then kills whom it likes.",),
)
CRASH_LOOP = Cause[PodSeen](
    id="crash-loop",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container starts, dies and is started again.",
    words=_status,
    must=(_STOPPED, _LOOP),
    must_not=(_OOM,),
    # Of several that die of one thing, some wait and some have just been started again.
    explains=("restarts-and-not-ready", *OVERLOAD, "rollout-stuck"),
    peers=True,
    alike=(*GPU_FAULTS, "out-of-memory"),
    helps=(
        Help("read the end of the log before it died", "previous"),
        Help("see what changed before it", "past"),
        Help("go back to the revision before", "rollback"),
    ),
    avoid=("Do not restart it: it does that by itself.",),
    decides=("the last lines of the log before it died",),
)
IMAGE = Cause[PodSeen](
    id="image-not-pulled",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The image of a container cannot be pulled.",
    words=_status,
    must=(_STOPPED, _IMAGE),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    after=60,
    helps=(Help("see what the registry answered", "describe"), Help("go back to the revision before", "rollback")),
    decides=("the event of the pull: not found is the name, denied is the secret, timeout is the network",),
)
CONFIG = Cause[PodSeen](
    id="container-not-created",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container cannot be created: a Secret, a ConfigMap, a path or a command of its description is missing.",
    words=_status,
    must=(_STOPPED, _CONFIG),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see what is missing", "describe"), Help("go back to the revision before", "rollback")),
)
EVICTED = Cause[PodSeen](
    id="evicted",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The kubelet put the pod out because its node ran short of something.",
    words=_status,
    must=(_STOPPED, _EVICTED),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see what the node was short of", "describe"),),
)
NODE_LOST = Cause[PodSeen](
    id="node-lost",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The node of the pod has not answered for so long that the pod is given up.",
    words=_status,
    must=(_STOPPED, _LOST),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see its node", "nodes"),),
)
REFUSED = Cause[PodSeen](
    id="refused-by-node",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The kubelet refused the pod: its node could not give it the devices that it was placed there for.",
    words=_status,
    must=(_STOPPED, _REFUSED),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see what the kubelet says", "describe"), Help("see the GPUs of its node", "nodes")),
)
FAILED = Cause[PodSeen](
    id="pod-failed",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container of the pod ended with an error, and nothing has taken its place.",
    words=_status,
    must=(Fact("it failed", "status.phase", lambda seen: seen.pod.phase == "Failed" or seen.stopped_by in _DIED),),
    must_not=(_OOM, _LOOP, _IMAGE, _CONFIG, _EVICTED, _LOST, _REFUSED),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("read the end of its log", "logs"), Help("see what Kubernetes says", "describe")),
)

AGAIN = 2
"""Restarts from which on a pod that is not ready is more than unlucky once."""


def _main(seen: PodSeen) -> Iterator[Container]:
    return (one for one in seen.pod.containers if not one.init)


_UNREADY: Fact[PodSeen] = Fact("it is not ready", "condition Ready", lambda seen: not seen.pod.ready)
_KILLED: Fact[PodSeen] = Fact(
    "a container was killed for its memory",
    "lastState.terminated.reason",
    lambda seen: any(one.last_reason == "OOMKilled" for one in _main(seen)),
)
_AGAIN: Fact[PodSeen] = Fact(
    f"it was restarted {AGAIN} times or more", "restartCount", lambda seen: seen.pod.restarts >= AGAIN
)
_LOADING: Fact[PodSeen] = Fact(
    "a container has not started up",
    "containerStatuses.started",
    lambda seen: any(not one.started for one in _main(seen)),
)

KILLED = Cause[PodSeen](
    id="out-of-memory-again",
    of=Of.POD,
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="A container was killed because it took more memory of the host than its limit, and is not ready again.",
    words=lambda seen: f"OOMKilled, {seen.pod.restarts} restarts",
    must=(_UNREADY, _KILLED),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see the limit, and what was asked for", "describe"), Help("see what it did last", "previous")),
    avoid=("Do not raise the limit beyond what the node has: the kernel then kills whom it likes.",),
)
RESTARTED = Cause[PodSeen](
    id="restarts-and-not-ready",
    of=Of.POD,
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="The pod was restarted several times and is not ready.",
    words=lambda seen: f"not ready, {seen.pod.restarts} restarts",
    must=(_UNREADY, _AGAIN),
    must_not=(_KILLED,),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    alike=(*GPU_FAULTS,),
    helps=(Help("read the end of the log before it died", "previous"), Help("see what changed before it", "past")),
    avoid=("Do not restart it: it does that by itself.",),
    decides=("the last lines of the log before it died, and whether a probe killed it",),
)
LOADING = Cause[PodSeen](
    id="pod-loading",
    of=Of.POD,
    stage=Stage.STARTING,
    severity=Severity.STARTING,
    sentence="The engine loads its model.",
    words=says("loading"),
    must=(_UNREADY, _LOADING),
    must_not=(_KILLED, _AGAIN),
)
NOT_READY = Cause[PodSeen](
    id="pod-not-ready",
    of=Of.POD,
    stage=Stage.STARTING,
    severity=Severity.WARNING,
    sentence="The pod runs, has started up, and is not ready.",
    words=says("not ready"),
    must=(_UNREADY,),
    must_not=(_KILLED, _AGAIN, _LOADING),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    after=60,
    alike=("node-not-ready", "kubelet-silent", *GPU_FAULTS),
    helps=(Help("see what its probe says", "describe"), Help("read its log", "logs")),
)
