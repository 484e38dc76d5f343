"""An engine younger than the window: its rates are right from its second sample on, from any source."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from fleet.metrics import queries
from fleet.metrics.engine_rows import EngineRows, EngineSeries
from fleet.metrics.expressions import DIALECT, PRESENT, STAMP, YOUNG
from fleet.metrics.promql import TAG
from fleet.metrics.registry import ENGINES
from fleet.metrics.young_engines import rates
from fleet.model.measurement import Measurement
from fleet.model.problem import SourceProblem
from fleet.model.quantity import Quantity
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.scrape.source import ScrapeLimits, ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget
from tests.fleet.metrics.fake_prometheus import LABELS, SEEN, Fake, measure
from tests.fleet.metrics.pages import V0_33, Load, vllm
from tests.fleet.metrics.servers import Job, Prometheus, exporters, prometheus
from tests.waiting import block_until

WINDOW = 12.0
PER_SECOND = 1200.0
AT = 1_795_220_000.0


def _tokens(measurement: Measurement, pod: str) -> float:
    row = next(i for i, engine in enumerate(measurement.engines) if engine.pod == pod)
    column = measurement.engine_table.columns.get(Quantity.GENERATION_TOKENS)
    return math.nan if column is None else column[row]


@pytest.mark.real("prometheus")
async def test_prometheus_and_the_scrape_say_the_same_of_a_young_engine_and_promql_says_less(tmp_path: Path) -> None:
    begun = time.time()

    def page() -> str:
        generated = float(int(PER_SECOND * (time.time() - begun)))
        return vllm(V0_33, {"0": Load(generation=generated)}, "chat")

    with exporters() as server:
        server.pages["/old"] = page
        jobs = [
            Job(pod, f"/{pod}", {"namespace": "llm", "pod": pod, "instance": f"{pod}:8000"}) for pod in ("old", "new")
        ]
        with prometheus(tmp_path, server.address, jobs) as real:
            block_until(lambda: _samples(real, "old") >= WINDOW + 2)
            source = PrometheusSource(PrometheusEndpoint(real.url), window=WINDOW)
            direct = ScrapeSource(ScrapeLimits(window=WINDOW, interval=1.0))
            target = ScrapeTarget("llm", "new", f"http://{server.address}/new")
            try:
                # Until its first scrape it is a target that is down, not an engine.
                assert [engine.pod for engine in (await source.measure()).engines] == ["old"]
                server.pages["/new"] = page
                block_until(lambda: _samples(real, "new") >= 1)
                await direct.measure([target], time.time())
                block_until(lambda: _samples(real, "new") >= 4)
                at = real.query("timestamp(vllm:num_requests_running{pod='new'})", time.time())[0][1] + 0.1
                asked = await source.measure(at=at)
                scraped = await direct.measure([target], time.time())
            finally:
                await source.close()
                await direct.close()
            rates_of = "rate(vllm:generation_tokens_total{{pod='{}'}}[{:g}s])"
            by_promql, of_old = (real.value(rates_of.format(pod, WINDOW), at) for pod in ("new", "old"))
            by_hand = _between_samples(real, "new", at)
    assert by_promql < 0.6 * PER_SECOND, "so the engine really is younger than the window"
    # On a busy machine Prometheus dates a sample some time before the page is made: its own samples are the truth.
    assert _tokens(asked, "new") == pytest.approx(by_hand, rel=1e-6)
    assert _tokens(asked, "old") == pytest.approx(of_old, rel=1e-6)
    assert by_hand == pytest.approx(PER_SECOND, rel=0.25)
    assert _tokens(scraped, "new") == pytest.approx(PER_SECOND, rel=0.05)
    assert not [note for note in asked.notes if "not known yet" in note]


@pytest.mark.real("prometheus")
async def test_an_old_engine_is_not_young_for_a_second_scraper_or_another_label(tmp_path: Path) -> None:
    """All series of it are new to the store then, and it would be unknown until the second scrape of a whole fleet."""
    begun, engine = time.time(), {"namespace": "llm", "instance": "chat:8000"}

    def page() -> str:
        generated = 1e9 + float(int(PER_SECOND * (time.time() - begun)))
        return vllm(V0_33, {"0": Load(generation=generated)}, "chat")

    with exporters() as server:
        server.pages |= {"/first": page, "/before": page, "/new": lambda: ""}
        jobs = [
            Job("vllm", "/first", {**engine, "pod": "twice", "prometheus_replica": "k8s-1"}),
            Job("vllm", "/second", {**engine, "pod": "twice", "prometheus_replica": "k8s-0"}),
            Job("vllm", "/before", {**engine, "pod": "relabelled"}),
            Job("vllm", "/after", {**engine, "pod": "relabelled", "node": "gpu-1"}),
            Job("vllm", "/new", {**engine, "pod": "new"}),
        ]
        with prometheus(tmp_path, server.address, jobs) as real:
            block_until(lambda: min(_samples(real, "twice"), _samples(real, "relabelled")) >= WINDOW + 2)
            server.pages |= {"/second": page, "/after": page, "/new": page}
            del server.pages["/before"]
            block_until(lambda: len(real.query("vllm:num_requests_running{pod='twice'}", time.time())) == 2)
            block_until(lambda: real.query("vllm:num_requests_running{node='gpu-1'}", time.time()))
            block_until(lambda: real.query("vllm:num_requests_running{pod='new'}", time.time()))
            source = PrometheusSource(PrometheusEndpoint(real.url), window=WINDOW)
            try:
                at = time.time()
                found = await source.measure(at=at)
            finally:
                await source.close()
            asked = (real.query(text, at) for text in queries.engines(WINDOW, ENGINES, WINDOW - 1))
            young = {labels["pod"] for answer in asked for labels, _ in answer if labels.get(TAG) == YOUNG}
    assert young == {"new"}
    assert _tokens(found, "twice") == pytest.approx(PER_SECOND, rel=0.25)
    assert _tokens(found, "relabelled") == pytest.approx(PER_SECOND, rel=0.25)


def _samples(real: Prometheus, pod: str) -> float:
    found = real.query(f"count_over_time(vllm:num_requests_running{{pod='{pod}'}}[60s])", time.time())
    return found[0][1] if found else 0.0


def _between_samples(real: Prometheus, pod: str, at: float) -> float:
    """Tokens per second between the first and the last sample that a store has."""
    promql = f"vllm:generation_tokens_total{{pod='{pod}'}}[60s]"
    (series,) = real.get("/api/v1/query", query=promql, time=f"{at:.3f}")["result"]
    samples = [(float(moment), float(value)) for moment, value in series["values"]]
    return (samples[-1][1] - samples[0][1]) / (samples[-1][0] - samples[0][0])


def _rows(*young: Mapping[str, str]) -> EngineRows:
    two = LABELS | {"pod": "q", "instance": "10.0.0.2:8000"}
    seen = [{**labels, TAG: STAMP, DIALECT: "vLLM"} for labels in (LABELS, two)]
    return EngineSeries([*seen, *({**labels, TAG: YOUNG} for labels in young)]).rows([AT, AT, math.nan])


def _raw(name: str, *samples: tuple[float, float], **labels: str) -> dict[str, object]:
    metric = {**LABELS, "__name__": name, **labels}
    return {"metric": metric, "values": [[AT + at, str(value)] for at, value in samples]}


GENERATED, FINISHED = "vllm:generation_tokens_total", "vllm:request_success_total"


def test_the_rate_is_the_increase_per_second_of_the_time_between_its_samples() -> None:
    rows = _rows(LABELS)
    assert rows.young == (0,)
    found = rates(
        [
            _raw(GENERATED, (-26, 0), (-13, 15_600), (0, 31_200)),
            # Events that first happened later had no series before.
            _raw(FINISHED, (-26, 5), (-13, 18), (0, 31), finished_reason="stop"),
            _raw(FINISHED, (0, 13), finished_reason="length"),
        ],
        rows,
        60.0,
    )
    assert found == {0: {Quantity.GENERATION_TOKENS: 1200.0, Quantity.REQUESTS: 1.5, Quantity.REQUESTS_CUT: 0.5}}


def test_a_restart_within_its_youth_loses_nothing() -> None:
    found = rates([_raw(GENERATED, (-20, 100), (-10, 300), (0, 100))], _rows(LABELS), 60.0)
    assert found == {0: {Quantity.GENERATION_TOKENS: 15.0}}


def test_one_sample_is_no_rate() -> None:
    assert rates([_raw(GENERATED, (-5, 700))], _rows(LABELS), 60.0) == {0: {}}


def test_what_two_replicas_saw_counts_once_and_what_nobody_asked_for_not_at_all() -> None:
    samples = (-10.0, 0.0), (0.0, 50.0)
    both = [_raw(GENERATED, *samples, prometheus_replica=f"k8s-{n}") for n in (0, 1)]
    stranger = _raw(GENERATED, *samples, pod="stranger")
    assert rates([*both, stranger], _rows(LABELS), 60.0) == {0: {Quantity.GENERATION_TOKENS: 5.0}}


@pytest.mark.parametrize("first", [0, 1])
def test_a_replica_that_has_just_begun_takes_nothing_from_what_the_other_one_knows(first: int) -> None:
    old = [_raw(GENERATED, (-40, 1000), (-20, 1100), (0, 1200), prometheus_replica="k8s-1")]
    new = [_raw(GENERATED, (-7, 1165), prometheus_replica="k8s-0")]
    assert rates([*new, *old] if first else [*old, *new], _rows(LABELS), 60.0) == {0: {Quantity.GENERATION_TOKENS: 5.0}}


def test_counters_of_two_replicas_are_not_mixed_in_whatever_order_a_store_has_them() -> None:
    def seen(name: str, replica: int) -> dict[str, object]:
        at = -40.0 + 7 * replica
        samples = ((at + 20 * n, 1e9 + 20 * n) for n in range(3))
        return _raw(name, *samples, prometheus_replica=f"k8s-{replica}")

    found = rates([seen(GENERATED, 0), seen(FINISHED, 1), seen(FINISHED, 0), seen(GENERATED, 1)], _rows(LABELS), 60.0)
    assert found == {0: {Quantity.GENERATION_TOKENS: 1.0, Quantity.REQUESTS: 1.0}}


@pytest.mark.parametrize("since", [0.0, 20.0, 40.0])
def test_an_old_engine_that_got_another_label_has_not_started_from_zero(since: float) -> None:
    """A new target label in a scrape configuration ends all series and begins others, at their values."""
    times = [-55.0 + 5 * n for n in range(12)]
    values = [(at, 1e9 + 100 * at) for at in times]
    before, after = ([one for one in values if (one[0] < -since) is past] for past in (True, False))
    found = rates(
        [
            *(_raw(name, *before) for name in (GENERATED, FINISHED)),
            *(_raw(name, *after, node="gpu-1") for name in (FINISHED, GENERATED)),
        ],
        _rows(LABELS),
        60.0,
    )
    assert found[0] == pytest.approx({Quantity.GENERATION_TOKENS: 100.0, Quantity.REQUESTS: 100.0})


@pytest.mark.parametrize("element", [{}, {"metric": LABELS, "values": [[1, "1"]]}, {"metric": None, "values": []}])
def test_what_is_no_matrix_is_said(element: dict[str, object]) -> None:
    with pytest.raises(SourceProblem, match="not Prometheus'"):
        rates([element], _rows(LABELS), 60.0)


async def test_until_its_second_sample_the_rates_are_not_known_and_that_is_said() -> None:
    seen, young = ({**SEEN}, str(time.time())), ({**LABELS, TAG: YOUNG}, "3")
    there = {TAG: f"{PRESENT}/0", "__name__": GENERATED}, "1"
    key = {name: LABELS[name] for name in ("instance", "model_name", "engine")}
    rate = {**key, TAG: str(Quantity.GENERATION_TOKENS)}, "20"
    running = {**key, "__name__": "vllm:num_requests_running"}, "3"
    fake = Fake({"timestamp(vllm": [seen, young, there], ',instance=~"': [], "generation_tokens": [rate, running]})
    found = await measure(fake)
    assert math.isnan(_tokens(found, "p"))
    assert found.engine_table.columns[Quantity.RUNNING][0] == 3
    assert found.notes[0] == "the rates of p are not known yet: scraped for less than 60 s"
