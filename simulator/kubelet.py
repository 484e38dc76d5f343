"""A pod's life on its node over time."""

from __future__ import annotations

from dataclasses import dataclass

from simulator import logs, templates
from simulator.blueprint import WorkloadSpec
from simulator.cluster import Cluster
from simulator.engine_server import EngineServer
from simulator.pods import Phase, Pod

PROBE_PERIOD = 10.0
"""Seconds between two startup probes of an engine."""
SYSTEM_START = 3.0
"""Seconds from start to ready of a pod without an engine."""


@dataclass(frozen=True, slots=True)
class Fate:
    """The reason why the containers of a workload do not start, and the seconds after which they give up."""

    after: float
    code: int
    reason: str
    log: tuple[str, ...] = ()


class Kubelet:
    """Runs the pods of all nodes. `fates` determines which starts fail, by workload and revision."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.fates: dict[tuple[str, str], Fate] = {}
        self.slow: dict[tuple[str, str], float] = {}
        """Factor by which a revision of a workload is too slow."""

    def advance(self, now: float) -> None:
        """Take every pod as far as it gets by `now`."""
        for pod in list(self._cluster.pods.values()):
            match pod.phase:
                case Phase.CREATING:
                    self._pull(pod, now)
                case Phase.LOADING:
                    self._load(pod, now)
                case Phase.BACKOFF if now - pod.since >= pod.backoff:
                    self._pull(pod, now)
                case Phase.TERMINATING if pod.has_ended(now):
                    self._cluster.remove(pod)
                case _:
                    pass

    def start_at_once(self, pod: Pod, now: float) -> None:
        """Bring a scheduled pod to where it serves, without the time it would take: it has been up for long."""
        self._cluster.machines[pod.node].images.add(pod.image)
        pod.start_container(now)
        if pod.workload:
            for after, where, text in logs.start_messages(pod.workload, templates.revision(pod.template)):
                pod.write(now + after, logs.line(now + after, where, text))
            now += pod.workload.model.load + pod.workload.model.compile
        self._serve(pod, now)

    def kill(self, pod: Pod, now: float, fate: Fate) -> None:
        """The container's process dies."""
        for text in fate.log:
            pod.write(now, logs.line(now, "core.py:844", text, "ERROR"))
        pod.crash(now, fate.code, fate.reason)
        if pod.exits_in_a_row > 1:
            message = f"Back-off restarting failed container {pod.container} in pod {pod.name}_{pod.namespace}"
            self._event(pod, "Warning", "BackOff", f"{message}({pod.uid})", now)

    def _event(self, pod: Pod, kind: str, reason: str, message: str, now: float) -> None:
        self._cluster.events.record(pod, kind, reason, message, "kubelet", now)

    def _pull(self, pod: Pod, now: float) -> None:
        images = self._cluster.machines[pod.node].images
        seconds = pod.workload.model.pull if pod.workload else 2.0
        if pod.image in images:
            message = f'Container image "{pod.image}" already present on machine and can be accessed by the pod'
        elif not pod.progress:
            pod.progress = 1
            self._event(pod, "Normal", "Pulling", f'Pulling image "{pod.image}"', now)
            return
        elif now - pod.since < seconds:
            return
        elif not templates.exists(pod.image):
            self._fail_to_pull(pod, now)
            return
        else:
            message = f'Successfully pulled image "{pod.image}" in {seconds:.3f}s ({seconds:.3f}s including waiting)'
            images.add(pod.image)
        self._event(pod, "Normal", "Pulled", message, now)
        self._event(pod, "Normal", "Created", f"Created container: {pod.container}", now)
        self._event(pod, "Normal", "Started", f"Started container {pod.container}", now)
        pod.start_container(now)

    def _fail_to_pull(self, pod: Pod, now: float) -> None:
        reference = f"docker.io/{pod.image}"
        error = f'failed to resolve reference "{reference}": {reference}: not found'
        if not pod.pull_error:
            pod.pull_error = f'failed to pull and unpack image "{reference}": {error}'
            pod.dirty = True
            self._event(
                pod,
                "Warning",
                "Failed",
                f'Failed to pull image "{pod.image}": {pod.pull_error}',
                now,
            )
            self._event(pod, "Warning", "Failed", "Error: ErrImagePull", now)
        if int(now - pod.since) % int(PROBE_PERIOD) == 0:
            self._event(pod, "Normal", "BackOff", f'Back-off pulling image "{pod.image}"', now)

    def _load(self, pod: Pod, now: float) -> None:
        age = now - pod.started
        workload = pod.workload
        if workload is None:
            if age >= SYSTEM_START:
                self._serve(pod, now)
            return
        messages = logs.start_messages(workload, templates.revision(pod.template))
        while pod.progress < len(messages) and messages[pod.progress][0] <= age:
            after, where, text = messages[pod.progress]
            pod.write(pod.started + after, logs.line(pod.started + after, where, text))
            pod.progress += 1
        if age >= PROBE_PERIOD and age % PROBE_PERIOD < 1.0:
            address = f"{pod.ip}:{templates.port(pod.template)}"
            refused = f'Get "http://{address}/health": dial tcp {address}: connect: connection refused'
            self._event(pod, "Warning", "Unhealthy", f"Startup probe failed: {refused}", now)
        fate = self._fate(pod, workload)
        if fate and age >= fate.after:
            self.kill(pod, now, fate)
        elif age >= workload.model.load + workload.model.compile:
            self._serve(pod, now)

    def _fate(self, pod: Pod, workload: WorkloadSpec) -> Fate | None:
        if any(gpu.lost for gpu in pod.gpus):
            return Fate(6.0, 1, "Error", logs.NO_DEVICE)
        return self.fates.get((workload.name, templates.revision(pod.template))) or self.fates.get((workload.name, ""))

    def _serve(self, pod: Pod, now: float) -> None:
        workload = pod.workload
        if workload is None:
            pod.serve(now, None)
            return
        server = EngineServer(
            workload.model.engine,
            version=workload.version,
            model_name=workload.served,
            root=workload.model.repository,
            started=now,
            pooling=workload.model.pooling,
            weight=workload.weight,
        )
        server.engine.asleep = workload.asleep
        server.engine.handicap = self.slow.get((workload.name, templates.revision(pod.template)), 1.0)
        pod.tokens_logged = (now, 0, 0)
        pod.write(now, "INFO:     Application startup complete.")
        pod.serve(now, server)
        if workload.asleep:
            pod.write(now, logs.line(now, "executor_base.py:211", "It took 2.713482 seconds to fall asleep."))
            for gpu in pod.gpus:
                gpu.memory_used = gpu.model.memory * 0.03
