"""Containers that do not start, or do not stay: what the kubelet says of them, in kubectl's words.

The reasons are those of kubernetes/pkg/kubelet (container and image errors) and of the node lifecycle controller.
"""

from __future__ import annotations

from fleet.diagnosis.cause import Cause, Of, Stage
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subject import PodSeen
from fleet.model.snapshot import Severity


def _status(seen: PodSeen) -> str:
    return seen.pod.status


def _by(*reasons: str) -> Fact[PodSeen]:
    """The kubelet gives one of these as the reason."""
    those = frozenset(reasons)
    return Fact(
        f"its status is {' or '.join(reasons)}", "status.containerStatuses", lambda seen: seen.stopped_by in those
    )


_STOPPED: Fact[PodSeen] = Fact("it does not run", "status", lambda seen: seen.pod.status != "Running")
_OOM = _by("OOMKilled")
_IMAGE = _by("ImagePullBackOff", "ErrImagePull", "InvalidImageName")
_CONFIG = _by("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_LOOP = _by("CrashLoopBackOff")
_EVICTED = _by("Evicted")
_LOST = _by("NodeLost")
_REFUSED = _by("UnexpectedAdmissionError")
_DIED = frozenset({"Error", "Failed"})

OOM = Cause[PodSeen](
    id="out-of-memory",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container was killed because it took more memory of the host than its limit.",
    words=_status,
    must=(_STOPPED, _OOM),
)
CRASH_LOOP = Cause[PodSeen](
    id="crash-loop",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container starts, dies and is started again.",
    words=_status,
    must=(_STOPPED, _LOOP),
)
IMAGE = Cause[PodSeen](
    id="image-not-pulled",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The image of a container cannot be pulled.",
    words=_status,
    must=(_STOPPED, _IMAGE),
)
CONFIG = Cause[PodSeen](
    id="container-not-created",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container cannot be created: a Secret, a ConfigMap, a path or a command of its description is missing.",
    words=_status,
    must=(_STOPPED, _CONFIG),
)
EVICTED = Cause[PodSeen](
    id="evicted",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The kubelet put the pod out because its node ran short of something.",
    words=_status,
    must=(_STOPPED, _EVICTED),
)
NODE_LOST = Cause[PodSeen](
    id="node-lost",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The node of the pod has not answered for so long that the pod is given up.",
    words=_status,
    must=(_STOPPED, _LOST),
)
REFUSED = Cause[PodSeen](
    id="refused-by-node",
    of=Of.POD,
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The kubelet refused the pod: its node could not give it the devices that it was placed there for.",
    words=_status,
    must=(_STOPPED, _REFUSED),
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
)
