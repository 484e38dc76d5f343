"""Containers that do not start, do not stay up, or are not ready, as the kubelet reports them, in kubectl's words.

The reasons are those of kubernetes/pkg/kubelet (container and image errors) and of the node lifecycle controller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fleet.diagnosis.cause import Help, PodCause, Stage, says
from fleet.diagnosis.causes.symptoms import GPU_FAULTS, OVERLOAD
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subject import PodSubject
from fleet.diagnosis.thresholds import RESTARTS
from fleet.model.counting import count
from fleet.model.objects import Container
from fleet.model.severity import Severity


def _status(subject: PodSubject) -> str:
    return subject.pod.status


def _reason_is(*reasons: str) -> Fact[PodSubject]:
    """The kubelet gives one of these as the reason."""
    those = frozenset(reasons)

    def told(subject: PodSubject) -> str:
        waiting = (one for one in subject.pod.containers if one.reason in those)
        return "; ".join(
            dict.fromkeys(f"{one.reason}: {one.message}" if one.message else one.reason for one in waiting)
        )

    return Fact(
        f"its status is {' or '.join(reasons)}",
        "status.containerStatuses",
        lambda subject: subject.stopped_by in those,
        told,
    )


SIGNALS = {134: "SIGABRT", 135: "SIGBUS", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}
"""Exit codes of processes that a signal ended: 128 and its number."""
_SHELL = {126: "not executable", 127: "command not found"}


_LONGEST = 160
"""Characters of a container's last line that are shown."""


def _exit(container: Container) -> str:
    code = container.last_exit_code
    meaning = SIGNALS.get(code or 0) or _SHELL.get(code or 0)
    lines = container.last_message.strip().splitlines()
    said = f": {lines[-1].strip()[:_LONGEST]}" if lines else ""
    ended = f"{container.name} exit code {code}" + (f" ({meaning})" if meaning else "")
    return f"{ended}, {container.last_reason}{said}"


def _ended(subject: PodSubject) -> list[Container]:
    return [one for one in subject.pod.containers if one.last_exit_code is not None]


_LAST_END: Fact[PodSubject] = Fact(
    "its last termination",
    "lastState.terminated",
    lambda subject: bool(_ended(subject)),
    lambda subject: "; ".join(map(_exit, _ended(subject))),
)


def _deaths(subject: PodSubject) -> Sequence[str]:
    """Return why stopped containers ended: their status or, while they wait for a restart, the previous termination."""
    if subject.stopped_by != "CrashLoopBackOff":
        return (subject.stopped_by,)
    waiting = [one for one in subject.pod.containers if one.reason == "CrashLoopBackOff" and one.last_reason]
    return list(dict.fromkeys(one.last_reason for one in waiting))


def _of_memory(subject: PodSubject) -> str:
    return "OOMKilled" if subject.stopped_by == "OOMKilled" else f"OOMKilled, {subject.stopped_by}"


_STOPPED: Fact[PodSubject] = Fact("it is not running", "status", lambda subject: subject.pod.status != "Running")
_PLAIN = frozenset({"", "ContainerCreating", "PodInitializing", "CrashLoopBackOff"})
"""Reasons of waiting containers that are no error of their creation."""


def _not_created(reason: str) -> bool:
    """True if a container waits for this reason, and it is none of the usual ones: runtimes have more of them."""
    return reason not in _PLAIN and "Image" not in reason and reason not in _IMAGE_REASONS


def _waits_oddly(subject: PodSubject) -> list[Container]:
    return [one for one in subject.pod.containers if one.state == "waiting" and _not_created(one.reason)]


