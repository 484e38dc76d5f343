"""Places of an Alertmanager: one that the trusted Prometheus sends its alerts to, else one among the Services.

What Prometheus names is an address, most often of a pod. It is asked where it is known for what it is: a pod or a
Service of this cluster, through the API server, or the very host that Prometheus itself is reached at. Any other
address is told of and not asked: what a server answers must not choose whom the console asks.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from fleet.json_fields import mapping, mappings, text
from fleet.model.objects import Pod, Service
from fleet.net.plain_url import segment
from fleet.sources.kube.state import KubeState
from fleet.sources.prometheus.products import ALERTMANAGER
from fleet.sources.prometheus.transport import PrometheusEndpoint

_API = ("/api/v2/alerts", "/api/v1/alerts")
MOST: int = 8
"""Addresses of one Prometheus that are looked at; a cluster of Alertmanagers has three."""


class Place(NamedTuple):
    """A place to ask: a path of the API server's proxy, or a URL that is asked directly."""

    path: str = ""
    url: str = ""

    @property
    def endpoint(self) -> PrometheusEndpoint:
        """The endpoint of one that is asked directly, without credentials."""
        return PrometheusEndpoint(url=self.url, product=ALERTMANAGER)


def named(raw: Any) -> list[str]:
    """The URLs of the Alertmanagers that /api/v1/alertmanagers of Prometheus says that it sends to."""
    data = mapping(raw if isinstance(raw, dict) else {}, "data")
    return [url for one in mappings(data, "activeAlertmanagers")[:MOST] if (url := text(one, "url"))]


def places(urls: Iterable[str], state: KubeState, prometheus: PrometheusEndpoint) -> Iterator[tuple[str, Place | None]]:
    """Each URL with where it may be asked; None for one that is not known for what it is."""
    pods = {pod.ip: pod for pod in state.pods.values() if pod.ip}
    for url in urls:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and parts.hostname:
            yield url, _place(parts, port, pods, state.services, prometheus)


def _place(
    parts: SplitResult,
    port: int | None,
    pods: Mapping[str, Pod],
    services: Mapping[str, Service],
    prometheus: PrometheusEndpoint,
) -> Place | None:
    host, prefix = parts.hostname or "", _prefix(parts.path)
    port = port or (443 if parts.scheme == "https" else 80)
    scheme = "https:" if parts.scheme == "https" else ""
    name, namespace = ([*host.split("."), ""])[:2]
    if (pod := pods.get(host)) is not None:
        kind, namespace, name = "pods", pod.namespace, pod.name
    elif f"{namespace}/{name}" in services:
        kind = "services"
    elif _same_host(host, prometheus):
        return Place(url=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{prefix}")
    else:
        return None
    where = f"/api/v1/namespaces/{segment(namespace)}/{kind}/{scheme}{segment(name)}"
    return Place(path=f"{where}:{port}/proxy{prefix}")


def _prefix(path: str) -> str:
    """The path that stands before the API's own."""
    return next((path.removesuffix(known) for known in _API if path.endswith(known)), path.rstrip("/"))


def _same_host(host: str, prometheus: PrometheusEndpoint) -> bool:
    own = urlsplit(prometheus.base).hostname if prometheus.proxy is None else None
    return own is not None and (own == host or (_is_loopback(own) and _is_loopback(host)))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
