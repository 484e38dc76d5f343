"""A pod and its container as the kubelet runs it: pull, load, serve, crash, back off, end."""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from simulator.blueprint import WorkloadSpec
from simulator.engine_server import EngineServer
from simulator.gpu import Gpu
from simulator.interfaces import LogLine
from simulator.objects import Object, manifest, timestamp

Place = tuple[str, str]
"""Namespace and name of a workload."""
BACKOFF_MAX = 300.0
BACKOFF_RESET = 600.0
"""A container that ran this long (seconds) starts over with the shortest back-off."""
TERMINATION_SECONDS = 8.0
"""How long an engine takes to end after SIGTERM."""


class Phase(enum.Enum):
    """Where a pod is in its life."""

    PENDING = "waits for a node"
    CREATING = "pulls its image"
    LOADING = "runs and is not ready"
    READY = "is ready"
    BACKOFF = "crashed and waits for its next start"
    TERMINATING = "was told to end"


class Exit(NamedTuple):
    """How a container ended."""

    code: int
    reason: str
    started: float
    finished: float


@dataclass(slots=True, eq=False)
class Pod:
    """One pod; times are simulated unix seconds, `since` is when it entered its phase."""

    namespace: str
    name: str
    uid: str
    owner: Object
    template: Object
    created: float
    ip: str
    workload: WorkloadSpec | None
    """What it serves; None for a pod without an engine."""
    revision: str = ""
    gpus_wanted: int = 0
    node: str = ""
    host_ip: str = ""
    phase: Phase = Phase.PENDING
    since: float = 0.0
    scheduled: float = 0.0
    started: float = 0.0
    restarts: int = 0
    exits_in_a_row: int = 0
    last_exit: Exit | None = None
    gpus: list[Gpu] = field(default_factory=list)
    server: EngineServer | None = None
    log: deque[LogLine] = field(default_factory=deque)
    previous_log: list[LogLine] | None = None
    pending_message: str = ""
    progress: int = 0
    """How many of the start's log messages are out."""
    dirty: bool = True
    """Whether the API server has not seen its present state."""
    tokens_logged: tuple[float, int, int] = (0.0, 0, 0)
    """Time, prompt and generated tokens of the last throughput line in the log."""

    @property
    def identity(self) -> Object:
        """As much of its object as others need to refer to it."""
        metadata = {"namespace": self.namespace, "name": self.name, "uid": self.uid}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}

    @property
    def place(self) -> Place:
        """Namespace and name of the workload that it belongs to."""
        return self.namespace, str(self.template["metadata"]["labels"]["app.kubernetes.io/name"])

    @property
    def port(self) -> int:
        """Where its server listens."""
        return int(self.template["spec"]["containers"][0]["ports"][0]["containerPort"])

    @property
    def container(self) -> str:
        """The name of its container."""
        return str(self.template["spec"]["containers"][0]["name"])

    @property
    def image(self) -> str:
        """The image of its container."""
        return str(self.template["spec"]["containers"][0]["image"])

    @property
    def ready(self) -> bool:
        """Whether Services send it traffic."""
        return self.phase is Phase.READY

    @property
    def alive(self) -> bool:
        """Whether its controller counts it."""
        return self.phase is not Phase.TERMINATING

    @property
    def listening(self) -> bool:
        """Whether its server accepts connections."""
        return self.server is not None or (self.workload is None and self.ready)

    @property
    def backoff(self) -> float:
        """Seconds until the next start after a crash: at once, then 10 s doubling to 5 min."""
        if self.exits_in_a_row <= 1:
            return 1.0
        return min(BACKOFF_MAX, 10.0 * 2.0 ** min(self.exits_in_a_row - 2, 10))

    def enter(self, phase: Phase, now: float) -> None:
        """Change phase."""
        self.phase = phase
        self.since = now
        self.dirty = True

    def start_container(self, now: float) -> None:
        """The container's process starts; until it listens, the pod is not ready."""
        if self.last_exit:
            self.restarts += 1
            self.previous_log = list(self.log)
            self.log.clear()
        self.started = now
        self.progress = 0
        self.enter(Phase.LOADING, now)

    def serve(self, now: float, server: EngineServer | None) -> None:
        """The process listens and passes its probes."""
        self.server = server
        for gpu in self.gpus:
            gpu.memory_used = gpu.model.memory * 0.92
        self.enter(Phase.READY, now)

    def crash(self, now: float, code: int, reason: str) -> None:
        """The process ended by itself; what was in the engine is lost."""
        if now - self.started > BACKOFF_RESET:
            self.exits_in_a_row = 0
        self.exits_in_a_row += 1
        self.last_exit = Exit(code, reason, self.started, now)
        self._stop()
        self.enter(Phase.BACKOFF, now)

    def terminate(self, now: float) -> None:
        """SIGTERM: vLLM drops what it has and ends."""
        self._stop()
        self.enter(Phase.TERMINATING, now)

    def _stop(self) -> None:
        self.server = None
        for gpu in self.gpus:
            gpu.memory_used = 0.0

    def write(self, now: float, text: str) -> None:
        """Append a line to the container's log."""
        self.log.append(LogLine(now, text))

    def manifest(self) -> Object:
        """The pod as it was created, without status."""
        template = self.template
        obj = manifest("Pod", self.name, self.created, namespace=self.namespace, labels=template["metadata"]["labels"])
        obj["metadata"]["ownerReferences"] = [self.owner]
        if self.owner["kind"] in {"ReplicaSet", "DaemonSet"}:
            obj["metadata"]["generateName"] = f"{self.owner['name']}-"
        if annotations := template["metadata"].get("annotations"):
            obj["metadata"]["annotations"] = annotations
        tolerations = template["spec"]["tolerations"] + obj["spec"]["tolerations"]
        return obj | {"spec": template["spec"] | obj["spec"] | {"tolerations": tolerations}}

    def status(self) -> Object:
        """What the scheduler and the kubelet write."""
        if not self.node:
            return {"phase": "Pending", "conditions": [self._scheduled()], "qosClass": "Burstable"}
        status: Object = {
            "phase": "Pending" if self.phase is Phase.CREATING else "Running",
            "conditions": self._conditions(),
            "hostIP": self.host_ip,
            "hostIPs": [{"ip": self.host_ip}],
            "startTime": timestamp(self.scheduled),
            "containerStatuses": [self._container_status()],
            "qosClass": "Burstable",
        }
        if self.phase is not Phase.CREATING:
            status |= {"podIP": self.ip, "podIPs": [{"ip": self.ip}]}
        return status

    def _scheduled(self) -> Object:
        reason = {"reason": "Unschedulable", "message": self.pending_message} if self.pending_message else {}
        if self.node:
            return _condition("PodScheduled", True, self.scheduled)
        return _condition("PodScheduled", False, self.since, **reason)

    def _conditions(self) -> list[Object]:
        message = f"containers with unready status: [{self.container}]"
        why = {} if self.ready else {"reason": "ContainersNotReady", "message": message}
        return [
            _condition("PodReadyToStartContainers", self.phase is not Phase.CREATING, self.scheduled),
            _condition("Initialized", True, self.scheduled),
            _condition("Ready", self.ready, self.since, **why),
            _condition("ContainersReady", self.ready, self.since, **why),
            self._scheduled(),
        ]

    def _container_status(self) -> Object:
        state: Object = {"running": {"startedAt": timestamp(self.started)}}
        ids = {
            "imageID": f"{self.image.split(':')[0]}@sha256:{sha256(self.image.encode()).hexdigest()}",
            "containerID": self._container_id(),
        }
        if self.phase is Phase.CREATING:
            state, ids = {"waiting": {"reason": "ContainerCreating"}}, {"imageID": ""}
        elif self.phase is Phase.BACKOFF and self.exits_in_a_row > 1:
            text = f"back-off {_duration(self.backoff)} restarting failed container={self.container}"
            text += f" pod={self.name}_{self.namespace}({self.uid})"
            state = {"waiting": {"reason": "CrashLoopBackOff", "message": text}}
        elif self.phase is Phase.BACKOFF:
            state = self._last_state()
        return {
            "name": self.container,
            "state": state,
            "lastState": self._last_state(),
            "ready": self.ready,
            "started": self.phase in {Phase.READY, Phase.TERMINATING},
            "restartCount": self.restarts,
            "image": self.image,
        } | ids

    def _last_state(self) -> Object:
        if self.last_exit is None:
            return {}
        code, reason, started, finished = self.last_exit
        return {
            "terminated": {
                "exitCode": code,
                "reason": reason,
                "startedAt": timestamp(started),
                "finishedAt": timestamp(finished),
                "containerID": self._container_id(),
            }
        }

    def _container_id(self) -> str:
        return f"containerd://{self.uid.replace('-', '')}{self.restarts:032x}"


def _condition(kind: str, status: bool, at: float, **why: str) -> Object:
    changed = {"lastProbeTime": None, "lastTransitionTime": timestamp(at)}
    return {"type": kind, "status": str(status)} | changed | why


def _duration(seconds: float) -> str:
    """As Go prints it: 10s, 1m20s, 5m0s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
