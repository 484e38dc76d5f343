"""Which addresses to scrape when there is no Prometheus: the engines and the GPU exporters among the pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from fleet.metrics.target import Fetch, Target
from fleet.model.objects import Container, Pod
from fleet.plain_url import plain_path, segment

DCGM_PORT = 9400
"""dcgm-exporter's default."""

_PORT_NAMES = ("metrics", "http-metrics", "http", "api", "openai", "server")
"""Names that charts give the port that answers /metrics, the most telling first."""
_QUOTED = 60
"""Characters of a pod's own text that a message repeats."""


class Via(StrEnum):
    """How a pod is reached."""

    POD_IP = "pod-ip"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a pod answers metrics: at its own address and nowhere else, whatever the pod says of itself."""

    pod: Pod
    port: int
    path: str
    """In its plain form (``fleet.plain_url``)."""
    problem: str = ""
    """Why it is not asked: what the pod says is no port and path of its own. Empty for one that is asked."""

    @property
    def address(self) -> str:
        """host:port, IPv6 in brackets."""
        host = f"[{self.pod.ip}]" if ":" in self.pod.ip else self.pod.ip
        return f"{host}:{self.port}"

    def target(self, via: Via, fetch: Fetch | None) -> Target:
        """The target by this way; ``fetch`` gets a path of the API server. Raises ValueError for one with a problem."""
        if self.problem:
            raise ValueError(self.problem)
        if via is Via.POD_IP:
            url = f"http://{self.address}{self.path}"
            return Target(self.pod.namespace, self.pod.name, url, node=self.pod.node)
        where = f"/api/v1/namespaces/{segment(self.pod.namespace)}/pods/{segment(self.pod.name)}"
        path = f"{where}:{self.port}/proxy{self.path}"
        return Target(self.pod.namespace, self.pod.name, path, fetch=fetch, node=self.pod.node)


def endpoints(pods: Iterable[Pod], ports: tuple[int, ...], path: str) -> list[Endpoint]:
    """The endpoints of every pod that runs an engine or exports its node's GPUs.

    A pod counts as an engine when its template names a model; its port is, in this order: the annotation
    prometheus.io/port, a port whose name says so, a declared port among ``ports``, the first of ``ports``.
    """
    found = []
    for pod in pods:
        if pod.phase != "Running" or not pod.ip:
            continue
        if exports_gpus(pod):
            port = _annotated(pod.annotations) or _declared(pod.containers, (DCGM_PORT,)) or DCGM_PORT
            found.append(_endpoint(pod, port, "/metrics"))
        elif runs_engine(pod):
            main = [c for c in pod.containers if not c.init]
            port = _annotated(pod.annotations) or _declared(main, ports) or ports[0]
            found.append(_endpoint(pod, port, path))
    return found


def _endpoint(pod: Pod, port: int, default: str) -> Endpoint:
    """The endpoint of a pod at the path of its annotation, else at ``default``."""
    said = pod.annotations.get("prometheus.io/path", "").strip()
    try:
        path = plain_path(said or default)
    except ValueError as error:
        whose = "its annotation prometheus.io/path" if said else "the configured path of metrics"
        problem = f"not asked: {whose} is no path of its own ({(said or default)[:_QUOTED]!r}): {error}"
        return Endpoint(pod, port, "", problem)
    try:
        ip_address(pod.ip)
    except ValueError:
        return Endpoint(pod, port, path, f"not asked: its address {pod.ip[:_QUOTED]!r} is no IP address")
    return Endpoint(pod, port, path)


def told_apart(found: Iterable[Endpoint]) -> tuple[list[Endpoint], dict[str, str]]:
    """The endpoints whose answer can be told to be their pod's, and the others' pods with the reason why not.

    Pods on a node's own network share its address. Where their ports do not tell them apart, the one that is ready is
    behind it, if only one is. An endpoint with a problem is none that is asked.
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
        why = f"shares {address} with another pod, so nobody can tell whose metrics these are; declare the ports"
        unclear |= {e.pod.key: why for e in sharing if len(behind) != 1 or e is not behind[0]}
    return clear, unclear


def runs_engine(pod: Pod) -> bool:
    """The pod's template names a model to serve."""
    return bool(pod.version.model or pod.version.served_name)


def exports_gpus(pod: Pod) -> bool:
    """The pod is a dcgm-exporter, by the labels of its chart or of the GPU operator."""
    names = (pod.labels.get("app.kubernetes.io/name", ""), pod.labels.get("app", ""), pod.labels.get("k8s-app", ""))
    return any("dcgm-exporter" in name for name in names)


def _annotated(annotations: Mapping[str, str]) -> int | None:
    text = annotations.get("prometheus.io/port", "")
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= 5 and 0 < int(text) < 65536 else None


def _declared(containers: Iterable[Container], known: tuple[int, ...]) -> int | None:
    declared = [port for container in containers for port in container.ports]
    numbers = [number for _, number in declared]
    by_name = dict(reversed(declared))
    named = (by_name[name] for name in _PORT_NAMES if name in by_name)
    return next(named, None) or next((port for port in known if port in numbers), None)
