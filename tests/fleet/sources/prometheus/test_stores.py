"""Stores that others run: replicas that nobody deduplicates, several clusters in one, other collectors' names.

A real Prometheus plays them; what it cannot play, a refusal, is answered by a server of the test.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from aiohttp import ClientSession, web

from fleet.metrics.dialect import Match, Op
from fleet.model.histogram import quantile
from fleet.model.measurement import HistogramKey, Measurement
from fleet.model.problem import NamePatternError, SourceProblem
from fleet.model.quantity import Family, Quantity
from fleet.sources.kube.responses import Response
from fleet.sources.prometheus.collector import PrometheusCollector
from fleet.sources.prometheus.discovery import Candidate, find
from fleet.sources.prometheus.past import latency, past
from fleet.sources.prometheus.refusals import refuse
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.store import own_labels
from tests.fleet.metrics.fake_prometheus import Fake, asking, serving
from tests.fleet.metrics.pages import V0_33, Card, Load, dcgm, vllm
from tests.fleet.metrics.servers import Job, Prometheus, exporters, prometheus
from tests.fleet.rows import kube, pod
from tests.waiting import block_until

real = pytest.mark.real("prometheus")

WINDOW = 6.0
START = time.time() - 100
OTEL = {"k8s_namespace_name": "otel", "k8s_pod_name": "otel-0"}


def _load() -> Load:
    t = time.time() - START
    latencies = [float(int(t * share)) for share in (3, 20, 13, 6, 2, 0.5, 0.1)]
    return replace(Load(), running=3, generation=float(int(100 * t)), latencies=latencies)


@dataclass
class Store:
    server: Prometheus
    at: float = 0.0

    async def measure(self, within: Mapping[str, str] | None = None) -> Measurement:
        """Return the source's measurement of a moment ago: a scrape under way would still change the values of now."""
        source = PrometheusSource(PrometheusEndpoint(self.server.url), window=WINDOW, within=within)
        self.at = time.time() - 1.5
        try:
            return await source.measure(None, at=self.at)
        finally:
            await source.close()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with exporters() as server:
        server.pages["/page"] = lambda: vllm(V0_33, {"0": _load()}, "m")
        server.pages["/ray"] = lambda: vllm(replace(V0_33, prefix="ray_vllm:"), {"0": _load()}, "rays")
        server.pages["/dcgm"] = lambda: dcgm([Card(0, 0.5), Card(1, 0.7, pod="vllm-0")])
        bare = re.compile(r"(?m)^(# \w+ )?vllm:\S*_(bucket|sum|count)\b.*\n")
        server.pages["/bare"] = lambda: bare.sub("", vllm(V0_33, {"0": _load()}, "bare"))
        pod = {"namespace": "llm", "pod": "vllm-0", "instance": "10.0.0.1:8000"}
        jobs = [Job("llm/vllm", "/page", pod | {"prometheus_replica": f"k8s-{i}", "cluster": "eu"}) for i in (0, 1)]
        jobs += [
            Job("llm/vllm", "/page", pod | {"instance": "10.9.0.1:8000", "cluster": "us"}),
            Job("llm/vllm", "/page", pod | {"pod": "vllm-1", "instance": "10.9.0.2:8000", "cluster": "us"}),
            Job("ray", "/ray", {"namespace": "ray", "pod": "ray-0", "cluster": "ray", "replica": "a"}),
            Job("otel", "/page", OTEL | {"cluster": "otel"}),
            Job("dcgm", "/dcgm", {"cluster": "eu"}),
            Job("bare", "/bare", {"namespace": "bare", "pod": "bare-0", "cluster": "bare"}),
        ]
        with prometheus(tmp_path_factory.mktemp("prometheus"), server.address, jobs) as running:

            def settled() -> bool:
                found = running.query("min(count_over_time({__name__=~'.*num_requests_running'}[30s]))", time.time())
                return bool(found) and found[0][1] >= WINDOW + 2

            block_until(settled)
            yield Store(running)


