"""The simulated fleet: brings traffic, engines, GPUs, pods and controllers together, one tick at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from simulator import dcgm, inventory, logs, templates
from simulator.blueprint import DEFAULT, Blueprint, FleetSizeError
from simulator.clock import Clock
from simulator.cluster import Cluster
from simulator.controllers import Controllers
from simulator.defaults import defaulted
from simulator.engine import Engine
from simulator.interfaces import Answer, Endpoint, LogLine
from simulator.kubelet import Kubelet
from simulator.levers import Levers
from simulator.nodes import follow, heartbeat
from simulator.objects import DCGM_PORT, Object
from simulator.pods import EVICTED, Place, Pod
from simulator.scenarios import STEADY, Incident, Scenario
from simulator.scheduler import Scheduler
from simulator.store import Store
from simulator.traffic import Router, Traffic

NIGHT = 8 * 3600.0
"""Seconds from the start of a fleet to its morning: it starts in a quiet night, whatever the real hour."""
PREWARM = 90.0
"""Seconds simulated before the clock starts, so that queues and counters are alive; less of it in large fleets."""
AUTOSCALE = 15
"""Seconds between two looks of the autoscalers."""
HEARTBEAT = 300
"""Seconds between two status reports of a kubelet whose node does not change."""


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
        self._router = Router(f"{seed}/router")
        self._scheduler = Scheduler(self.cluster)
        self._controllers = Controllers(self.cluster)
        # Larger fleets take longer ticks: what a tick costs grows with the engines, not with its length.
        engines = self._blueprint.pods
        self._ticks_per_second = 10 if engines <= 100 else 4 if engines <= 1000 else 2
        self._prewarm = PREWARM if engines <= 100 else PREWARM / 3 if engines <= 1000 else PREWARM / 6
        self._origin = clock.now() - self._prewarm
        self._ticks = 0
        self.traffic = {
            place: Traffic(w.traffic, w.replicas / w.weight, f"{seed}/{w.name}", self._origin + NIGHT)
            for place, w in self.workloads.items()
        }
        self._incidents = list(scenario.incidents)
        self._levers = Levers(self.cluster, self.kubelet, self.workloads, self.traffic)
        self._behind: dict[Place, list[Engine]] = {}
        """The engines that may get the requests of a Service."""
        self._engines: list[Engine] = []
        """All working engines, including those that get no more requests."""
        self._work: dict[Pod, tuple[float, float]] = {}
        """Seconds that a pod's engine had computed, and prefilled, when its GPUs were last updated."""

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
        inventory.put(self._store, self._blueprint, self.cluster.machines, self._origin)
        born = self._origin - inventory.AGE
        follow(self.cluster, born)
        # Twice: the second pods of a group are created once the first are known.
        for _ in range(2):
            self._controllers.run(born, autoscale=False)
            self._scheduler.advance(born)
            for pod in list(self.cluster.pods.values()):
                if pod.node and not pod.started:
                    self.kubelet.start_at_once(pod, born)
            self.cluster.publish_all()
        for workload in self._blueprint.workloads:
            if workload.max_replicas:
                self._controllers.autoscalers.remember(workload.namespace, workload.autoscaler, self.clock.now())
        self.cluster.events.forget(self._origin)
        self._second()
        self.advance(self._origin + self._prewarm)

    def advance(self, now: float) -> None:
        """Simulate up to simulated unix time `now`."""
        while self._origin + (self._ticks + 1) / self._ticks_per_second <= now + 1e-6:
            self._tick()

    def respond(self, namespace: str, pod: str, port: int, method: str, path: str, body: bytes) -> Answer:
        """Return the answer of the pod's HTTP server. Raises ConnectionError if nothing listens."""
        found = self.cluster.pods.get((namespace, pod))
        if found is None or not found.listening or port != templates.port(found.template):
            raise ConnectionError(f"nothing listens on port {port} of pod {namespace}/{pod}")
        if found.server:
            return found.server.respond(method, path, body, 1 / self.clock.speed)
        route = path.partition("?")[0]
        if route == "/metrics" and port == DCGM_PORT:
            page = dcgm.render(self.cluster.machines[found.node].gpus, 1 / self.clock.speed)
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
            self._remember(found)
            return list(found.log)
        if found.previous_log is None:
            raise KeyError(f"previous terminated container {found.container!r} in pod {pod!r} not found")
        return list(found.previous_log)

    def _remember(self, pod: Pod) -> None:
        """Add what a pod that is older than the simulation logged before that: only now, since few logs are read."""
        seconds = self.now - self._origin
        if pod.log_is_whole or pod.started >= self._origin or pod.server is None or seconds < 1:
            return
        pod.log_is_whole = True
        earlier = [each for each in pod.log if each.at < self._origin]
        later = [each for each in pod.log if each.at >= self._origin]
        between = logs.lines_before(pod.server, self._origin, seconds, pod.uid)
        pod.log = deque([*earlier, *(LogLine(at, text) for at, text in between), *later], pod.log.maxlen)

    def endpoints(self) -> Iterable[Endpoint]:
        """Every engine and DCGM exporter that listens now."""
        for pod in self.cluster.pods.values():
            if pod.listening and (pod.workload or templates.port(pod.template) == DCGM_PORT):
                job = "vllm" if pod.workload else "dcgm"
                yield Endpoint(pod.namespace, pod.name, pod.ip, templates.port(pod.template), job)

    def write(self, obj: Object) -> None:
        """Keep an object that was created or replaced through the API; the controllers see it within a second."""
        self._store.put(defaulted(obj))
        if obj["kind"] == "Pod":
            self.cluster.observe_pod(obj["metadata"]["namespace"], obj["metadata"]["name"], self.now)

    def patch_pod(self, namespace: str, name: str, obj: Object) -> None:
        """Store a pod whose metadata was changed through the API. Raises KeyError if there is none."""
        pod = self.cluster.pods[namespace, name]
        self._store.put(obj)
        self.cluster.observe_pod(pod.namespace, pod.name, self.now)

    def delete_pod(self, namespace: str, name: str, *, grace: float | None, reason: str) -> None:
        """End a pod within `grace` seconds (its own, if None), or remove it at once with 0.

        Its object shows that when this returns. Raises KeyError if there is none.
        """
        pod = self.cluster.pods[namespace, name]
        self.cluster.terminate(pod, self.now, grace, evicted=reason == EVICTED)
        if (namespace, name) in self.cluster.pods:
            self.cluster.publish(pod)
        self._controllers.follow_pods(self.now)  # at once, so that the next eviction meets a budget that knows of this

    def _tick(self) -> None:
        start = self.now
        self._ticks += 1
        end = self.now
        for place, traffic in self.traffic.items():
            engines = self._behind.get(place, [])
            for request in traffic.arrivals(start, end):
                self._router.route(request, engines)
        for engine in self._engines:
            engine.advance(end)
        if self._ticks % self._ticks_per_second == 0:
            self._second()

    def _second(self) -> None:
        now = self.now
        while self._incidents and now >= self._origin + self._prewarm + self._due(self._incidents[0]):
            self._incidents.pop(0).act(self._levers, now)
        seconds = self._ticks // self._ticks_per_second
        self.cluster.observe(now)
        follow(self.cluster, now)
        self._scheduler.advance(now)
        self.kubelet.advance(now)
        self._controllers.run(now, autoscale=seconds % AUTOSCALE == 0)
        self._work_gpus()
        if seconds % logs.PERIOD == 0:
            self._log_throughput(now)
        if seconds % 60 == 0:
            self.cluster.events.forget(now)
        if seconds % HEARTBEAT == 0:
            heartbeat(self.cluster, now)
        self.cluster.publish_all()
        self.cluster.owned.touched.clear()  # the controllers have handled them
        ready = self._controllers.endpoints.ready
        self._behind = {
            place: [pod.server.engine for pod in ready.get(place, []) if pod.server] for place in self.traffic
        }
        self._engines = [pod.server.engine for pod in self.cluster.pods.values() if pod.server]

    def _due(self, incident: Incident) -> float:
        """Seconds after the clock's start, as early in a shorter time before it as in the whole one.

        What hangs before it has its first requests would show nothing.
        """
        return incident.at * self._prewarm / PREWARM if incident.at < 0 else incident.at

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
