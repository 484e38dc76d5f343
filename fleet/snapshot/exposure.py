"""Joins routes to Services with the workloads behind them: the reachable, the unreachable, and the reason.

A route belongs to the workloads that it leads to. A route that leads nowhere belongs to its last ones, to those of its
other backends, or to the workload of that name; of any other, nobody can say that a model is behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from fleet.kinds.registry import keys_named
from fleet.model.differences import are_same
from fleet.model.exposure import Exposure, Misrouted, RouteCertificate, RouteFault, UnissuedCertificate
from fleet.model.facts import Facts
from fleet.model.objects import Pod, Service
from fleet.model.routes import POOL, SERVICE, Backend, Certificate, Gateway, Route, Routing
from fleet.snapshot.label_selectors import LabelSelector, ServicePods, selected_pods
from fleet.snapshot.policy_blocks import PolicyBlocks, policy_blocks
from fleet.snapshot.topology import Topology

T = TypeVar("T")

AGAIN = 10.0
"""Seconds after which it is looked again who of the pods behind a route is ready."""
_OUTSIDE = frozenset({"LoadBalancer", "NodePort"})
_POOLS, _GATEWAYS = "inferencepools.inference.networking.k8s.io", "gateways.gateway.networking.k8s.io"


class _Led(NamedTuple):
    """The end of one backend."""

    workloads: tuple[str, ...]
    fault: RouteFault | None = None
    detail: str = ""


class ExposureJoin:
    """Knows the way to every workload. Joined again where a route, a Service or which pods there are is another."""

    def __init__(self, behind: ServicePods) -> None:
        self._services = behind
        self._of: tuple[object, ...] = ()
        self._pods: object = None
        self._looked = float("-inf")
        self._behind: Mapping[str, Mapping[str, list[Pod]]] = {}
        """Kind of a backend → its key → the pods that it selects."""
        self._led: dict[tuple[str, Backend], tuple[str, ...]] = {}
        """Route and backend → the workloads to which it led last."""
        self._found: Mapping[str, Exposure] = {}
        self._walls = PolicyBlocks()

    def at(
        self, topology: Topology, facts: Facts, now: float, running: Callable[[str], float]
    ) -> Mapping[str, Exposure]:
        """Workload key → the route to it: the same object while unchanged; nothing if nobody lists routes.

        ``running`` are the running requests of a workload, NaN where nobody counts them.
        """
        routing = next((dated.value for dated in facts.of(Routing).values()), None)
        if routing is None:
            self._of, self._found = (), self._found and {}
            return self._found
        behind = self._services.at(topology)
        of = (routing, behind, topology.workload_of, topology.model_of)
        if not are_same(self._of, of):
            pools = (LabelSelector(one.key, one.namespace, one.selector) for one in routing.pools)
            self._behind = {SERVICE: behind, POOL: selected_pods(pools, topology.pods)}
            self._of, self._pods = of, None
        if topology.pods is not self._pods and (self._pods is None or not 0 <= now - self._looked < AGAIN):
            self._pods, self._looked = topology.pods, now
            self._join(topology, routing, now)
        if self._walls.passed(running, now):
            self._join(topology, routing, now)
        return self._found

    def _join(self, topology: Topology, routing: Routing, now: float) -> None:
        found = self._joined(topology, routing, now)
        if found != self._found:
            self._found = found

    def _joined(self, topology: Topology, routing: Routing, now: float) -> Mapping[str, Exposure]:
        found = {key: Exposure() for key in topology.model_of}
        certificates = {f"{one.namespace}/{one.secret}": one for one in routing.certificates}
        gateways = {one.key: one for one in routing.gateways}
        for route in routing.routes:
            shown = f"{route.kind} {route.name}"
            led = {backend: self._where(route, backend, topology, routing) for backend in route.backends}
            beside = tuple(dict.fromkeys(key for one in led.values() for key in one.workloads))
            for backend, one in led.items():
                if one.fault is None:
                    limits = ((shown, route.timeout),) if route.timeout else ()
                    silences = ((shown, route.silence),) if route.silence else ()
                    _add(found, one.workloads, Exposure(routes=(shown,), limits=limits, silences=silences))
                elif backend.weight:
                    wrong = Misrouted(shown, f"{backend.kind} {backend.name}", one.fault, backend.weight, one.detail)
                    _add(found, one.workloads or beside, Exposure(misrouted=(wrong,)))
            refused = tuple(_refusals(route, shown, gateways, known=routing.knows(_GATEWAYS, route.namespace)))
            shown_by = ((shown, route.secrets), *_listeners(route, gateways))
            held = [
                (certificates[secret], holder)
                for holder, secrets in shown_by
                for secret in secrets
                if secret in certificates
            ]
            dated = tuple(_dated(one, holder) for one, holder in held if one.ends is not None)
            unissued = tuple(_unissued(one, holder) for one, holder in held if one.ends is None and one.message)
            _add(found, beside, Exposure(misrouted=refused, certificates=dated, unissued=unissued))
        for key, wall in self._walls.standing(policy_blocks(topology, routing), now):
            _add(found, (key,), Exposure(policy_block=wall))
        for key, door in self._doors(topology):
            _add(found, (key,), Exposure(exposed_services=(door,)))
        return found

    def _where(self, route: Route, backend: Backend, topology: Topology, routing: Routing) -> _Led:
        """Follow a backend; to no workload, and without a fault, if that cannot be determined."""
        place = f"{backend.namespace}/{backend.name}"
        named = (key for key in keys_named(backend.namespace, backend.name) if key in topology.model_of)
        before = self._led.get((route.key, backend)) or tuple(named)
        service = topology.kube.services.get(place)
        if backend.kind == SERVICE:
            if not topology.coverage.sees("services", backend.namespace):
                return _Led(())
            if service is None:
                return _Led(before, RouteFault.MISSING)
            if not service.selector:
                # Its endpoints are managed by something else.
                return _Led(())
        elif backend.kind == POOL:
            if not routing.knows(_POOLS, backend.namespace):
                return _Led(())
            if not any(one.key == place for one in routing.pools):
                return _Led(before, RouteFault.MISSING)
        else:
            return _Led(())
        pods = self._behind[backend.kind].get(place, ())
        served = {topology.workload_of[pod.key] for pod in pods if pod.key in topology.workload_of}
        workloads = tuple(sorted(served & topology.model_of.keys()))
        if not pods:
            return _Led(before, RouteFault.EMPTY)
        if not workloads:
            return _Led(())
        self._led[route.key, backend] = workloads
        if service is not None and backend.kind == SERVICE and backend.port:
            ports = {text for name, port in service.ports for text in (name, str(port)) if text}
            if backend.port not in ports:
                return _Led(workloads, RouteFault.PORT, f"port {backend.port}")
        ready = any((pod := topology.pods.get(one.key)) and pod.ready and pod.deleted is None for one in pods)
        return _Led(workloads, None if ready else RouteFault.UNREADY)

    def _doors(self, topology: Topology) -> Iterator[tuple[str, str]]:
        """Yield the workloads whose engines are reached from outside the cluster, and the Service that does it."""
        for key, service in topology.kube.services.items():
            if service.type not in _OUTSIDE or service.guarded:
                continue
            for pod in self._behind[SERVICE].get(key, ()):
                workload = topology.workload_of.get(pod.key, "")
                if workload in topology.model_of and pod.serving.engine and not _is_beside(service, pod):
                    yield workload, f"Service {service.name}"
                    break


def _is_beside(service: Service, pod: Pod) -> bool:
    """True if all ports of a Service lead to containers beside the engine: a proxy that asks for a login."""
    other = [port for one in pod.containers if one.name != pod.serving.container for port in one.ports]
    beside = {text for name, number in other for text in (name, str(number)) if text}
    return bool(service.targets) and all(target in beside for target in service.targets)


def _add(found: dict[str, Exposure], workloads: Iterable[str], more: Exposure) -> None:
    """Add this to the facts about workloads, each once."""
    for key in workloads:
        before = found.get(key)
        if before is not None:
            found[key] = Exposure(
                _both(before.routes, more.routes),
                _both(before.misrouted, more.misrouted),
                more.policy_block or before.policy_block,
                _both(before.certificates, more.certificates),
                _both(before.exposed_services, more.exposed_services),
                _both(before.unissued, more.unissued),
                _both(before.limits, more.limits),
                _both(before.silences, more.silences),
            )


def _both(some: tuple[T, ...], others: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*some, *others))) if others else some


def _dated(one: Certificate, holder: str) -> RouteCertificate:
    return RouteCertificate(f"Certificate {one.name}", holder, one.ends or 0.0, one.begins, one.renews, one.message)


def _unissued(one: Certificate, holder: str) -> UnissuedCertificate:
    return UnissuedCertificate(f"Certificate {one.name}", holder, one.message, one.unready_since or 0.0)


def _refusals(route: Route, shown: str, gateways: Mapping[str, Gateway], *, known: bool) -> Iterator[Misrouted]:
    """Yield what the controllers of a route and of its Gateways say against them, and Gateways that are not there."""
    for one in route.conditions:
        detail = ": ".join(filter(None, (one.reason, one.message)))
        yield Misrouted(shown, shown, RouteFault.REFUSED, 1.0, detail, one.since)
    for place in route.gateways if known else ():
        name = f"Gateway {place.partition('/')[2]}"
        if place not in gateways:
            yield Misrouted(shown, name, RouteFault.MISSING)
            continue
        for one in gateways[place].conditions:
            # Its controller writes Pending until it has looked at it.
            if one.reason != "Pending":
                detail = ": ".join(filter(None, (one.reason, one.message)))
                yield Misrouted(shown, name, RouteFault.REFUSED, 1.0, detail, one.since)


def _listeners(route: Route, gateways: Mapping[str, Gateway]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for place in route.gateways:
        found = gateways.get(place)
        if found is not None:
            yield f"Gateway {place.partition('/')[2]}", found.secrets