def _only(measurement: Measurement, quantity: Quantity) -> float:
    (value,) = measurement.engine_table.columns[quantity]
    return value


@real
async def test_what_two_replicas_of_prometheus_saw_counts_once(store: Store) -> None:
    found = await store.measure({"cluster": "eu"})
    assert [(e.namespace, e.pod) for e in found.engines] == [("llm", "vllm-0")]
    assert _only(found, Quantity.RUNNING) == 3
    once = "max without (prometheus_replica) (rate(vllm:generation_tokens_total{cluster='eu'}[6s]))"
    by_hand = store.server.value(once, store.at)
    assert _only(found, Quantity.GENERATION_TOKENS) == pytest.approx(by_hand)
    twice = store.server.value(f"sum({once.removeprefix('max without (prometheus_replica) ')})", store.at)
    assert twice == pytest.approx(2 * by_hand, rel=0.2), "so the store really holds it twice"


@real
async def test_percentiles_and_the_number_of_requests_behind_them_count_once(store: Store) -> None:
    found = await store.measure({"cluster": "eu"})
    buckets = "max without (prometheus_replica) (rate(vllm:time_to_first_token_seconds_bucket{cluster='eu'}[6s]))"
    histogram = found.histograms[Family.TTFT][HistogramKey("llm", "m")]
    by_hand = store.server.value(f"histogram_quantile(0.95, sum by (le) ({buckets}))", store.at)
    assert quantile(0.95, histogram).value == pytest.approx(by_hand)
    assert histogram.counts[-1] == pytest.approx(store.server.value(f"max(sum by (le) ({buckets}))", store.at))


@real
async def test_one_cluster_of_several_is_a_setting_and_nothing_of_the_others_is_seen(store: Store) -> None:
    eu, us = await store.measure({"cluster": "eu"}), await store.measure({"cluster": "us"})
    assert [e.pod for e in eu.engines] == ["vllm-0"]
    assert [e.pod for e in us.engines] == ["vllm-0", "vllm-1"]
    assert not [note for note in (*eu.notes, *us.notes) if "clusters" in note]


@real
async def test_a_store_of_several_clusters_says_so_where_none_is_named(store: Store) -> None:
    (text,) = [note for note in (await store.measure()).notes if "clusters" in note]
    assert "5 clusters (bare, eu, otel, ray, us)" in text
    assert '[prometheus] cluster = "NAME"' in text


class NoCluster:
    """A Kubernetes client that is not needed: the address of the store is configured."""

    async def get(self, path: str, **how: object) -> Response:
        raise NotImplementedError


def _collector(store: Store) -> PrometheusCollector:
    return PrometheusCollector(NoCluster(), PrometheusEndpoint(store.server.url), WINDOW, 5.0, time.time())


@real
@pytest.mark.parametrize(("ip", "cluster"), [("10.0.0.1", "eu"), ("10.9.0.1", "us")])
async def test_of_several_clusters_the_one_in_which_it_scrapes_these_pods_is_read(
    store: Store, ip: str, cluster: str
) -> None:
    collector = _collector(store)
    try:
        # Its pod, and one under a name that no store has.
        state = kube([pod("vllm-0", namespace="llm", ip=ip), pod("other", namespace="llm", ip="10.0.0.9")])
        found = await collector.measure(state, None, time.time(), wanted=True)
        assert found is not None
        assert {one.pod for one in found.engines} == ({"vllm-0"} if cluster == "eu" else {"vllm-0", "vllm-1"})
        (left_out,) = [one for one in collector.keeper.status.notes if "clusters" in one]
        assert f"{cluster} is read" in left_out
        assert f'[prometheus] cluster = "{cluster}"' in left_out
        known = await collector.store(state, time.time(), wanted=True)
        assert known is not None
        assert own_labels(known, ()) == (Match("cluster", Op.EQUAL, cluster),)
    finally:
        await collector.close()


