"""The simulated fleet: brings traffic, engines, GPUs, pods and controllers together, one tick at a time."""

from __future__ import annotations

from collections.abc import Iterable

from simulator import controllers, dcgm, logs, objects, workloads
from simulator.autoscaler import Autoscalers
from simulator.blueprint import DEFAULT, Blueprint, FleetSizeError, WorkloadSpec
from simulator.cluster import Cluster
from simulator.engine import Engine
from simulator.interfaces import Answer, Clock, Endpoint, LogLine, ObjectStore
from simulator.kubelet import Kubelet
from simulator.levers import Levers
from simulator.objects import DCGM_PORT, ENGINE_PORT, ROUTER_PORT
from simulator.pods import Pod
from simulator.scenarios import STEADY, Scenario
from simulator.traffic import Router, Traffic

PREWARM = 90.0
"""Seconds simulated before the clock starts, so that queues and counters are alive; large fleets get less."""
MAX_RATE = 2500.0
"""Requests per second to the whole fleet: a very large one stands half idle, or no machine could simulate it."""
AGE = 6 * 86400.0
"""How old (seconds) the fleet is when the simulation starts."""
LOG_PERIOD = 10.0
HEARTBEAT = 300
"""Seconds between two status reports of a kubelet whose node does not change."""
_GPU_NAMESPACE = "gpu-operator"
_EXPORTER = "dcgm-exporter"
_GATEWAY = "gateway"


