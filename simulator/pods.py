"""A pod and its container as the kubelet runs it: pull, load, serve, crash, back off, end."""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from simulator import templates
from simulator.blueprint import WorkloadSpec
from simulator.engine_server import EngineServer
from simulator.gpu import Gpu
from simulator.interfaces import LogLine
from simulator.objects import Object

Place = tuple[str, str]
"""Namespace and name of a workload, or of a Service."""
EVICTED = "EvictionByEvictionAPI"
"""The reason of a pod that was evicted."""
BACKOFF_MAX = 300.0
BACKOFF_RESET = 600.0
"""A container that ran this long (seconds) starts over with the shortest back-off."""
TERMINATION_SECONDS = 8.0
"""Seconds that an idle engine takes to end after SIGTERM."""


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
    log_is_whole: bool = False
    """True if the log has what was written before the simulation began."""
    previous_log: list[LogLine] | None = None
    pending_message: str = ""
    pull_error: str = ""
    """The reason why its image does not come; empty for none."""
    progress: int = 0
    """Number of the start's log messages written so far."""
    finishing: bool = False
    """True if it was ready when it was told to end: its probes go on."""
    deadline: float = 0.0
    """Time at which it is killed if it has not ended, and the seconds given for that."""
    grace: float = 0.0
    evicted: float | None = None
    """Time of its eviction."""
    dirty: bool = True
    """True if the API server has not seen its present state."""
    tokens_logged: tuple[float, int, int] = (0.0, 0, 0)
    """Time, prompt and generated tokens of the last throughput line in the log."""
    _patience_ends: float = 0.0

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
        """True if its controller counts it as ready."""
        return self.phase is Phase.READY

    @property
    def serving(self) -> bool:
        """True if its probes succeed, which they may do until it has ended."""
        return self.phase is Phase.READY or self.finishing

    @property
    def alive(self) -> bool:
        """True if its controller counts it."""
        return self.phase is not Phase.TERMINATING

    @property
    def listening(self) -> bool:
        """True if its server accepts connections: after being told to end it takes no more."""
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
        """End the process by a crash; the engine's requests are lost."""
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
        """True if all its processes are gone after it was told to end."""
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