_IMAGE_REASONS = (
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
)
_IMAGE: Fact[PodSubject] = Fact(
    "its image cannot be had",
    "status.containerStatuses",
    lambda subject: subject.stopped_by in _IMAGE_REASONS or "Image" in subject.stopped_by,
    lambda subject: "; ".join(
        dict.fromkeys(
            f"{one.reason}: {one.message}" if one.message else one.reason
            for one in subject.pod.containers
            if one.reason in _IMAGE_REASONS or "Image" in one.reason
        )
    ),
)
_CONFIG: Fact[PodSubject] = Fact(
    "a container waits for a reason that is an error",
    "status.containerStatuses",
    lambda subject: bool(_waits_oddly(subject)),
    lambda subject: "; ".join(
        dict.fromkeys(f"{one.reason}: {one.message}" if one.message else one.reason for one in _waits_oddly(subject))
    ),
)
"""CreateContainerConfigError, RunContainerError and the like, and whatever else a kubelet or a runtime gives as one."""
_LOOP = _reason_is("CrashLoopBackOff")
_OOM: Fact[PodSubject] = Fact(
    "a container was OOM-killed",
    "status.containerStatuses",
    lambda subject: "OOMKilled" in _deaths(subject),
    lambda subject: ", ".join(_deaths(subject)),
)
_INIT: Fact[PodSubject] = Fact(
    "an init container ends with an error",
    "status.initContainerStatuses",
    lambda subject: subject.pod.status.startswith(
        ("Init:CrashLoopBackOff", "Init:Error", "Init:ExitCode", "Init:Signal")
    ),
    _status,
)
_EVICTED = _reason_is("Evicted")
_LOST = _reason_is("NodeLost")
_SHUT_DOWN = _reason_is("NodeShutdown", "Shutdown", "Terminated")
"""A pod that was ended in order with its node (kubernetes/pkg/kubelet/nodeshutdown)."""
_REFUSALS = frozenset({"UnexpectedAdmissionError", "NodeAffinity", "NodePorts", "PodFeatureUnsupported", "NodeName"})
"""Reasons for which the kubelet rejects a scheduled pod; OutOf<resource> is handled separately."""
_REFUSED: Fact[PodSubject] = Fact(
    "its kubelet rejects it",
    "status.reason",
    lambda subject: subject.stopped_by in _REFUSALS or subject.stopped_by.lower().startswith("outof"),
    _status,
)
_DIED = frozenset({"Error", "Failed"})

PULLS = {
    "the registry's rate limit": r"\b429\b|toomanyrequests",
    "access denied": r"\b40[13]\b|unauthorized|denied|no basic auth",
    "not found": r"not found|manifest unknown",
    "certificate not trusted": r"x509",
    "registry unreachable": r"dial tcp|no such host|i/o timeout|connection re(?:fused|set)",
    "no space left": r"no space left",
}
"""Reason of a failed pull → the words of registries and container runtimes that show it."""


def _pull(subject: PodSubject) -> str:
    told = " ".join(one.message for one in subject.pod.containers)
    why = next((name for name, words in PULLS.items() if re.search(words, told, re.IGNORECASE)), "")
    return f"{_status(subject)}: {why}" if why else _status(subject)


def _main(subject: PodSubject) -> Iterator[Container]:
    return (one for one in subject.pod.containers if not one.init)


def _why_unready(subject: PodSubject) -> str:
    found = next((one for one in subject.pod.conditions if one.type == "Ready" and one.status == "False"), None)
    return "" if found is None else ": ".join(filter(None, (found.reason, found.message)))


_UNREADY: Fact[PodSubject] = Fact(
    "it is not ready", "condition Ready", lambda subject: not subject.pod.ready, _why_unready
)
_KILLED: Fact[PodSubject] = Fact(
    "a container was OOM-killed",
    "lastState.terminated.reason",
    lambda subject: any(one.last_reason == "OOMKilled" for one in _main(subject)),
)
_AGAIN: Fact[PodSubject] = Fact(
    "it was restarted more often than bad luck explains",
    "restartCount",
    lambda subject: subject.pod.restarts >= RESTARTS.at(subject.profile),
    lambda subject: count(subject.pod.restarts, "restart"),
)
_LOADING: Fact[PodSubject] = Fact(
    "a container has not started up",
    "containerStatuses.started",
    lambda subject: any(not one.started for one in _main(subject)),
)

