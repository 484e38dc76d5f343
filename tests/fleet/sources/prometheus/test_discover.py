"""Finding a Prometheus among the Services of a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from fleet.model.objects import Service
from fleet.sources.prometheus.discovery import Candidate, candidates, find
from fleet.sources.prometheus.transport import PrometheusEndpoint, through_loop


def service(name: str, port: int) -> Service:
    return Service("monitoring", name, name, "1", "ClusterIP", {}, (("web", port),))


@pytest.mark.parametrize(
    ("found", "product", "path"),
    [
        (service("prometheus-k8s", 9090), "Prometheus", "prometheus-k8s:9090/proxy"),
        (service("kps-kube-prometheus-stack-prometheus", 9090), "Prometheus", "prometheus:9090/proxy"),
        (service("prom-kube-prometheus-prometheus", 9090), "Prometheus", "prometheus:9090/proxy"),
        (service("prometheus-server", 80), "Prometheus", "prometheus-server:80/proxy"),
        (service("metrics", 9090), "", ""),
        (service("prometheus-operated", 9090), "Prometheus", "prometheus-operated:9090/proxy"),
        (service("prometheus-k8s", 9091), "Prometheus", "https:prometheus-k8s:9091/proxy"),
        (service("vmsingle-main", 8429), "VictoriaMetrics", "vmsingle-main:8429/proxy"),
        (service("vmselect-main", 8481), "VictoriaMetrics cluster", "vmselect-main:8481/proxy/select/0/prometheus"),
        (service("thanos-query-frontend", 9090), "Thanos", "thanos-query-frontend:9090/proxy"),
        (service("mimir-gateway", 80), "Mimir", "mimir-gateway:80/proxy/prometheus"),
        (service("prometheus-operator", 8080), "", ""),
        (service("prometheus-node-exporter", 9100), "", ""),
        (service("prometheus-alertmanager", 9093), "", ""),
        (service("prometheus-k8s", 1234), "", ""),
    ],
)
def test_well_known_installations(found: Service, product: str, path: str) -> None:
    seen = candidates([found])
    assert [candidate.product for candidate in seen] == ([product] if product else [])
    if seen:
        assert seen[0].proxy_path.startswith("/api/v1/namespaces/monitoring/services/")
        assert seen[0].proxy_path.endswith(path)


def test_labels_tell_what_a_name_does_not() -> None:
    odd = Service(
        "ops", "telemetry", "u", "1", "ClusterIP", {}, (("http", 9090),), {"app.kubernetes.io/name": "prometheus"}
    )
    assert [str(candidate) for candidate in candidates([odd])] == ["Prometheus ops/telemetry:9090"]


def test_the_clusters_own_prometheus_comes_before_stores_of_several() -> None:
    names = ["mimir-gateway", "thanos-query", "prometheus-operated", "vmsingle-x", "prometheus-server"]
    ports = {"mimir-gateway": 80, "vmsingle-x": 8429, "prometheus-server": 80}
    found = candidates(service(name, ports.get(name, 9090)) for name in names)
    assert [c.name for c in found] == [
        "prometheus-server", "prometheus-operated", "vmsingle-x", "thanos-query", "mimir-gateway",
    ]  # fmt: skip


class Cluster:
    """An API server whose service proxy knows how many engines each service has; None does not answer."""

    def __init__(self, **engines: int | None) -> None:
        self.engines = {name.replace("_", "-"): count for name, count in engines.items()}

    async def fetch(self, path: str) -> tuple[int, Mapping[str, str], bytes]:
        name = path.partition("/services/")[2].partition(":")[0]
        count = self.engines[name]
        if count is None:
            return 503, {}, b"no endpoints"
        (query,) = parse_qs(urlsplit(path).query)["query"]
        result: Any = [{"metric": {}, "value": [1, str(count)]}] if count else []
        if query == "time()":
            result = [1, "1795220000"]
        return 200, {}, orjson.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})

    def endpoint(self, candidate: Candidate) -> PrometheusEndpoint:
        proxy = through_loop(self.fetch, asyncio.get_running_loop(), 5.0)
        return PrometheusEndpoint(candidate.proxy_path, proxy=proxy)


def _names(**ports: int) -> list[Candidate]:
    return [Candidate("Prometheus", "m", name.replace("_", "-"), port) for name, port in ports.items()]


async def test_the_first_that_knows_engines_is_taken() -> None:
    cluster = Cluster(down=None, infra=0, serving=12, other=12)
    found = await find(_names(down=1, infra=2, serving=3, other=4), cluster.endpoint)
    assert found.endpoint is not None
    assert "/services/serving:3/" in found.endpoint.url
    assert [(a.candidate.name, a.engines) for a in found.attempts] == [("down", 0), ("infra", 0), ("serving", 12)]
    assert "503" in found.attempts[0].problem


async def test_else_the_first_that_answers() -> None:
    found = await find(_names(down=1, infra=2, other=3), Cluster(down=None, infra=0, other=0).endpoint)
    assert found.endpoint is not None
    assert "/services/infra:2/" in found.endpoint.url


async def test_else_none() -> None:
    found = await find(_names(down=1), Cluster(down=None).endpoint)
    assert found.endpoint is None
    assert len(found.attempts) == 1
