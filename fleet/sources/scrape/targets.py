"""Addresses to scrape if there is no Prometheus: the engines, gateways and GPU exporters among the pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from ipaddress import ip_address

from fleet.dataclass import dataclass
from fleet.metrics.pod_roles import gateway_or_exporter, runs_engine, unread, without_metrics
from fleet.metrics.product import Product
from fleet.metrics.products import by_name
from fleet.model.objects import Container, Pod
from fleet.net.plain_url import plain_path, segment
from fleet.sources.scrape.target import Fetch, ScrapeTarget

_METRICS_PORTS = ("metrics", "http-metrics")
_PORT_NAMES = (*_METRICS_PORTS, "http", "api", "openai", "server")
"""Names that charts give the port that answers /metrics, the most telling first."""
_NOT_HTTP = ("grpc", "envoy", "health", "debug", "admin", "zmq", "kv", "nixl", "nccl", "rpc", "dist", "gcs", "ssh")
"""Parts of the names of ports that do something else."""
_QUOTED = 60
"""Characters of a pod's own text that a message repeats."""


class Via(StrEnum):
    """The way to a pod."""

    POD_IP = "pod-ip"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a pod's metrics: always the pod's own, whatever its annotations say."""

    pod: Pod
    port: int
    path: str
    """Path in its plain form (``fleet.net.plain_url``)."""
    problem: str = ""
    """Reason why it is not scraped: the pod gives no port and path of its own. Empty if it is scraped."""
    tls: bool = False
    one_of_several: bool = False
    """The pod answers at other ports too: an API server for each of its data-parallel ranks."""
    elsewhere: tuple[str, ...] = ()
    """Other paths at which its product may have them."""
    hint: str = ""
    """A possible reason why it has none, by its command line; empty where nothing is known."""
    known: bool = False
    """True if its product is one whose metrics are read."""

    @property
    def key(self) -> str:
        """Key of it among the targets."""
        return f"{self.pod.key}:{self.port}" if self.one_of_several else self.pod.key

    @property
    def address(self) -> str:
        """host:port, IPv6 in brackets."""
        host = f"[{self.pod.ip}]" if ":" in self.pod.ip else self.pod.ip
        return f"{host}:{self.port}"

    def target(self, via: Via, fetch: Fetch | None) -> ScrapeTarget:
        """The target by this way; ``fetch`` gets a path of the API server. Raises ValueError for one with a problem."""
        if self.problem:
            raise ValueError(self.problem)
        pod, name = self.pod, self.key if self.one_of_several else ""
        if via is Via.POD_IP:
            url = f"{'https' if self.tls else 'http'}://{self.address}{self.path}"
            # A pod's certificate is its own or for its Service's name, so it proves nothing about an address.
            elsewhere = tuple(f"{url.removesuffix(self.path)}{path}" for path in self.elsewhere)
            return ScrapeTarget(
                pod.namespace,
                pod.name,
                url,
                ssl=not self.tls,
                node=pod.node,
                name=name,
                elsewhere=elsewhere,
                hint=self.hint,
                known=self.known,
            )
        scheme = "https:" if self.tls else ""
        where = f"/api/v1/namespaces/{segment(pod.namespace)}/pods/{scheme}{segment(pod.name)}"
        proxy = f"{where}:{self.port}/proxy"
        return ScrapeTarget(
            pod.namespace,
            pod.name,
            f"{proxy}{self.path}",
            fetch=fetch,
            node=pod.node,
            name=name,
            elsewhere=tuple(f"{proxy}{path}" for path in self.elsewhere),
            hint=self.hint,
            known=self.known,
        )


def endpoints(pods: Iterable[Pod], ports: tuple[int, ...], path: str) -> list[Endpoint]:
    """Return the endpoints of every pod that runs an engine or a gateway whose metrics are read, or exports its node's
    GPUs.

    The port of an engine is, in this order: the annotation prometheus.io/port; the one or more ports of its command
    line; among the ports that its container declares, one whose name fits, one of ``ports``, any possible one; else the
    product's default, for some products the first of ``ports``. A gateway or an exporter uses the annotation, its
    command line, a declared port, or its default.
    """
    found = []
    for pod in pods:
        if pod.phase != "Running" or not pod.ip:
            continue
        engines = _of_engine(pod, ports, path) if runs_engine(pod) and not unread(pod) else []
        beside = gateway_or_exporter(pod)
        if beside is not None:
            own = _endpoint_beside(pod, beside, ports, path)
            # One process may be both: it is scraped once.
            engines = [one for one in engines if (one.port, one.path) != (own.port, own.path)]
            found.append(replace(own, one_of_several=bool(engines)))
        found += engines
    return found


def _of_engine(pod: Pod, ports: tuple[int, ...], path: str) -> list[Endpoint]:
    chosen, engine = _ports_of_engine(pod, ports), by_name(pod.serving.engine)
    where = engine.path if engine is not None and engine.path else path
    return [_endpoint(pod, port, where, one_of_several=len(chosen) > 1) for port in chosen]


def _endpoint_beside(pod: Pod, product: Product, ports: tuple[int, ...], path: str) -> Endpoint:
    usual = product.port or ports[0]
    started = bool(pod.serving.gateway)
    configured = next(iter(pod.serving.ports), None) if started else None
    containers = [c for c in pod.containers if not started or c.name == pod.serving.container]
    declared = {number for container in containers for _, number in container.ports}
    # If its metrics have a separate port, a port merely called "http" is another one.
    names = _PORT_NAMES if product.flags.metrics_beside_api else _METRICS_PORTS
    # An engine in the same pod has its own named ports.
    named = None if usual in declared else _declared(containers, (), names)
    port = _annotated(pod.annotations) or configured or named or usual
    return _endpoint(pod, port, product.path or path)


def _ports_of_engine(pod: Pod, ports: tuple[int, ...]) -> tuple[int, ...]:
    annotated = _annotated(pod.annotations)
    if annotated is not None:
        return (annotated,)
    if pod.serving.ports:
        return pod.serving.ports
    own = [c for c in pod.containers if c.name == pod.serving.container and c.ports]
    own = own or [c for c in pod.containers if not c.init]
    engine = by_name(pod.serving.engine)
    usual = engine.port if engine is not None else None
    return (_declared(own, ports) or _any_declared(own) or usual or ports[0],)


def _endpoint(pod: Pod, port: int, default: str, *, one_of_several: bool = False) -> Endpoint:
    """The endpoint of a pod at the path of its annotation, else at ``default``."""
    annotated = pod.annotations.get("prometheus.io/path", "").strip()
    try:
        path = plain_path(annotated or default)
    except ValueError as error:
        whose = "its annotation prometheus.io/path" if annotated else "the configured path of metrics"
        problem = f"not scraped: {whose} is not a valid path ({(annotated or default)[:_QUOTED]!r}): {error}"
        return Endpoint(pod, port, "", problem)
    try:
        ip_address(pod.ip)
    except ValueError:
        return Endpoint(pod, port, path, f"not scraped: its address {pod.ip[:_QUOTED]!r} is not an IP address")
    product = gateway_or_exporter(pod) or by_name(pod.serving.engine)
    return Endpoint(
        pod,
        port,
        path,
        tls=_speaks_tls(pod, port),
        one_of_several=one_of_several,
        elsewhere=() if product is None or annotated else product.elsewhere,
        hint=without_metrics(pod) or ("" if product is None else product.switch.otherwise),
        known=product is not None,
    )


def _speaks_tls(pod: Pod, port: int) -> bool:
    """True if it uses TLS, by the annotation prometheus.io/scheme, else by its engine's settings for this port."""
    scheme = pod.annotations.get("prometheus.io/scheme", "").strip().lower()
    if scheme in ("http", "https"):
        return scheme == "https"
    return pod.serving.tls and (not pod.serving.ports or port in pod.serving.ports)


