"""The source that measures, the message if none does, and the switch from one to the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web

from fleet.model.measurement import Measurement
from fleet.model.objects import Pod, Service, Serving
from fleet.model.snapshot import Health
from fleet.sources.kube.errors import KubeError, NotFoundError, error_of_response
from fleet.sources.metrics_collector import MetricsCollector, MetricsSettings, Use, pause
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.scrape import collector, targets
from fleet.sources.scrape.collector import ScrapeCollectorSettings
from fleet.sources.scrape.pod_access import PodAccess
from fleet.sources.scrape.targets import Endpoint, Via
from tests.fleet.rows import NOW, pod
from tests.fleet.sources.measured import (
    PAGE,
    ApiServer,
    engine,
    fleet,
    health,
    measuring,
    metrics,
    problem,
    serving,
    settings,
)
from tests.ports import free_port
from tests.waiting import PATIENCE


async def test_without_a_prometheus_the_pods_are_scraped_at_their_own_address() -> None:
    api = ApiServer()
    async with serving(metrics) as port, measuring(api, settings(port)) as found:
        await found.measure(fleet(engine()), None, NOW)
        assert found.latest is not None
        assert found.latest.source == "scrape"
        assert [e.pod for e in found.latest.engines] == ["a"]
        assert health(found) == {"prometheus": Health.OFF, "scrape": Health.LIVE}
        assert api.asked == []


async def test_where_pod_ips_are_out_of_reach_the_api_servers_proxy_is_used() -> None:
    api = ApiServer(lambda _: PAGE)
    port = free_port()
    async with measuring(api, settings(port)) as found:
        await found.measure(fleet(engine()), None, NOW)
        assert found.latest is not None
        assert len(found.latest.engines) == 1
        assert set(api.asked) == {f"/api/v1/namespaces/serving/pods/a:{port}/proxy/metrics"}
        assert health(found)["scrape"] is Health.LIVE


async def test_where_neither_way_is_open_it_says_which_permission_would_open_one() -> None:
    async with measuring(ApiServer(), settings(free_port())) as found:
        await found.measure(fleet(engine()), None, NOW)
        assert found.latest is None
        assert health(found)["scrape"] is Health.DOWN
        text = problem(found, "scrape")
        assert "pods/proxy" in text
        assert "--prometheus" in text


async def test_the_way_is_looked_for_again_after_a_minute_and_not_at_every_tick() -> None:
    api = ApiServer()
    async with measuring(api, settings(free_port())) as found:
        for seconds in (0, 2, 4, 61):
            await found.measure(fleet(engine()), None, NOW + seconds)
        assert len(api.asked) == 2


async def test_where_a_pod_is_asked_is_found_again_when_it_has_changed_and_never_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []

    def endpoints(pods: Iterable[Pod], *how: Any) -> list[Endpoint]:
        kept = list(pods)
        looked.extend(pod.name for pod in kept)
        return targets.endpoints(kept, *how)

    monkeypatch.setattr(collector, "endpoints", endpoints)
    api = ApiServer(lambda _: PAGE)
    still, moved = engine("still"), engine("moved")
    how = settings(8000, prometheus=Use.NEVER)
    async with measuring(api, replace(how, scraping=replace(how.scraping, via=Via.PROXY))) as source:
        await source.measure(fleet(still, moved), None, NOW)
        assert sorted(looked) == ["moved", "still"]
        looked.clear()
        api.asked.clear()
        elsewhere = replace(moved, annotations={"prometheus.io/port": "9000"})
        await source.measure(fleet(still, elsewhere), None, NOW + 2)
        assert looked == ["moved"]
        assert sorted(path.partition("/pods/")[2] for path in api.asked) == [
            "moved:9000/proxy/metrics",
            "still:8000/proxy/metrics",
        ]
        api.asked.clear()
        await source.measure(fleet(still), None, NOW + 4)
        assert len(api.asked) == 1


async def test_a_redirect_of_a_pod_is_followed_through_the_api_server() -> None:
    path = "/api/v1/namespaces/serving/pods/a:8000/proxy/metrics"

    def answer(asked: str) -> bytes:
        if asked == path:
            raise error_of_response(307, {"Location": f"https://api.example.com{path}/"}, b"")
        return PAGE

    api = ApiServer(answer)
    how = settings(8000, scraping=ScrapeCollectorSettings(via=Via.PROXY))
    async with measuring(api, how) as found:
        await found.measure(fleet(engine()), None, NOW)
    assert api.asked == [path, f"{path}/"]
    assert health(found)["scrape"] is Health.LIVE


async def test_the_token_for_guarded_metrics_is_for_engines_and_not_for_exporters(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken")
    seen: set[str] = set()

    async def guarded(request: web.BaseRequest) -> web.StreamResponse:
        seen.add(f"{request.transport.get_extra_info('sockname')[0]} {request.headers.get('Authorization')}")  # type: ignore[union-attr]
        return web.Response(body=PAGE, content_type="text/plain")

    async with serving(guarded, "127.0.0.2") as port:
        access = PodAccess(str(tmp_path / "token"), frozenset({"serving"}), cleartext=True)
        exporter = pod("x", ip="127.0.0.2", labels={"app": "dcgm-exporter"})
        exporter = replace(exporter, annotations={"prometheus.io/port": str(port)})
        how = settings(port, scraping=ScrapeCollectorSettings(ports=(port,), via=Via.POD_IP, access=access))
        async with measuring(ApiServer(), how) as found:
            await found.measure(fleet(engine(), exporter), None, NOW)
    assert seen == {"127.0.0.1 Bearer t0ken", "127.0.0.2 None"}


async def test_engines_that_are_not_read_are_named_and_no_trouble_of_the_source() -> None:
    async with serving(metrics) as port:
        how = settings(port, scraping=ScrapeCollectorSettings(ports=(port,), via=Via.POD_IP))
        triton = engine("b", serving=Serving("Triton"))
        async with measuring(ApiServer(), how) as found:
            await found.measure(fleet(engine(), triton), None, NOW)
            assert health(found)["scrape"] is Health.LIVE
            assert found.statuses()[1].notes == ("serving/b: Triton: not read yet",)
            await found.measure(fleet(triton), None, NOW + 2)
            assert health(found)["scrape"] is Health.OFF
            assert "serving/b: Triton: not read yet" in problem(found, "scrape")


async def test_a_pod_that_is_loading_does_not_degrade_the_source_and_a_ready_one_does() -> None:
    async with serving(metrics) as port:
        how = settings(port, scraping=ScrapeCollectorSettings(ports=(port,), via=Via.POD_IP))
        loading = engine("b", ip="127.0.0.2", ready=False)
        async with measuring(ApiServer(), how) as found:
            await found.measure(fleet(engine(), loading), None, NOW)
            assert health(found)["scrape"] is Health.LIVE
            assert "not ready yet" in found.statuses()[1].notes[0]
            await found.measure(fleet(engine(), replace(loading, ready=True)), None, NOW + 2)
            assert health(found)["scrape"] is Health.DEGRADED
            assert f"serving/b: http://127.0.0.2:{port}/metrics refuses the connection" in problem(found, "scrape")
            # A rollout ends old pods, and each of them for a moment before it is gone.
            going = replace(loading, ready=True, deleted=NOW + 3)
            await found.measure(fleet(engine(), going), None, NOW + 4)
            assert health(found)["scrape"] is Health.LIVE
            assert "refuses the connection" in found.statuses()[1].notes[0]


async def test_pods_that_share_an_address_are_named_and_not_measured_as_one_another() -> None:
    async with serving(metrics) as port, measuring(ApiServer(), settings(port)) as found:
        await found.measure(fleet(engine(), engine("b"), engine("c", ip="127.0.0.1", ready=False)), None, NOW)
        assert found.latest is None
        assert "serving/a: shares 127.0.0.1" in problem(found, "scrape")
        await found.measure(fleet(engine(), engine("b", ready=False)), None, NOW + 2)
        assert found.latest is not None
        assert [e.pod for e in found.latest.engines] == ["a"]
        assert any(note.startswith("serving/b: shares 127.0.0.1") for note in found.statuses()[1].notes)


async def test_never_means_never() -> None:
    api = ApiServer(lambda _: PAGE)
    how = settings(free_port(), prometheus=Use.NEVER, scrape=Use.NEVER)
    async with measuring(api, how) as found:
        await found.measure(fleet(engine(), services=(PROMETHEUS,)), None, NOW)
        assert (found.latest, api.asked) == (None, [])
        assert health(found) == {"prometheus": Health.OFF, "scrape": Health.OFF}


PROMETHEUS = Service("monitoring", "prometheus-k8s", "u", "1", "ClusterIP", {}, (("web", 9090),))


def empty_prometheus(path: str) -> bytes:
    """The answers of one that has nothing."""
    kind, result = ("scalar", f'[{NOW},"{NOW}"]') if "time()" in unquote(path) else ("vector", "[]")
    return f'{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}'.encode()


async def test_a_clock_that_jumps_is_noticed_through_the_service_proxy_too() -> None:
    api = ApiServer(empty_prometheus)
    async with measuring(api, settings(free_port(), scrape=Use.NEVER)) as found:

        async def asked(dated: float) -> int:
            """Return the number of requests for its clock in a measurement with this date."""
            api.asked, api.headers = [], {"Date": formatdate(time.time() + dated, usegmt=True)}
            await found.measure(fleet(engine(), services=(PROMETHEUS,)), None, NOW)
            return sum("time()" in unquote(path) for path in api.asked)

        await asked(0)
        assert [await asked(0), await asked(600), await asked(600)] == [0, 1, 0]


async def test_a_prometheus_among_the_services_is_asked_through_the_service_proxy() -> None:
    api = ApiServer(empty_prometheus)
    async with serving(metrics) as port, measuring(api, settings(port)) as found:
        await found.measure(fleet(engine(), services=(PROMETHEUS,)), None, NOW)
        assert api.asked[0].startswith("/api/v1/namespaces/monitoring/services/prometheus-k8s:9090/proxy/api/v1/")
        # It has no engines: the pods are scraped, and the line says what is missing in Prometheus.
        assert found.latest is not None
        assert found.latest.source == "scrape"
        assert health(found)["prometheus"] is Health.DEGRADED
        assert "no series of a supported engine (vLLM" in problem(found, "prometheus")


@pytest.mark.parametrize("namespace", ["serving", "team-a"])
async def test_a_prometheus_of_somebody_is_offered_and_never_asked(namespace: str) -> None:
    api = ApiServer()
    theirs = replace(PROMETHEUS, namespace=namespace)
    async with serving(metrics) as port, measuring(api, settings(port)) as found:
        await found.measure(fleet(engine(), services=(theirs,)), None, NOW)
        assert [path for path in api.asked if "/services/" in path] == []
        status = found.statuses()[0]
        assert status.health is Health.OFF
        assert f"found Prometheus {namespace}/prometheus-k8s:9090, which is not queried" in status.problem
        assert status.remedy == f'[prometheus]\nservices = ["{namespace}/prometheus-k8s"]'
        assert found.latest is not None
        assert found.latest.source == "scrape"


async def test_one_of_a_prometheus_operators_resource_is_asked() -> None:
    def answer(path: str) -> bytes:
        if path == "/apis/monitoring.coreos.com/v1/prometheuses":
            return b'{"items":[{"metadata":{"namespace":"team-a","name":"main"}}]}'
        if path.startswith("/apis/"):
            raise NotFoundError("the server could not find the requested resource", status=404)
        return b'{"status":"success","data":{"resultType":"vector","result":[]}}'

    theirs = replace(PROMETHEUS, namespace="team-a", name="prometheus-operated")
    beside = replace(PROMETHEUS, namespace="team-b")
    api = ApiServer(answer)
    async with serving(metrics) as port, measuring(api, settings(port)) as found:
        await found.measure(fleet(engine(), services=(theirs, beside)), None, NOW)
        asked = {path.partition("/proxy/")[0] for path in api.asked if "/services/" in path}
        assert asked == {"/api/v1/namespaces/team-a/services/prometheus-operated:9090"}


async def test_a_prometheus_that_refuses_is_named_with_the_permission_it_takes() -> None:
    async with serving(metrics) as port, measuring(ApiServer(), settings(port)) as found:
        await found.measure(fleet(engine(), services=(PROMETHEUS,)), None, NOW)
        assert health(found)["prometheus"] is Health.DOWN
        text = problem(found, "prometheus")
        assert "monitoring/prometheus-k8s:9090" in text
        assert "services/proxy" in text
        assert found.latest is not None


async def test_losing_prometheus_falls_back_to_scraping_and_does_not_wait_for_its_timeout() -> None:
    release, tried_again = asyncio.Event(), asyncio.Event()
    asked = 0

    async def fail_then_hang(_: web.BaseRequest) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if found.latest is not None:
            tried_again.set()
            await release.wait()
        return web.Response(status=503)

    async with serving(metrics) as port, serving(fail_then_hang) as dead:
        endpoint = PrometheusEndpoint(url=f"http://127.0.0.1:{dead}", timeout=2 * PATIENCE)
        async with measuring(ApiServer(), settings(port, endpoint=endpoint)) as found:
            await found.measure(fleet(engine()), None, NOW)
            assert health(found) == {"prometheus": Health.DOWN, "scrape": Health.LIVE}
            failed = asked
            async with asyncio.timeout(PATIENCE):
                for step in range(1, 4):
                    await found.measure(fleet(engine()), None, NOW + 10 * step)
                    assert found.latest is not None
                    assert found.latest.source == "scrape"
                await tried_again.wait()
            assert asked == failed + 1, "one attempt at a time"
            release.set()


def test_nobody_is_asked_before_the_pods_are_known() -> None:
    found = MetricsCollector(ApiServer(), MetricsSettings(refresh=2.0), NOW)
    state = fleet(engine())
    assert found.due(state, NOW)
    assert not found.due(replace(state, synced=frozenset()), NOW)


@pytest.mark.parametrize(
    ("source", "targets", "interval", "seconds"),
    [
        ("prometheus", 4, 30.0, 10.0),
        ("prometheus", 4, 3.0, 2.0),
        ("prometheus", 4, 300.0, 20.0),
        ("scrape", 27, 2.0, 2.0),
        ("scrape", 300, 4.0, 4.5),
        # From one scrape to the next no more than twice as long.
        ("scrape", 2000, 2.0, 4.0),
        ("scrape", 2000, 8.0, 16.0),
        ("scrape", 2000, 16.0, 20.0),
    ],
)
def test_the_more_there_is_to_ask_the_more_seldom_it_is_asked(
    source: str, targets: int, interval: float, seconds: float
) -> None:
    latest = Measurement(source, NOW, 60.0, interval, requests=targets)
    assert pause(latest, 2.0, scrapes=2) == seconds


def test_the_second_scrape_comes_soon_because_it_gives_the_rates() -> None:
    assert pause(Measurement("scrape", NOW, 60.0, 60.0, requests=5000), 2.0, scrapes=1) == 2.0
    assert pause(None, 2.0, scrapes=0) == 2.0


@pytest.mark.parametrize("error", [KubeError("boom", status=500), KubeError("gone", status=404)])
async def test_an_api_server_that_fails_is_no_reason_to_fail(error: KubeError) -> None:
    def fail(_: str) -> bytes:
        raise error

    async with measuring(ApiServer(fail), settings(free_port())) as found:
        await found.measure(fleet(engine(), services=(PROMETHEUS,)), None, NOW)
        assert health(found) == {"prometheus": Health.DOWN, "scrape": Health.DOWN}
