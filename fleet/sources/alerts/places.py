"""Places of an Alertmanager: one that the trusted Prometheus sends its alerts to, else one among the Services.

Prometheus names an address, most often of a pod. It is only contacted if it is recognised: a pod or a Service of this
cluster, through the API server, or the host that Prometheus itself is reached at. Any other address is reported but not
contacted: a server's answer must not choose which host the console contacts.
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
"""Largest number of addresses considered per Prometheus; a cluster of Alertmanagers has three."""


class Place(NamedTuple):
    """A place to contact: a path of the API server's proxy, or a direct URL."""

    path: str = ""
    url: str = ""

    @property
    def endpoint(self) -> PrometheusEndpoint:
        """Return the endpoint of a directly contacted one, without credentials."""
        return PrometheusEndpoint(url=self.url, product=ALERTMANAGER)


def named(raw: Any) -> list[str]:
    """Return the Alertmanager URLs from Prometheus' /api/v1/alertmanagers."""
    data = mapping(raw if isinstance(raw, dict) else {}, "data")
    return [url for one in mappings(data, "activeAlertmanagers")[:MOST] if (url := text(one, "url"))]


def places(urls: Iterable[str], state: KubeState, prometheus: PrometheusEndpoint) -> Iterator[tuple[str, Place | None]]:
    """Yield each URL with its place; None for one that is not recognised."""
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
    """Return the path in front of the API's own."""
    return next((path.removesuffix(known) for known in _API if path.endswith(known)), path.rstrip("/"))


def _same_host(host: str, prometheus: PrometheusEndpoint) -> bool:
    own = urlsplit(prometheus.base).hostname if prometheus.proxy is None else None
    return own is not None and (own == host or (_is_loopback(own) and _is_loopback(host)))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