def split_ambiguous(found: Iterable[Endpoint]) -> tuple[list[Endpoint], dict[str, str]]:
    """Return the endpoints whose answers are certainly their pod's, and the pods of the others with the reason.

    Pods on a node's own network share its address. If their ports are the same, the ready one is behind it, provided
    that only one is. An endpoint with a problem is not scraped.
    """
    by_address: dict[str, list[Endpoint]] = {}
    unclear: dict[str, str] = {}
    for endpoint in found:
        if endpoint.problem:
            unclear[endpoint.pod.key] = endpoint.problem
            continue
        by_address.setdefault(f"{endpoint.address}{endpoint.path}", []).append(endpoint)
    clear: list[Endpoint] = []
    for address, sharing in by_address.items():
        behind = sharing if len(sharing) == 1 else [e for e in sharing if e.pod.ready and e.pod.deleted is None]
        if len(behind) == 1:
            clear += behind
        why = f"shares {address} with another pod, so the owner of these metrics is not known; declare the ports"
        unclear |= {e.pod.key: why for e in sharing if len(behind) != 1 or e is not behind[0]}
    return clear, unclear


def _annotated(annotations: Mapping[str, str]) -> int | None:
    text = annotations.get("prometheus.io/port", "")
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= 5 and 0 < int(text) < 65536 else None


def _declared(
    containers: Iterable[Container], known: tuple[int, ...], names: tuple[str, ...] = _PORT_NAMES
) -> int | None:
    declared = [port for container in containers for port in container.ports]
    numbers = [number for _, number in declared]
    by_name = dict(reversed(declared))
    named = (by_name[name] for name in names if name in by_name)
    return next(named, None) or next((port for port in known if port in numbers), None)


def _any_declared(containers: Iterable[Container]) -> int | None:
    """The first declared port that is not called something else."""
    declared = (port for container in containers for port in container.ports)
    return next((port for name, port in declared if not any(word in name for word in _NOT_HTTP)), None)