@real
@pytest.mark.parametrize("pods", [[], [("vllm-0", "10.4.4.4")], [("vllm-0", "10.0.0.1"), ("vllm-1", "10.9.0.2")]])
async def test_where_no_single_cluster_has_these_pods_all_are_read_and_it_is_said(
    store: Store, pods: list[tuple[str, str]]
) -> None:
    collector = _collector(store)
    try:
        state = kube([pod(name, namespace="llm", ip=ip) for name, ip in pods])
        found = await collector.measure(state, None, time.time(), wanted=True)
        assert found is not None
        assert {one.namespace for one in found.engines} >= {"llm", "otel", "ray", "bare"}
        (text,) = [one for one in collector.keeper.status.notes if "clusters" in one]
        assert "may be mixed up" in text
    finally:
        await collector.close()


@real
async def test_what_it_remembers_is_of_the_named_cluster_alone(store: Store) -> None:
    endpoint = PrometheusEndpoint(store.server.url)
    source = PrometheusSource(endpoint, window=WINDOW, within={"cluster": "us"})
    try:
        end = await source.now()
        pods = {p.group.pod for p in await past(source, end - 4, end, 1, WINDOW) if p.quantity is Quantity.RUNNING}
        assert pods == {"vllm-0", "vllm-1"}
    finally:
        await source.close()
    source = PrometheusSource(endpoint, window=WINDOW, within={"cluster": "nowhere"})
    try:
        assert await past(source, end - 4, end, 1, WINDOW) == []
        assert str((await latency(source, "llm", "vllm-.*", 6.0)).ttft_p95) == "nan"
    finally:
        await source.close()


@real
async def test_rays_names_with_their_colon_are_read(store: Store) -> None:
    found = await store.measure({"cluster": "ray"})
    assert [(e.namespace, e.pod, e.model) for e in found.engines] == [("ray", "ray-0", "rays")]
    assert _only(found, Quantity.RUNNING) == 3
    assert _only(found, Quantity.GENERATION_TOKENS) == pytest.approx(100, rel=0.5)
    assert HistogramKey("ray", "rays") in found.histograms[Family.TTFT]


@real
async def test_the_names_that_opentelemetrys_collector_gives_pods(store: Store) -> None:
    found = await store.measure({"cluster": "otel"})
    assert [(e.namespace, e.pod, e.instance) for e in found.engines] == [("otel", "otel-0", "")]


@real
async def test_without_classic_buckets_it_is_said_why_there_are_no_latencies(store: Store) -> None:
    found = await store.measure({"cluster": "bare"})
    assert _only(found, Quantity.RUNNING) == 3
    assert not found.histograms
    assert [note for note in found.notes if "no classic histograms" in note and "convert_classic" in note]
    assert not [note for note in (await store.measure({"cluster": "eu"})).notes if "classic" in note]


MIMIR = PrometheusEndpoint("https://mimir.example/prometheus")


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("body", [b"no org id\n", b'{"status":"error","error":"No Org ID"}'])
def test_a_store_of_tenants_is_answered_with_the_header_it_wants(status: int, body: bytes) -> None:
    with pytest.raises(SourceProblem) as caught:
        refuse(status, {}, body, MIMIR)
    assert "requires a tenant" in caught.value.message
    assert "X-Scope-OrgID" in caught.value.remedy


GOOGLES = (
    b'{"status":"error","errorType":"bad_data","error":"invalid parameter \\"query\\": convert vector selector '
    b'failed: =~ is an unsupported matchtype for the __name__ label: invalid argument"}'
)


@pytest.mark.parametrize(
    "body",
    [
        GOOGLES,
        b'{"status":"error","error":"regex matchers on metric names are not supported"}',
        b'{"status":"error","error":"Regular expressions are not allowed on __name__"}',
        b"only equality matchers may select the metric name",
    ],
)
def test_a_refusal_of_patterns_of_names_is_known_by_its_words(body: bytes) -> None:
    with pytest.raises(NamePatternError, match=r"refuses regular expressions on __name__.*Google Managed Prometheus"):
        refuse(400, {}, body, MIMIR)


