"""A pod and its container as the kubelet runs it: pull, load, serve, crash, back off, end."""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from simulator import templates
from simulator.blueprint import WorkloadSpec
from simulator.engine_server import EngineServer
from simulator.gpu import Gpu
from simulator.interfaces import LogLine
from simulator.objects import Object, manifest, timestamp

Place = tuple[str, str]
"""Namespace and name of a workload, or of a Service."""
EVICTED = "EvictionByEvictionAPI"
"""The reason of a pod that was evicted."""
BACKOFF_MAX = 300.0
BACKOFF_RESET = 600.0
"""A container that ran this long (seconds) starts over with the shortest back-off."""
TERMINATION_SECONDS = 8.0
"""How long an engine takes to end after SIGTERM when it has nothing to do."""


class Phase(enum.Enum):
    """The stages of a pod's life."""

    PENDING = "waits for a node"
    CREATING = "pulls its image"
    LOADING = "runs and is not ready"
    READY = "is ready"
    BACKOFF = "crashed and waits for its next start"
    TERMINATING = "was told to end"


class Exit(NamedTuple):
    """The end of a container: its code and reason."""

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
    owner: Object | None
    """The ownerReference to its controller; None for an orphan."""
    template: Object
    created: float
    ip: str
    workload: WorkloadSpec | None
    """The workload that it serves; None for a pod without an engine."""
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    gpu_requests: dict[str, int] = field(default_factory=dict)
    """GPUs by the name of the extended resource."""
    pinned: str = ""
    """The only node on which it may run: that of a DaemonSet's pod."""
    node: str = ""
    host_ip: str = ""
    phase: Phase = Phase.PENDING
    since: float = 0.0
    readiness_changed: float = 0.0
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
    pull_error: str = ""
    """The reason why its image does not come; empty for none."""
    progress: int = 0
    """How many of the start's log messages are out."""
    finishing: bool = False
    """Whether it was ready when it was told to end: its probes go on."""
    deadline: float = 0.0
    """Time at which it is killed if it has not ended by itself, and the seconds that it had for that."""
    grace: float = 0.0
    evicted: float | None = None
    """Time of its eviction."""
    dirty: bool = True
    """Whether the API server has not seen its present state."""
    tokens_logged: tuple[float, int, int] = (0.0, 0, 0)
    """Time, prompt and generated tokens of the last throughput line in the log."""
    _patience_ends: float = 0.0

    @property
    def identity(self) -> Object:
        """Metadata that references to it need."""
        metadata = {"namespace": self.namespace, "name": self.name, "uid": self.uid}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}

    @property
    def revision(self) -> str:
        """The revision of its model."""
        return templates.argument(self.template, "--revision")

    @property
    def gpus_wanted(self) -> int:
        """How many GPUs or MIG instances it needs."""
        return sum(self.gpu_requests.values())

    @property
    def port(self) -> int:
        """Port of its server; 0 if it says nothing of that."""
        return templates.port(self.template)

    @property
    def container(self) -> str:
        """The name of the container that serves."""
        return str(templates.containers(self.template)[0]["name"])

    @property
    def image(self) -> str:
        """The image of that container."""
        return str(templates.containers(self.template)[0]["image"])

    @property
    def ready(self) -> bool:
        """Whether its controller counts it as ready."""
        return self.phase is Phase.READY

    @property
    def serving(self) -> bool:
        """Whether its probes succeed, which they may do until it has ended."""
        return self.phase is Phase.READY or self.finishing

    @property
    def alive(self) -> bool:
        """Whether its controller counts it."""
        return self.phase is not Phase.TERMINATING

    @property
    def listening(self) -> bool:
        """Whether its server accepts connections: one that was told to end takes no more."""
        return self.alive and (self.server is not None or (self.workload is None and self.ready))

    @property
    def backoff(self) -> float:
        """Seconds until the next start after a crash: at once, then 10 s doubling to 5 min."""
        if self.exits_in_a_row <= 1:
            return 1.0
        return min(BACKOFF_MAX, 10.0 * 2.0 ** min(self.exits_in_a_row - 2, 10))

    def enter(self, phase: Phase, now: float) -> None:
        """Change phase."""
        before = self.serving
        self.finishing = phase is Phase.TERMINATING and before
        self.phase = phase
        self.since = now
        if self.serving != before:
            self.readiness_changed = now
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

    def terminate(self, now: float, grace: float) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds.

        A vLLM server with `--shutdown-timeout` finishes the requests that it has, for so long; one without drops them.
        """
        self.grace, self.deadline = grace, now + grace
        patience = float(templates.argument(self.template, "--shutdown-timeout") or 0)
        if self.server and not patience:
            self._stop()
        self._patience_ends = now + patience
        self.enter(Phase.TERMINATING, now)

    def shorten_grace(self, now: float, grace: float) -> None:
        """Shorten the time that it has left to end."""
        if now + grace < self.deadline:
            self.grace, self.deadline = grace, now + grace
            self.dirty = True

    def has_ended(self, now: float) -> bool:
        """Whether all its processes are gone after it was told to end."""
        if self.phase is not Phase.TERMINATING:
            return False
        if not self.node or now >= self.deadline:
            return True
        working = self.server is not None and self.server.engine.load > 0 and now < self._patience_ends
        return not working and now - self.since >= TERMINATION_SECONDS

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
        obj = manifest("Pod", self.name, self.created, namespace=self.namespace, labels=self.labels)
        if self.owner:
            obj["metadata"]["ownerReferences"] = [self.owner]
            if self.owner["kind"] in {"ReplicaSet", "DaemonSet"}:
                obj["metadata"]["generateName"] = f"{self.owner['name']}-"
        if self.annotations:
            obj["metadata"]["annotations"] = self.annotations
        tolerations = (template["spec"].get("tolerations") or []) + obj["spec"]["tolerations"]
        return obj | {"spec": template["spec"] | obj["spec"] | {"tolerations": tolerations}}

    def status(self) -> Object:
        """Return the status that the scheduler and the kubelet write."""
        if not self.node:
            return {"phase": "Pending", "conditions": [self._scheduled()], "qosClass": "Burstable"}
        status: Object = {
            "phase": "Pending" if self.phase is Phase.CREATING else "Running",
            "conditions": self._conditions(),
            "hostIP": self.host_ip,
            "hostIPs": [{"ip": self.host_ip}],
            "startTime": timestamp(self.scheduled),
            "containerStatuses": [self._container_status(c) for c in templates.containers(self.template)],
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
        why = {} if self.serving else {"reason": "ContainersNotReady", "message": message}
        conditions = [
            _condition("PodReadyToStartContainers", self.phase is not Phase.CREATING, self.scheduled),
            _condition("Initialized", True, self.scheduled),
            _condition("Ready", self.serving, self.readiness_changed or self.scheduled, **why),
            _condition("ContainersReady", self.serving, self.readiness_changed or self.scheduled, **why),
            self._scheduled(),
        ]
        if self.evicted is not None:
            why = {"reason": EVICTED, "message": "Eviction API: evicting"}
            conditions.append(_condition("DisruptionTarget", True, self.evicted, **why))
        return conditions

    def _container_status(self, container: Object) -> Object:
        image = str(container["image"])
        state: Object = {"running": {"startedAt": timestamp(self.started)}}
        ids = {
            "imageID": f"{image.split(':')[0]}@sha256:{sha256(image.encode()).hexdigest()}",
            "containerID": self._container_id(),
        }
        if self.phase is Phase.CREATING:
            state, ids = {"waiting": self._waiting()}, {"imageID": ""}
        elif self.phase is Phase.BACKOFF and self.exits_in_a_row > 1:
            text = f"back-off {_duration(self.backoff)} restarting failed container={self.container}"
            text += f" pod={self.name}_{self.namespace}({self.uid})"
            state = {"waiting": {"reason": "CrashLoopBackOff", "message": text}}
        elif self.phase is Phase.BACKOFF:
            state = self._last_state()
        return {
            "name": container["name"],
            "state": state,
            "lastState": self._last_state(),
            "ready": self.serving,
            "started": self.serving,
            "restartCount": self.restarts,
            "image": image,
        } | ids

    def _waiting(self) -> Object:
        if not self.pull_error:
            return {"reason": "ContainerCreating"}
        return {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{self.image}": {self.pull_error}'}

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
    """Format seconds as Go does: 10s, 1m20s, 5m0s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
