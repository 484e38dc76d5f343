"""The search for an Alertmanager: those named by Prometheus, the trusted Services, and those that are not contacted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleet.model.objects import Service
from fleet.model.problem import NothingToAskError, SourceProblem
from fleet.net.bodies import limits
from fleet.sources.alerts.places import Place, named, places
from fleet.sources.alerts.search import Search
from fleet.sources.kube.errors import KubeError
from fleet.sources.kube.responses import Response
from fleet.sources.kube.state import KubeState
from fleet.sources.prometheus.products import ALERTMANAGER
from fleet.sources.prometheus.services import Services
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.prometheus.trust import Trust
from tests.fleet.rows import kube, pod
from tests.fleet.sources.alerts.servers import alertmanager, answering, prometheus_with_rules
from tests.waiting import block_until

ELSEWHERE = PrometheusEndpoint("http://prometheus.example.com")
STATUS: Mapping[str, Any] = {"/api/v2/status": {"cluster": {}}}


def service(namespace: str, name: str, port: int = 9093) -> Service:
    return Service(namespace, name, name, "1", "ClusterIP", {}, (("web", port),), {})


def state(*services: Service) -> KubeState:
    alertmanager = pod("alertmanager-0", namespace="monitoring", ip="10.1.2.3")
    return replace(kube([alertmanager]), services={one.key: one for one in services})


class Objects:
    """A cluster whose objects are known."""

    def __init__(self, state: KubeState) -> None:
        self._state = state

    async def wait_synced(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109
        del timeout
        return True

    def state(self) -> KubeState:
        return self._state


class Proxy:
    """An API server that has this behind its proxies."""

    def __init__(self, behind: Mapping[str, bytes]) -> None:
        self._behind = behind
        self.asked: list[str] = []

    async def get(self, path: str, **_: Any) -> Response:
        self.asked.append(path)
        if path not in self._behind:
            raise KubeError("no such thing", status=404)
        return Response(200, self._behind[path], "application/json")


def search(
    state: KubeState, proxy: Proxy, prometheus: PrometheusEndpoint | None, *, wanted: bool = False, trust: str = ""
) -> Search:
    services = Services(
        proxy,
        ALERTMANAGER,
        Trust(frozenset({trust} if trust else ())),
        5.0,
        limits().alerts,
    )

    async def of_numbers() -> PrometheusEndpoint | None:
        return prometheus

    return Search(Objects(state), services, of_numbers, timeout=5.0, wanted=wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (
            "http://10.1.2.3:9093/api/v2/alerts",
            Place("/api/v1/namespaces/monitoring/pods/alertmanager-0:9093/proxy"),
        ),
        (
            "https://10.1.2.3/am/api/v2/alerts",
            Place("/api/v1/namespaces/monitoring/pods/https:alertmanager-0:443/proxy/am"),
        ),
        (
            "http://alertmanager.monitoring.svc.cluster.local:9093/api/v2/alerts",
            Place("/api/v1/namespaces/monitoring/services/alertmanager:9093/proxy"),
        ),
        ("http://prometheus.example.com:9093/api/v1/alerts", Place(url="http://prometheus.example.com:9093")),
        ("http://u:p@prometheus.example.com/am/api/v2/alerts", Place(url="http://prometheus.example.com/am")),
        ("http://169.254.169.254/api/v2/alerts", None),
        ("http://elsewhere.example.com/api/v2/alerts", None),
        ("http://alertmanager.other.svc/api/v2/alerts", None),
    ],
)
def test_an_address_is_asked_where_it_is_known_for_what_it_is(url: str, place: Place | None) -> None:
    assert dict(places([url], state(service("monitoring", "alertmanager")), ELSEWHERE)) == {url: place}


@pytest.mark.parametrize("url", ["ftp://10.1.2.3/x", "http://[::1", "http://10.1.2.3:99999/", "", "10.1.2.3"])
def test_what_is_no_address_is_nobody(url: str) -> None:
    assert list(places([url], state(), ELSEWHERE)) == []


@pytest.mark.parametrize("raw", [None, [], {}, {"data": 3}, {"data": {"activeAlertmanagers": [3, {}, {"url": 3}]}}])
def test_whatever_prometheus_answers_is_read(raw: Any) -> None:
    assert named(raw) == []


async def test_the_one_that_prometheus_sends_to_is_asked_through_the_proxy_of_its_pod() -> None:
    active = {
        "status": "success",
        "data": {"activeAlertmanagers": [{"url": "http://10.1.2.3:9093/api/v2/alerts"}]},
    }
    path = "/api/v1/namespaces/monitoring/pods/alertmanager-0:9093/proxy"
    proxy = Proxy({f"{path}/api/v2/status": b"{}"})
    with answering({"/api/v1/alertmanagers": active}) as prometheus:
        found = await search(state(), proxy, PrometheusEndpoint(prometheus.url))()
    assert found.endpoint.shown == path
    assert found.notes == ()


async def test_an_address_that_is_nothing_here_is_told_of_and_not_asked() -> None:
    with answering(STATUS) as stranger:
        url = stranger.url.replace("127.0.0.1", "127.1.1.1.nip.invalid")
        active = {"status": "success", "data": {"activeAlertmanagers": [{"url": f"{url}/api/v2/alerts"}]}}
        with answering({"/api/v1/alertmanagers": active}) as prometheus, pytest.raises(NothingToAskError) as none:
            await search(state(), Proxy({}), PrometheusEndpoint(prometheus.url))()
        assert stranger.seen == []
    assert f"Prometheus sends alerts to {url}" in none.value.message
    assert "--alertmanager" in none.value.message


async def test_a_service_of_a_monitoring_stack_is_asked_through_the_api_server() -> None:
    path = "/api/v1/namespaces/monitoring/services/alertmanager-main:9093/proxy"
    proxy = Proxy({f"{path}/api/v2/status": b"{}"})
    found = await search(state(service("monitoring", "alertmanager-main")), proxy, None)()
    assert found.endpoint.shown == path


async def test_a_name_is_no_reason_to_ask_and_the_configuration_is() -> None:
    mine, path = service("team-a", "alertmanager"), "/api/v1/namespaces/team-a/services/alertmanager:9093/proxy"
    proxy = Proxy({f"{path}/api/v2/status": b"{}"})
    with pytest.raises(NothingToAskError) as none:
        await search(state(mine), proxy, None)()
    assert not any("/proxy" in asked for asked in proxy.asked)
    assert none.value.remedy == '[alertmanager]\nservices = ["team-a/alertmanager"]'
    found = await search(state(mine), proxy, None, trust="team-a/alertmanager")()
    assert found.endpoint.shown == path


@pytest.mark.parametrize(("wanted", "kind"), [(False, NothingToAskError), (True, SourceProblem)])
async def test_none_at_all_is_a_trouble_where_one_is_wanted(*, wanted: bool, kind: type[SourceProblem]) -> None:
    with pytest.raises(SourceProblem, match="no Alertmanager is configured") as none:
        await search(state(), Proxy({}), None, wanted=wanted)()
    assert type(none.value) is kind
    assert "--alertmanager URL" in none.value.remedy


async def test_one_that_is_found_and_does_not_answer_is_named() -> None:
    with pytest.raises(NothingToAskError, match="was found, but does not answer"):
        await search(state(service("monitoring", "alertmanager")), Proxy({}), None)()


@pytest.mark.real("prometheus", "alertmanager")
async def test_a_real_prometheus_names_its_alertmanager(tmp_path: Path) -> None:
    rules: Sequence[Mapping[str, Any]] = [{"alert": "Always", "expr": "vector(1)"}]
    with (
        alertmanager(tmp_path / "alertmanager") as to,
        prometheus_with_rules(tmp_path / "prometheus", rules, alertmanagers=[to.url]) as running,
    ):
        block_until(to.alerts)
        found = await search(state(), Proxy({}), PrometheusEndpoint(running.url))()
    assert (found.endpoint.shown, found.notes) == (to.url, ())