class Fleet:
    """The world behind the simulated API server; the same for the same blueprint, seed and scenario.

    Raises FleetSizeError if `pods` is below 1, or so few that a workload of the scenario has none.
    """

    def __init__(
        self,
        store: ObjectStore,
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
        self._scenario = scenario
        self.workloads = {(w.namespace, w.name): w for w in self._blueprint.workloads}
        self.cluster = Cluster(store, self._blueprint, seed, pod_prefix)
        self.kubelet = Kubelet(self.cluster)
        rate = sum(w.traffic.rate * w.replicas for w in self._blueprint.workloads)
        self.traffic = {
            place: Traffic(w.traffic, w.replicas * min(1.0, MAX_RATE / max(rate, 1.0)), f"{seed}/{w.name}")
            for place, w in self.workloads.items()
        }
        self._router = Router(f"{seed}/router")
        self._deployments = controllers.Deployments(self.cluster, self.workloads)
        self._stateful_sets = controllers.StatefulSets(self.cluster, self.workloads)
        self._autoscalers = Autoscalers(self.cluster)
        # Larger fleets take longer ticks: what a tick costs grows with the engines, not with its length.
        engines = self._blueprint.pods
        self._ticks_per_second, self._prewarm = (
            (10, PREWARM) if engines <= 100 else (4, PREWARM / 3) if engines <= 1000 else (2, PREWARM / 15)
        )
        self._origin = clock.now() - self._prewarm
        self._ticks = 0
        self._pending = list(scenario.incidents)
        self._levers = Levers(self.cluster, self.kubelet, self.workloads, self.traffic)
        self._engines: dict[tuple[str, str], list[Engine]] = {}
        self._served: dict[tuple[str, str], object] = {}
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
        for name in ("default", "kube-system", "serving", "batch", _GPU_NAMESPACE):
            self._store.put(objects.namespace(name, born))
        for machine in self.cluster.machines.values():
            self._store.put(objects.node(machine.pool, machine.name, machine.number, born))
        for number, workload in enumerate(self._blueprint.workloads):
            self._put_workload(workload, number, born)
        self._put_system(born)
        self._reconcile(born)
        for pod in list(self.cluster.pods.values()):
            if self.cluster.schedule(pod, born):
                self.kubelet.start_at_once(pod, born)
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
        if found is None or not found.listening or port != _port(found):
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
            if pod.listening and _port(pod) != ROUTER_PORT:
                job = "vllm" if pod.workload else "dcgm"
                yield Endpoint(pod.namespace, pod.name, pod.ip, _port(pod), job)

    def _put_workload(self, workload: WorkloadSpec, number: int, born: float) -> None:
        place = (workload.namespace, workload.name)
        resource = next(pool.resource for pool in self._blueprint.pools if pool.name == workload.pool)
        template = workloads.engine_template(workload, workload.revision, resource)
        if workload.kind == "StatefulSet":
            self._store.put(workloads.stateful_set(*place, workload.replicas, template, born))
        else:
            one_by_one = workload.gpus > 1
            obj = workloads.deployment(*place, workload.replicas, template, born, one_by_one=one_by_one)
            if workload.old_revision:
                before = workloads.engine_template(workload, workload.old_revision, resource)
                self._store.put(workloads.replica_set(obj, 1, before, born - AGE, 0))
            self._store.put(obj)
        self._store.put(objects.service(*place, ENGINE_PORT, f"10.96.0.{number + 20}", born))
        if workload.max_replicas:
            self._store.put(objects.autoscaler(workload, born))
        if workload.min_available:
            self._store.put(objects.disruption_budget(workload, born))

    def _put_system(self, born: float) -> None:
        image = "nvcr.io/nvidia/k8s/dcgm-exporter:4.5.2-4.8.1-distroless"
        exporter = workloads.system_template(_EXPORTER, "exporter", image, DCGM_PORT)
        nodes = len(self.cluster.machines)
        self._store.put(workloads.daemon_set(_GPU_NAMESPACE, _EXPORTER, exporter, nodes, born))
        self._store.put(objects.service(_GPU_NAMESPACE, _EXPORTER, DCGM_PORT, "10.96.0.11", born))
        gateway = workloads.system_template(_GATEWAY, "router", "ghcr.io/example/llm-router:1.8.2", ROUTER_PORT)
        self._store.put(workloads.deployment("serving", _GATEWAY, 2, gateway, born, one_by_one=False))
        self._store.put(objects.service("serving", _GATEWAY, ROUTER_PORT, "10.96.0.12", born))

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
        while self._pending and now >= self._origin + self._prewarm + self._pending[0].at:
            self._pending.pop(0).act(self._levers, now)
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
        self.cluster.publish_all(list(self.cluster.pods.values()))
        self._engines = {
            place: [pod.server.engine for pod in pods if pod.server and pod.ready]
            for place, pods in self._by_workload().items()
        }

    def _by_workload(self) -> dict[tuple[str, str], list[Pod]]:
        found: dict[tuple[str, str], list[Pod]] = {place: [] for place in self.workloads}
        for pod in self.cluster.pods.values():
            if pod.workload:
                found[pod.workload.namespace, pod.workload.name].append(pod)
        return found

    def _reconcile(self, now: float) -> None:
        for (namespace, name), workload in self.workloads.items():
            if workload.kind == "StatefulSet":
                self._stateful_sets.reconcile(namespace, name, now)
            else:
                self._deployments.reconcile(namespace, name, now)
        self._deployments.reconcile("serving", _GATEWAY, now)
        self._reconcile_exporter(now)
        groups = self._by_workload()
        groups["serving", _GATEWAY] = [p for p in self.cluster.pods.values() if p.container == "router"]
        groups[_GPU_NAMESPACE, _EXPORTER] = [p for p in self.cluster.pods.values() if p.container == "exporter"]
        for place, pods in groups.items():
            signature = tuple((pod.uid, pod.phase) for pod in pods)
            if self._served.get(place) != signature:
                self._served[place] = signature
                port = _port(pods[0]) if pods else ENGINE_PORT
                controllers.reconcile_service(self.cluster, *place, pods, port)
        if self._ticks // self._ticks_per_second % self._autoscalers.PERIOD == 0:
            for place, workload in self.workloads.items():
                if workload.max_replicas:
                    self._autoscalers.reconcile(workload, groups[place], now)

    def _reconcile_exporter(self, now: float) -> None:
        obj = self._store.get("apps/v1", "DaemonSet", _GPU_NAMESPACE, _EXPORTER)
        if obj is None:
            return
        alive = [pod for pod in self.cluster.pods_of(obj["metadata"]["uid"]) if pod.alive]
        for _ in range(len(self.cluster.machines) - len(alive)):
            name = f"{_EXPORTER}-{self.cluster.suffix()}"
            self.cluster.create_pod(obj, name, obj["spec"]["template"], now, None)

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


def _port(pod: Pod) -> int:
    return int(pod.template["spec"]["containers"][0]["ports"][0]["containerPort"])
