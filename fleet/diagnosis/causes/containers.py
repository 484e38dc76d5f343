"""Containers that do not start, do not stay up, or are not ready, as the kubelet reports them."""

from __future__ import annotations

import re

from fleet.diagnosis.cause import Help, PodCause, Stage, says
from fleet.diagnosis.causes import container_signs as signs
from fleet.diagnosis.causes.container_signs import main_containers
from fleet.diagnosis.causes.symptoms import GPU_FAULTS, OVERLOAD, SETTLES
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.gist import gist
from fleet.diagnosis.subjects.subject import PodSubject
from fleet.diagnosis.thresholds import RESTARTS
from fleet.model.counting import count
from fleet.model.severity import Severity


def _why_unready(subject: PodSubject) -> str:
    found = next((one for one in subject.pod.conditions if one.type == "Ready" and one.status == "False"), None)
    return "" if found is None else ": ".join(filter(None, (found.reason, found.message)))


_UNREADY: Fact[PodSubject] = Fact(
    "it is not ready", "condition Ready", lambda subject: not subject.pod.ready, _why_unready
)
_KILLED: Fact[PodSubject] = Fact(
    "a container was OOM-killed",
    "lastState.terminated.reason",
    lambda subject: any(one.last_reason == "OOMKilled" for one in main_containers(subject)),
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
    lambda subject: any(not one.started for one in main_containers(subject)),
)


def _of_memory(subject: PodSubject) -> str:
    text = signs.of_container(subject)
    return text if subject.stopped_by == "OOMKilled" else f"OOMKilled, {text}"


def _gates(subject: PodSubject) -> str:
    """Return the names of the gates that are closed."""
    return ", ".join(re.findall(r'gate "([^"]+)"', signs.GATE.shows(subject)))


INIT_FAILS = PodCause(
    id="init-container-fails",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="An init container fails, so the engine never starts.",
    words=signs.of_container,
    must=(signs.STOPPED, signs.INIT),
    must_not=(signs.OOM, signs.ENGINE_RUNS),
    may=(signs.LAST_END,),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    lookalikes=("crash-loop",),
    helps=(
        Help("read the end of its previous log", "previous"),
        Help("see what it should do", "describe"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not restart the pod: the kubelet retries by itself, and a new pod has to fetch everything again.",),
)
SIDECAR_FAILS = PodCause(
    id="sidecar-fails",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A sidecar keeps exiting: the engine runs, but its pod is not ready without it.",
    words=lambda subject: f"sidecar {signs.ENGINE_RUNS.shows(subject)}: {subject.stopped_by}",
    must=(signs.STOPPED, signs.INIT, signs.ENGINE_RUNS),
    must_not=(signs.OOM,),
    may=(signs.LAST_END,),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    lookalikes=("init-container-fails",),
    helps=(
        Help("read the end of its previous log", "previous"),
        Help("see what changed before", "past"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not restart the pod: its engine is well and would load again.",),
)
OOM = PodCause(
    id="out-of-memory",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container was OOM-killed: it used more host memory than its limit.",
    words=_of_memory,
    must=(signs.STOPPED, signs.OOM),
    may=(signs.LAST_END,),
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
    words=signs.of_container,
    must=(signs.STOPPED, signs.LOOP),
    must_not=(signs.OOM, signs.INIT, signs.NOT_STARTED),
    may=(signs.LAST_END,),
    # Of several that die of one cause, some are waiting and some have just been restarted.
    explains=("restarts-and-not-ready", *OVERLOAD, "rollout-stuck"),
    peers=True,
    after=SETTLES,
    # Between two crashes it runs for a while, without being healthy.
    keeps_firing=(_UNREADY, _AGAIN),
    lookalikes=(*GPU_FAULTS, "out-of-memory"),
    helps=(
        Help("read the end of the log before it exited", "previous"),
        Help("see what changed before", "past"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not restart it: the kubelet already does.",),
    decides=("the last lines of the log before it exited",),
)
CANNOT_START = PodCause(
    id="container-cannot-start",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The runtime cannot start a container: its command, its CPU architecture or a device of it is wrong.",
    words=lambda subject: f"cannot start: {gist(signs.start_error(subject))}",
    must=(signs.STOPPED, signs.NOT_STARTED),
    explains=("restarts-and-not-ready", *OVERLOAD, "rollout-stuck"),
    peers=True,
    keeps_firing=(_UNREADY, _AGAIN),
    lookalikes=("crash-loop", "container-not-created"),
    helps=(
        Help("read what the runtime says", "describe"),
        Help("see what changed before", "past"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not look for the log of the container: its process never ran.",),
    decides=(
        "whether it starts on other nodes: if so it is this node's runtime or driver, else the image or its spec",
    ),
)
HOOK_FAILS = PodCause(
    id="lifecycle-hook-fails",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A lifecycle hook of a container fails, so the kubelet kills the container.",
    words=signs.hook_error,
    must=(signs.STOPPED, signs.HOOK),
    explains=("restarts-and-not-ready", *OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(
        Help("read what the hook reports", "describe"),
        Help("read the end of its previous log", "previous"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not read the engine's log for it: what a hook writes is in the event alone.",),
)
CONFIG = PodCause(
    id="container-not-created",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container cannot be created: a Secret, ConfigMap, path or command that its spec names is missing.",
    words=signs.odd_wait,
    must=(signs.STOPPED, signs.CONFIG),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see what is missing", "describe"), Help("roll back to the previous revision", "rollback")),
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
    may=(signs.LAST_END,),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    after=SETTLES,
    lookalikes=(*GPU_FAULTS,),
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
GATE_CLOSED = PodCause(
    id="readiness-gate-closed",
    stage=Stage.STARTING,
    severity=Severity.WARNING,
    sentence="The pod's containers are ready, but a readiness gate that another controller opens is closed.",
    words=lambda subject: f"readiness gate closed: {gist(_gates(subject))}",
    must=(_UNREADY, signs.GATE),
    must_not=(_KILLED, _AGAIN),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    after=60,
    lookalikes=("pod-not-ready",),
    helps=(Help("see the gate's condition", "describe"), Help("see what changed before", "past")),
    avoid=("Do not restart the engine: it is ready, and what opens the gate is not.",),
    decides=("whether the load balancer's health check reaches the pod: its port, its path, its security group",),
)
NOT_READY = PodCause(
    id="pod-not-ready",
    stage=Stage.STARTING,
    severity=Severity.WARNING,
    sentence="The pod is running and has started up, but is not ready.",
    words=says("not ready"),
    must=(_UNREADY,),
    must_not=(_KILLED, _AGAIN, _LOADING, signs.GATE),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    after=60,
    lookalikes=("node-not-ready", "kubelet-silent", *GPU_FAULTS),
    helps=(Help("read what its probe reports", "describe"), Help("read its log", "logs")),
)
