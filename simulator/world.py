"""The simulated fleet: brings traffic, engines, GPUs, pods and controllers together, one tick at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simulator import dcgm, logs, objects
from simulator.autoscaler import Autoscalers
from simulator.blueprint import DEFAULT, Blueprint, FleetSizeError, WorkloadSpec
from simulator.clock import Clock
from simulator.cluster import Cluster
from simulator.controllers import Deployments, StatefulSets, reconcile_daemon_set, reconcile_service
from simulator.engine import Engine
from simulator.interfaces import Answer, Endpoint, LogLine
from simulator.kubelet import Kubelet
from simulator.levers import Levers
from simulator.objects import DCGM_PORT, ENGINE_PORT, ROUTER_PORT, Object, manifest
from simulator.pods import Place, Pod
from simulator.scenarios import STEADY, Scenario
from simulator.store import Store
from simulator.traffic import Router, Traffic

PREWARM = 90.0
"""Seconds simulated before the clock starts, so that queues and counters are alive; less of it in large fleets."""
AGE = 6 * 86400.0
"""How old (seconds) the fleet is when the simulation starts."""
LOG_PERIOD = 10
HEARTBEAT = 300
"""Seconds between two status reports of a kubelet whose node does not change."""
EXPORTER = ("gpu-operator", "dcgm-exporter")
GATEWAY = ("serving", "gateway")
_QUARTER = {"max_surge": "25%", "max_unavailable": "25%"}


class Fleet:
    """The world behind the simulated API server; the same for the same blueprint, seed and scenario.

    Raises FleetSizeError if `pods` is below 1, or so few that a workload of the scenario has none.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        scenario: Scenario = STEADY,
        pods: int | None = None,
        seed: int = 1,
        pod_prefix: str = "127.77",
        blueprint: Blueprint = DEFAULT,
    ) -> None:
        self._blueprint = blueprint if pods is None else blueprint.scaled(pods)
        missing = set(scenario.needs.split()) - {w.name for w in self._blueprint.workloads}
        if missing:
            raise FleetSizeError(f"scenario {scenario.name} needs more pods: there is no {', '.join(sorted(missing))}")
        self._clock = clock
        self._store = store
        self.workloads = {(w.namespace, w.name): w for w in self._blueprint.workloads}
        self.cluster = Cluster(store, self._blueprint, seed, pod_prefix)
        self.kubelet = Kubelet(self.cluster)
        self.traffic = {
            place: Traffic(w.traffic, w.replicas / w.weight, f"{seed}/{w.name}") for place, w in self.workloads.items()
        }
        self._router = Router(f"{seed}/router")
        self._deployments = Deployments(self.cluster, self.workloads)
        self._stateful_sets = StatefulSets(self.cluster, self.workloads)
        self._autoscalers = Autoscalers(self.cluster)
        # Larger fleets take longer ticks: what a tick costs grows with the engines, not with its length.
        engines = self._blueprint.pods
        self._ticks_per_second = 10 if engines <= 100 else 4 if engines <= 1000 else 2
        self._prewarm = PREWARM if engines <= 100 else PREWARM / 3 if engines <= 1000 else PREWARM / 6
        self._origin = clock.now() - self._prewarm
        self._ticks = 0
        self._incidents = list(scenario.incidents)
        self._levers = Levers(self.cluster, self.kubelet, self.workloads, self.traffic)
        self._engines: dict[Place, list[Engine]] = {}
        self._served: dict[Place, object] = {}
        """What the endpoints of a workload were made of."""
        self._work: dict[Pod, tuple[float, float]] = {}
        """Seconds that a pod's engine had computed, and prefilled, when its GPUs were last looked at."""

    @property
    def clock(self) -> Clock:
        """The time inside the simulation."""
        return self._clock

    @property
    def now(self) -> float:
        """Unix time up to which the fleet is simulated."""
        return self._origin + self._ticks / self._ticks_per_second

    def start(self) -> None:
        """Put the objects of a fleet that has been up for days, then simulate the time before the clock started."""
        born = self._origin - AGE
        for name in ("default", "kube-system", "serving", "batch", EXPORTER[0]):
            self._store.put(manifest("Namespace", name, born))
        for machine in self.cluster.machines.values():
            self._store.put(objects.node(machine.pool, machine.name, machine.number, born))
        for number, workload in enumerate(self._blueprint.workloads):
            self._put_workload(workload, f"10.96.0.{number + 20}", born)
        self._put_system(born)
        self._reconcile(born)
        for pod in list(self.cluster.pods.values()):
            if self.cluster.schedule(pod, born):
                self.kubelet.start_at_once(pod, born)
        for workload in self._blueprint.workloads:
            if workload.max_replicas:
                self._autoscalers.remember(workload, self.clock.now())
        self.cluster.forget_events(self._origin)
        self._second()
        self.advance(self._origin + self._prewarm)

    def advance(self, now: float) -> None:
        """Simulate up to simulated unix time `now`."""
        while self._origin + (self._ticks + 1) / self._ticks_per_second <= now + 1e-6:
            self._tick()

    def respond(self, namespace: str, pod: str, port: int, method: str, path: str, body: bytes) -> Answer:
        """What the pod's HTTP server answers. Raises ConnectionError where nothing listens."""
        found = self.cluster.pods.get((namespace, pod))
        if found is None or not found.listening or port != found.port:
            raise ConnectionError(f"nothing listens on port {port} of pod {namespace}/{pod}")
        if found.server:
            return found.server.respond(method, path, body)
        route = path.partition("?")[0]
        if route == "/metrics" and port == DCGM_PORT:
            page = dcgm.render(self.cluster.machines[found.node].gpus)
            return Answer(200, dcgm.CONTENT_TYPE, page.encode())
        if route == "/health":
            return Answer(200, "text/plain; charset=utf-8", b"OK")
        return Answer(404, "text/plain; charset=utf-8", b"404 page not found\n")

    def logs(self, namespace: str, pod: str, container: str | None, previous: bool) -> list[LogLine]:
        """The kept log lines of a container, oldest first. Raises KeyError if there is none."""
        found = self.cluster.pods[namespace, pod]
        if container not in {None, found.container}:
            raise KeyError(container)
        if not previous:
            return list(found.log)
        if found.previous_log is None:
            raise KeyError(f"previous terminated container {found.container!r} in pod {pod!r} not found")
        return list(found.previous_log)

    def endpoints(self) -> Iterable[Endpoint]:
        """Every engine and DCGM exporter that listens now."""
        for pod in self.cluster.pods.values():
            if pod.listening and pod.port != ROUTER_PORT:
                job = "vllm" if pod.workload else "dcgm"
                yield Endpoint(pod.namespace, pod.name, pod.ip, pod.port, job)

    def _put_workload(self, workload: WorkloadSpec, address: str, born: float) -> None:
        resource = next(pool.resource for pool in self._blueprint.pools if pool.name == workload.pool)

        def template(revision: str) -> Object:
            return objects.engine_template(workload, revision, resource)

        # One with several GPUs per replica frees them before it starts the next.
        limits = {"max_surge": 0, "max_unavailable": 1} if workload.gpus > 1 else _QUARTER
        place = (workload.namespace, workload.name)
        now = template(workload.revision)
        obj = self._put(workload.kind, place, born, replicas=workload.replicas, template=now, **limits)
        if workload.old_revision:
            self._store.put(objects.replica_set(obj, 1, template(workload.old_revision), born - AGE))
        self._put("Service", place, born, port=ENGINE_PORT, address=address)
        if workload.max_replicas:
            span = {"low": workload.replicas, "high": workload.max_replicas}
            self._put("HorizontalPodAutoscaler", place, born, kind=workload.kind, **span)
        if workload.min_available:
            self._put("PodDisruptionBudget", place, born, min_available=workload.min_available)

    def _put_system(self, born: float) -> None:
        image = "nvcr.io/nvidia/k8s/dcgm-exporter:4.5.2-4.8.1-distroless"
        exporter = objects.system_template(EXPORTER[1], "exporter", image, DCGM_PORT)
        self._put("DaemonSet", EXPORTER, born, template=exporter, nodes=len(self.cluster.machines))
        self._put("Service", EXPORTER, born, port=DCGM_PORT, address="10.96.0.11")
        router = objects.system_template(GATEWAY[1], "router", "ghcr.io/example/llm-router:1.8.2", ROUTER_PORT)
        self._put("Deployment", GATEWAY, born, template=router, replicas=2, **_QUARTER)
        self._put("Service", GATEWAY, born, port=ROUTER_PORT, address="10.96.0.12")

    def _put(self, kind: str, place: Place, born: float, /, **values: Any) -> Object:
        obj = manifest(kind, place[1], born, namespace=place[0], **values)
        self._store.put(obj)
        return obj

    def _tick(self) -> None:
        start = self.now
        self._ticks += 1
        end = self.now
        for place, traffic in self.traffic.items():
            engines = self._engines.get(place, [])
            for request in traffic.arrivals(start, end):
                self._router.route(request, engines)
        for engines in self._engines.values():
            for engine in engines:
                engine.advance(end)
        if self._ticks % self._ticks_per_second == 0:
            self._second()

    def _second(self) -> None:
        now = self.now
        while self._incidents and now >= self._origin + self._prewarm + self._incidents[0].at:
            self._incidents.pop(0).act(self._levers, now)
        self.cluster.observe_deletions(now)
        self.kubelet.advance(now)
        self._reconcile(now)
        self._work_gpus()
        seconds = self._ticks // self._ticks_per_second
        if seconds % LOG_PERIOD == 0:
            self._log_throughput(now)
        if seconds % 60 == 0:
            self.cluster.forget_events(now)
        if seconds % HEARTBEAT == 0:
            self.cluster.heartbeat(now)
        self.cluster.publish_all()
        self._engines = {
            place: [pod.server.engine for pod in pods if pod.server and pod.ready]
            for place, pods in self._by_workload().items()
        }

    def _by_workload(self) -> dict[Place, list[Pod]]:
        found: dict[Place, list[Pod]] = {place: [] for place in (*self.workloads, GATEWAY, EXPORTER)}
        for pod in self.cluster.pods.values():
            found[pod.place].append(pod)
        return found

    def _reconcile(self, now: float) -> None:
        for place, workload in self.workloads.items():
            controller = self._stateful_sets if workload.kind == "StatefulSet" else self._deployments
            controller.reconcile(*place, now)
        self._deployments.reconcile(*GATEWAY, now)
        reconcile_daemon_set(self.cluster, *EXPORTER, now)
        groups = self._by_workload()
        for place, pods in groups.items():
            signature = tuple((pod.uid, pod.phase) for pod in pods)
            if self._served.get(place) != signature:
                self._served[place] = signature
                reconcile_service(self.cluster, *place, pods)
        if self._ticks // self._ticks_per_second % self._autoscalers.PERIOD == 0:
            for place, workload in self.workloads.items():
                if workload.max_replicas:
                    self._autoscalers.reconcile(workload, groups[place], now)

    def _work_gpus(self) -> None:
        busy: set[int] = set()
        for pod in self.cluster.pods.values():
            if pod.server is None:
                continue
            engine = pod.server.engine
            before = self._work.get(pod, (0.0, 0.0))
            self._work[pod] = (engine.busy, engine.busy_prefill)
            activity = min(1.0, max(0.0, engine.busy - before[0]))
            prefill = min(activity, max(0.0, engine.busy_prefill - before[1]))
            for gpu in pod.gpus:
                busy.add(id(gpu))
                gpu.advance(1.0, 1.0 if engine.stuck else activity, prefill, spinning=engine.stuck)
            engine.slowdown = max(gpu.slowdown for gpu in pod.gpus)
        for machine in self.cluster.machines.values():
            for gpu in machine.gpus:
                if id(gpu) not in busy:
                    gpu.advance(1.0, 0.0, 0.0)
        self._work = {pod: work for pod, work in self._work.items() if pod.server}

    def _log_throughput(self, now: float) -> None:
        for pod in self.cluster.pods.values():
            if pod.server is None or pod.server.engine.stuck:
                continue
            stats = pod.server.engine.stats
            at, prompt, generated = pod.tokens_logged
            pod.tokens_logged = (now, stats.prompt_tokens, stats.generation_tokens)
            if now > at and stats.prompt_tokens + stats.generation_tokens > prompt + generated:
                text = logs.throughput(
                    pod.server, now - at, stats.prompt_tokens - prompt, stats.generation_tokens - generated
                )
                pod.write(now, logs.line(now, "loggers.py:248", text))