@pytest.mark.parametrize("body", [b'{"error":"1:7: parse error: unexpected )"}', b'{"error":"unknown label __name__"}'])
def test_another_refusal_is_none_of_patterns_of_names(body: bytes) -> None:
    with pytest.raises(SourceProblem, match="rejects the query") as caught:
        refuse(400, {}, body, MIMIR)
    assert not isinstance(caught.value, NamePatternError)


@asynccontextmanager
async def _exact_names_only(store: Store) -> AsyncIterator[Fake]:
    """The same store behind a door that lets no regular expression on ``__name__`` through."""

    async def reply(request: web.Request) -> web.Response:
        query = request.query["query"]
        if re.search(r"__name__\s*[=!]~", query):
            return web.Response(status=400, body=GOOGLES, content_type="application/json")
        async with ClientSession() as session, session.get(store.server.url + request.path_qs) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")

    async with serving(Fake(reply=reply)) as fake:
        yield fake


@real
async def test_a_store_that_refuses_patterns_of_names_answers_the_same_by_exact_ones(store: Store) -> None:
    known = await store.measure()
    async with _exact_names_only(store) as fake, asking(PrometheusEndpoint(fake.url), window=WINDOW) as source:
        found = await source.measure(None, at=store.at)
        first = len(fake.seen)
        again = await source.measure(None, at=store.at)
        second = fake.seen[first:]
    assert known.engines
    assert known.gpus
    assert found.gpus == known.gpus
    assert found.interval == known.interval
    assert found.gpu_interval == known.gpu_interval
    for one in (found, again):
        assert one.engines == known.engines
        assert repr(one.engine_table) == repr(known.engine_table)
        assert repr(one.gpu_table) == repr(known.gpu_table)
        assert one.histograms == known.histograms
        assert one.throttle_reasons == known.throttle_reasons
        assert one.notes == known.notes
    assert not [request for request in second if "__name__" in request.query["query"]], "it is not tried again"
    assert max(len(str(request.rel_url)) for request in fake.seen) < 8000, "proxies accept no longer URL"
    assert len(second) <= 12


@real
async def test_a_store_of_exact_names_is_found_by_its_engines(store: Store) -> None:
    async with _exact_names_only(store) as fake:
        candidate = Candidate("Prometheus", "monitoring", "prometheus", 9090)
        found = await find([candidate], lambda _: PrometheusEndpoint(fake.url))
    assert found.attempts[0].problem == ""
    assert found.attempts[0].engines > 1


async def test_a_store_that_refuses_exact_names_as_well_says_so_and_is_asked_twice() -> None:
    async def reply(request: web.Request) -> web.Response | None:
        if request.query["query"] == "time()":
            return None
        return web.Response(status=400, body=GOOGLES, content_type="application/json")

    async with serving(Fake(reply=reply)) as fake, asking(PrometheusEndpoint(fake.url)) as source:
        with pytest.raises(NamePatternError, match="and also exact names"):
            await source.measure()
        assert len(fake.seen) == 3


@pytest.mark.parametrize(
    "body", [b'{"message":"Missing Authentication Token"}', b'{"message":"The security token included is expired"}']
)
def test_a_store_that_wants_signed_requests_is_said_to(body: bytes) -> None:
    with pytest.raises(SourceProblem, match="403") as caught:
        refuse(403, {}, body, MIMIR)
    assert "SigV4" in caught.value.remedy
    with pytest.raises(SourceProblem) as caught:
        refuse(403, {}, b"RBAC: access denied", MIMIR)
    assert "SigV4" not in caught.value.remedy


def test_a_store_or_gateway_that_refuses_get_is_said_to() -> None:
    with pytest.raises(SourceProblem, match="does not accept GET") as caught:
        refuse(405, {}, b"Method Not Allowed", MIMIR)
    assert "log of that server" not in caught.value.remedy