INIT_FAILS = PodCause(
    id="init-container-fails",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="An init container fails, so the engine never starts.",
    words=_status,
    must=(_STOPPED, _INIT),
    must_not=(_OOM,),
    may=(_LAST_END,),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    alike=("crash-loop",),
    helps=(
        Help("read the end of its previous log", "previous"),
        Help("see what it should do", "describe"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not restart the pod: the kubelet retries by itself, and a new pod has to fetch everything again.",),
)
OOM = PodCause(
    id="out-of-memory",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container was OOM-killed: it used more host memory than its limit.",
    words=_of_memory,
    must=(_STOPPED, _OOM),
    may=(_LAST_END,),
    explains=("out-of-memory-again", *OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see its memory limit and request", "describe"), Help("see what it did last", "previous")),
    avoid=("Do not raise the limit beyond the node's memory: the kernel may then kill any process.",),
)
CRASH_LOOP = PodCause(
    id="crash-loop",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container keeps exiting and being restarted.",
    words=_status,
    must=(_STOPPED, _LOOP),
    must_not=(_OOM, _INIT),
    may=(_LAST_END,),
    # Of several that die of one cause, some are waiting and some have just been restarted.
    explains=("restarts-and-not-ready", *OVERLOAD, "rollout-stuck"),
    peers=True,
    # Between two crashes it runs for a while, without being healthy.
    still=(_UNREADY, _AGAIN),
    alike=(*GPU_FAULTS, "out-of-memory"),
    helps=(
        Help("read the end of the log before it exited", "previous"),
        Help("see what changed before", "past"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not restart it: the kubelet already does.",),
    decides=("the last lines of the log before it exited",),
)
IMAGE = PodCause(
    id="image-not-pulled",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container's image cannot be pulled.",
    words=_pull,
    must=(_STOPPED, _IMAGE),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    after=60,
    helps=(Help("read what the registry answered", "describe"), Help("roll back to the previous revision", "rollback")),
    decides=('the pull event: "not found" means the name, "denied" the pull secret, "timeout" the network',),
)
CONFIG = PodCause(
    id="container-not-created",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container cannot be created: a Secret, ConfigMap, path or command that its spec names is missing.",
    words=_status,
    must=(_STOPPED, _CONFIG),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see what is missing", "describe"), Help("roll back to the previous revision", "rollback")),
)
EVICTED = PodCause(
    id="evicted",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The kubelet evicted the pod because its node ran short of a resource.",
    words=_status,
    must=(_STOPPED, _EVICTED),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see what the node was short of", "describe"),),
)
NODE_LOST = PodCause(
    id="node-lost",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The pod's node has been silent for so long that the pod is considered lost.",
    words=_status,
    must=(_STOPPED, _LOST),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see its node", "nodes"),),
)
REFUSED = PodCause(
    id="refused-by-node",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The kubelet rejected the pod: its node could not provide what the pod was scheduled for.",
    words=_status,
    must=(_STOPPED, _REFUSED),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("read what the kubelet says", "describe"), Help("see the GPUs of its node", "nodes")),
)
NODE_SHUT_DOWN = PodCause(
    id="node-shut-down",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The pod was terminated by a graceful shutdown of its node.",
    words=_status,
    must=(_STOPPED, _SHUT_DOWN),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see its node", "nodes"), Help("see who shut it down, and when", "past")),
    avoid=("Do not restart the pod: this record of it stays until its replacement exists or somebody deletes it.",),
)
FAILED = PodCause(
    id="pod-failed",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container of the pod ended with an error and was not replaced.",
    words=_status,
    must=(
        Fact("it failed", "status.phase", lambda subject: subject.pod.phase == "Failed" or subject.stopped_by in _DIED),
    ),
    must_not=(_OOM, _LOOP, _INIT, _IMAGE, _CONFIG, _EVICTED, _LOST, _REFUSED, _SHUT_DOWN),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("read the end of its log", "logs"), Help("see what Kubernetes says", "describe")),
)


KILLED = PodCause(
    id="out-of-memory-again",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="A container was OOM-killed and is not ready again.",
    words=lambda subject: f"OOMKilled, {count(subject.pod.restarts, 'restart')}",
    must=(_UNREADY, _KILLED),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see its memory limit and request", "describe"), Help("see what it did last", "previous")),
    avoid=("Do not raise the limit beyond the node's memory: the kernel may then kill any process.",),
)
RESTARTED = PodCause(
    id="restarts-and-not-ready",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="The pod was restarted several times and is not ready.",
    words=lambda subject: f"not ready, {count(subject.pod.restarts, 'restart')}",
    must=(_UNREADY, _AGAIN),
    must_not=(_KILLED,),
    may=(_LAST_END,),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    alike=(*GPU_FAULTS,),
    helps=(Help("read the end of the log before it exited", "previous"), Help("see what changed before", "past")),
    avoid=("Do not restart it: the kubelet already does.",),
    decides=("the last lines of the log before it exited, and whether a probe killed it",),
)
LOADING = PodCause(
    id="pod-loading",
    stage=Stage.STARTING,
    severity=Severity.STARTING,
    sentence="The engine is loading its model.",
    words=says("loading"),
    must=(_UNREADY, _LOADING),
    must_not=(_KILLED, _AGAIN),
)
NOT_READY = PodCause(
    id="pod-not-ready",
    stage=Stage.STARTING,
    severity=Severity.WARNING,
    sentence="The pod is running and has started up, but is not ready.",
    words=says("not ready"),
    must=(_UNREADY,),
    must_not=(_KILLED, _AGAIN, _LOADING),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    after=60,
    alike=("node-not-ready", "kubelet-silent", *GPU_FAULTS),
    helps=(Help("read what its probe reports", "describe"), Help("read its log", "logs")),
)
