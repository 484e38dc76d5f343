"""New dialects, added from one test module: everything is read for them, too."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from fleet.metrics.registry import ENGINES
from fleet.model.measurement import EngineId, GatewayId, Measurement
from fleet.model.objects import Container, ModelVersion, Pod, Service, Serving
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Origin, Snapshot
from fleet.snapshot.builder import Builder
from fleet.sources.prometheus.past import latency, past
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.scrape.source import ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget
from fleet.sources.scrape.targets import endpoints
from tests import toys
from tests.fleet.metrics.pages import V0_33, Load, vllm
from tests.fleet.metrics.rig import EPOCH, Rig
from tests.fleet.metrics.servers import Job, Prometheus, exporters, prometheus
from tests.fleet.rows import deployment, kube, node, pod
from tests.waiting import block_until

Q = Quantity
WINDOW = 6.0
DUCK = "10.0.0.1:7411"


@pytest.fixture(autouse=True, scope="module")
def _known() -> Iterator[None]:
    with toys.known():
        yield


def _pods() -> list[Pod]:
    return [
        pod("duck-0", "duck", namespace="llm", node="n1", ip="10.0.0.1", gpus=1, gpu_resource="zoo.io/card"),
        pod(
            "swan-0",
            "swan",
            namespace="llm",
            ip="10.0.0.2",
            version=ModelVersion(model="org/swan"),
            serving=Serving("Mute", "main"),
        ),
        pod("gate-0", "gate", namespace="edge", ip="10.0.0.3", labels={"app": "drake-gate"}),
        pod("cards-0", "cards", namespace="ops", ip="10.0.0.4", node="n1", labels={"k8s-app": "cardwatch"}),
    ]


def _snapshot(measurement: Measurement) -> Snapshot:
    spaces = {"duck": "llm", "swan": "llm", "gate": "edge", "cards": "ops"}
    workloads = [w for name, space in spaces.items() for w in deployment(name, namespace=space)]
    state = kube(_pods(), workloads, [node("n1")])
    return Builder().build(state, measurement, (), measurement.at)


def _value(measurement: Measurement, row: int, quantity: Quantity) -> float:
    column = measurement.engine_table.columns.get(quantity)
    return math.nan if column is None else column[row]


def _is_as_it_should_be(found: Measurement, rel: float) -> None:
    """Everything that the toys expose is in the Snapshot, from any source."""
    assert [(e.pod, e.model, e.engine) for e in found.engines] == [("duck-0", "duck", "north"), ("swan-0", "", "0")]
    assert found.dialects == (("Quacker",), ("Mute",))
    snapshot = _snapshot(found)
    duck, swan = snapshot.by_workload, "llm/Deployment/swan"
    key = "llm/Deployment/duck"
    for quantity, value in ((Q.RUNNING, 3), (Q.WAITING, 2), (Q.KV_USAGE, 0.4)):
        assert duck.value(key, quantity) == pytest.approx(value)
    assert duck.value(key, Q.GENERATION_TOKENS) == pytest.approx(20, rel=rel)
    assert duck.value(key, Q.TTFT_P50) == pytest.approx(1.0, rel=rel)
    assert duck.value(swan, Q.GENERATION_TOKENS) == pytest.approx(7, rel=rel)
    assert duck.value(swan, Q.ITL_P50) == pytest.approx(1.0, rel=rel), "a model that no series names has percentiles"
    assert duck.value(swan, Q.DECODE_MEAN) == pytest.approx(1.0, rel=rel), "it counts milliseconds"
    assert math.isnan(duck.value(swan, Q.TTFT_P95))
    assert set(snapshot.models) == {"llm/duck", "llm/org/swan"}
    assert set(snapshot.origins.values()) == {Origin("Quacker", ("Quacker",)), Origin("Mute", ("Mute",))}
    # The gateway, in another namespace, at its model.
    gate = snapshot.before_models
    assert set(snapshot.gateways_of) == {"llm/duck"}
    assert {snapshot.gateways[row].backend for row in snapshot.gateways_of["llm/duck"]} == {"", DUCK}
    assert gate.value("llm/duck", Q.GATEWAY_IN_FLIGHT) == 1
    assert gate.value("llm/duck", Q.GATEWAY_QUEUED) == 9
    assert gate.value("llm/duck", Q.GATEWAY_REQUESTS) == pytest.approx(5, rel=rel)
    assert gate.value("llm/duck", Q.GATEWAY_REJECTIONS) == pytest.approx(2, rel=rel)
    assert gate.value("llm/duck", Q.GATEWAY_BREAKERS) == 1
    assert gate.value("llm/duck", Q.GATEWAY_RETRIES) == pytest.approx(1, rel=rel)
    assert gate.value("llm/duck", Q.GATEWAY_E2E_P50) == pytest.approx(1.0, rel=rel)
    # The card, its node, and the pod that holds it.
    (card,) = snapshot.gpus.values()
    assert (card.uuid, card.node, card.ordinal, card.model) == ("C-1", "n1", "0", "Feather 9")
    assert snapshot.gpus_of == {"llm/duck-0": ("C-1",)}
    assert found.throttle_reasons == {"C-1": ("moulting",)}
    assert snapshot.by_gpu.value("C-1", Q.GPU_UTIL) == pytest.approx(0.5)
    assert snapshot.by_pod.value("llm/duck-0", Q.GPU_POWER) == pytest.approx(250)


async def test_scraped_directly() -> None:
    rig = Rig()
    for seconds in (0.0, 10.0):
        pages: dict[str, str | Exception] = {
            "duck-0": toys.engine_page(seconds),
            "swan-0": toys.nameless_page(seconds),
            "gate-0": toys.gateway_page(seconds, (DUCK,)),
            "cards-0": toys.card_page("duck-0"),
        }
        found = await rig.tick(pages, after=10.0)
    assert found.unreachable == {}
    assert [(g.dialect, g.model, g.backend) for g in found.gateways] == [("Drake", "", DUCK), ("Drake", "duck", "")]
    _is_as_it_should_be(found, rel=1e-6)


async def test_scraped_over_http() -> None:
    now = 0.0
    source = ScrapeSource(clock=lambda: now)
    with exporters() as server:
        server.pages["/duck"] = lambda: toys.engine_page(now)
        server.pages["/swan"] = lambda: toys.nameless_page(now)
        server.pages["/gate"] = lambda: toys.gateway_page(now, (DUCK,))
        server.pages["/cards"] = lambda: toys.card_page("duck-0")
        where = [
            ("llm", "duck-0", "duck"),
            ("llm", "swan-0", "swan"),
            ("edge", "gate-0", "gate"),
            ("ops", "cards-0", "cards"),
        ]
        targets = [ScrapeTarget(ns, name, f"http://{server.address}/{path}") for ns, name, path in where]
        try:
            await source.measure(targets, EPOCH)
            now = 10.0
            found = await source.measure(targets, EPOCH + now)
        finally:
            await source.close()
    assert found.unreachable == {}
    _is_as_it_should_be(found, rel=1e-6)


async def test_an_engine_and_a_gateway_in_one_process() -> None:
    rig = Rig()
    for seconds in (0.0, 10.0):
        both = toys.engine_page(seconds) + toys.gateway_page(seconds, ())
        found = await rig.tick({"duck-0": both}, after=10.0)
    assert found.engines == (EngineId("llm", "duck-0", "duck", "north"),)
    assert found.gateways == (GatewayId("llm", "duck-0", "Drake", "duck"),)
    snapshot = _snapshot(found)
    assert snapshot.by_pod.value("llm/duck-0", Q.GENERATION_TOKENS) == pytest.approx(20)
    assert snapshot.before_models.value("llm/duck", Q.GATEWAY_REJECTIONS) == pytest.approx(2)


async def test_an_engine_that_another_one_runs_is_one_row_with_what_either_says() -> None:
    rig = Rig()
    for seconds in (0.0, 10.0):
        load = Load(running=4, generation=30 * seconds)
        found = await rig.tick({"p": vllm(V0_33, {"0": load}, "m") + toys.nameless_page(seconds)}, after=10.0)
    assert found.engines == (EngineId("llm", "p", "m", "0"),)
    assert found.dialects == (("vLLM", "Mute"),)
    assert _value(found, 0, Q.RUNNING) == 4, "the first dialect that has a number gives it"
    assert _value(found, 0, Q.GENERATION_TOKENS) == pytest.approx(30)


def test_where_each_is_asked() -> None:
    texts = {e.pod.name: f"{e.address}{e.path}" for e in endpoints(_pods(), (8000,), "/metrics")}
    assert texts["swan-0"] == "10.0.0.2:7412/metrics"
    assert texts["gate-0"] == "10.0.0.3:7413/admin/numbers"
    assert texts["cards-0"] == "10.0.0.4:7414/cards"


def test_a_gateway_beside_an_engine_in_one_pod_is_asked_too() -> None:
    images = (
        Container("quack", "zoo/quackd:1", ports=(("http", 7411),)),
        Container("gate", "zoo/x", ports=(("http", 7413),)),
    )
    both = pod(
        "both", ip="10.0.0.9", labels={"app": "drake-gate"}, containers=images, serving=Serving("Quacker", "quack")
    )
    texts = {e.key: f"{e.address}{e.path}" for e in endpoints([both], (8000,), "/metrics")}
    assert texts == {"serving/both:7413": "10.0.0.9:7413/admin/numbers", "serving/both": "10.0.0.9:7411/quacks"}
    one = replace(both, annotations={"prometheus.io/port": "7000", "prometheus.io/path": "/all"})
    assert [(e.key, e.port) for e in endpoints([one], (8000,), "/metrics")] == [("serving/both", 7000)]


def test_a_gateway_that_is_told_of_a_model_serves_none() -> None:
    found = replace(_pods()[2], version=ModelVersion(model="org/duck"))
    assert len(endpoints([found], (8000,), "/metrics")) == 1
    workloads = deployment("gate", namespace="edge")
    assert Builder().build(kube([found], workloads), None, (), EPOCH).models == {}


@pytest.mark.parametrize(
    ("backend", "model"),
    [
        ("http://10.0.0.1:7411", "llm/duck"),
        ("10.0.0.1:7411", "llm/duck"),
        ("http://duck.llm.svc.cluster.local:80/v1", "llm/duck"),
        ("http://elsewhere:80", ""),
    ],
)
async def test_what_names_no_model_is_about_that_of_the_server_behind(backend: str, model: str) -> None:
    rig = Rig()
    page = f'drake_open{{to="{backend}"}} 2\n'
    found = await rig.tick({"duck-0": toys.engine_page(0.0), "gate-0": page})
    pods = [replace(_pods()[0], labels={"app": "duck"}), _pods()[2]]
    service = Service("llm", "duck", "", "", "ClusterIP", {"app": "duck"}, (("http", 80),))
    state = replace(kube(pods, deployment("duck", namespace="llm")), services={service.key: service})
    snapshot = Builder().build(state, found, (), found.at)
    assert set(snapshot.gateways_of) == ({model} if model else set())
    if model:
        assert snapshot.before_models.value(model, Q.GATEWAY_IN_FLIGHT) == 2


@dataclass(frozen=True)
class Store:
    server: Prometheus

    def source(self) -> PrometheusSource:
        return PrometheusSource(PrometheusEndpoint(self.server.url), window=WINDOW)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    start = time.time() - 100
    with exporters() as server:
        server.pages["/duck"] = lambda: toys.engine_page(time.time() - start, prefix="zoo_quack_")
        server.pages["/swan"] = lambda: toys.nameless_page(time.time() - start)
        server.pages["/gate"] = lambda: toys.gateway_page(time.time() - start, (DUCK,))
        server.pages["/cards"] = lambda: toys.card_page("duck-0", prefix="site_cardwatch_")
        jobs = [
            Job("duck", "/duck", {"namespace": "llm", "pod": "duck-0", "instance": DUCK}),
            Job("swan", "/swan", {"namespace": "llm", "pod": "swan-0", "instance": "10.0.0.2:7412"}),
            Job("gate", "/gate", {"namespace": "edge", "pod": "gate-0", "instance": "10.0.0.3:7413"}),
            Job("cards", "/cards", {"instance": "10.0.0.4:7414"}, honor_labels=True),
        ]
        with prometheus(tmp_path_factory.mktemp("prometheus"), server.address, jobs) as running:

            def settled() -> bool:
                names = "zoo_quack_busy|mute_busy|drake_line|site_cardwatch_heat"
                found = running.query(f"count_over_time({{__name__=~'{names}'}}[30s])", time.time())
                return len(found) == 5 and min(value for _, value in found) >= WINDOW + 2

            block_until(settled)
            yield Store(running)


@pytest.mark.real("prometheus")
@pytest.mark.parametrize("exact", [False, True])
async def test_from_prometheus(store: Store, exact: bool) -> None:
    source = store.source()
    source._exact = exact
    try:
        at = time.time() - 1.5
        await source.measure(None, at=at)
        found = await source.measure(None, at=at)
        _is_as_it_should_be(found, rel=0.1)
        assert found.requests <= (10 if exact else 6)
        remembered = await past(source, at - 4, at, 1, WINDOW)
        assert {(p.quantity, p.group.pod or p.group.model or p.gpu) for p in remembered} >= {
            (Q.RUNNING, "duck-0"),
            (Q.RUNNING, "swan-0"),
            (Q.GENERATION_TOKENS, "duck-0"),
            (Q.TTFT_P95, "duck"),
            (Q.GPU_UTIL, "C-1"),
        }
        assert (await latency(source, "llm", "duck-.*", 6.0)).ttft_p95 == pytest.approx(1.9, rel=0.1)
    finally:
        await source.close()


@pytest.mark.real("prometheus")
async def test_only_what_the_store_has_is_asked_for(store: Store) -> None:
    source = store.source()
    try:
        await source.measure(None, at=time.time() - 1.5)
        assert [member.name for member in source.dialects] == ["Quacker", "Mute"]
        assert len(tuple(source.dialects)) < len(tuple(ENGINES))
    finally:
        await source.close()
