"""A real Prometheus that scrapes several products: our numbers compared with queries by hand."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from fleet.model.histogram import quantile
from fleet.model.measurement import EngineId, GatewayId, HistogramKey, Measurement
from fleet.model.quantity import Family, Quantity
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.fleet.metrics.pages import V0_33, Load, vllm
from tests.fleet.metrics.product_pages import SGLANG_ROUTER, card, litellm, scheduler, tokenizer
from tests.fleet.metrics.rig import gateway, gpu, value
from tests.fleet.metrics.servers import Job, Prometheus, exporters, prometheus
from tests.waiting import block_until

pytestmark = pytest.mark.real("prometheus")
WINDOW = 6.0
START = time.time() - 100


def seconds() -> float:
    """Time since the products were started."""
    return time.time() - START


def sglang() -> str:
    """Two data-parallel ranks of two schedulers each, all of which tell their rank's numbers."""
    t = seconds()
    ranks = ((0, 0), (0, 1), (1, 2), (1, 3))
    schedulers = (scheduler(dp, tp, 3 + dp, int(t * (50 + 10 * dp)), int(t)) for dp, tp in ranks)
    return "".join(schedulers) + tokenizer(int(5 * t), int(2 * t))


def llama_cpp() -> str:
    """A server without a label."""
    t = seconds()
    return (
        f"llamacpp:prompt_tokens_total {int(70 * t)}\nllamacpp:prompt_tokens_cached_total {int(30 * t)}\n"
        f"llamacpp:tokens_predicted_total {int(90 * t)}\nllamacpp:requests_processing 2\nllamacpp:requests_deferred 4\n"
    )


def dynamo() -> str:
    """A worker with its own metrics and those of its engine."""
    own = 'dynamo_component="backend",dynamo_endpoint="generate",worker_id="ab"'
    return (
        vllm(V0_33, {"0": Load()}, "dyn")
        + f"dynamo_component_inflight_requests{{{own}}} 9\n"
        + f"dynamo_component_request_duration_seconds_count{{{own}}} {int(7 * seconds())}\n"
    )


def proxy() -> str:
    """LiteLLM, which health-checks its servers."""
    t = seconds()
    checks = ("", "200", "litellm-internal-health-check")
    return litellm({("tiny", "200", "None"): int(20 * t), ("tiny", "429", "None"): int(10 * t), checks: int(90 * t)}, 4)


def router() -> str:
    """sglang-router."""
    t = seconds()
    return SGLANG_ROUTER % (int(40 * t), int(10 * t), int(90 * t), int(30 * t))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    pages = {"sglang": sglang, "llama": llama_cpp, "dynamo": dynamo, "proxy": proxy, "router": router}
    with exporters() as server:
        jobs = []
        for at, (name, page) in enumerate(pages.items()):
            server.pages[f"/{name}"] = page
            jobs.append(Job(name, f"/{name}", {"namespace": "llm", "pod": f"{name}-0", "instance": f"10.0.0.{at}:80"}))
        server.pages["/cards"] = lambda: card(prefix="amd_")
        jobs.append(Job("cards", "/cards", {"instance": "10.0.0.9:5000"}, honor_labels=True))
        with prometheus(tmp_path_factory.mktemp("prometheus"), server.address, jobs) as running:

            def settled() -> bool:
                found = running.query("min by (job) (count_over_time(up[30s]))", time.time())
                return len(found) == len(jobs) and min(count for _, count in found) >= WINDOW + 2

            block_until(settled)
            yield running


@asynccontextmanager
async def measured(store: Prometheus, *, exact: bool = False) -> AsyncIterator[Measurement]:
    """A measurement of a source that knows its store already."""
    source = PrometheusSource(PrometheusEndpoint(store.url), window=WINDOW)
    source._exact = exact
    try:
        await source.measure(None)
        yield await source.measure(None)
    finally:
        await source.close()


def row(m: Measurement, pod: str, rank: str = "0") -> int:
    """The row of an engine."""
    return next(i for i, one in enumerate(m.engines) if (one.pod, one.engine) == (pod, rank))


@pytest.mark.parametrize("exact", [False, True])
async def test_ranks_are_engines_and_what_they_repeat_counts_once(store: Prometheus, exact: bool) -> None:
    async with measured(store, exact=exact) as m:
        ranks = [row(m, "sglang-0", rank) for rank in ("0", "1")]
        assert [m.engines[i] for i in ranks] == [EngineId("llm", "sglang-0", "tiny", rank) for rank in ("0", "1")]
        assert [value(m, Quantity.RUNNING, i) for i in ranks] == [3, 4]
        for i, (dp, tp) in zip(ranks, ((0, 0), (1, 2)), strict=True):
            text = f'{{dp_rank="{dp}",tp_rank="{tp}"}}[6s]'
            by_hand = store.value(f"rate(sglang:num_retracted_requests_total{text})", m.at)
            assert value(m, Quantity.PREEMPTIONS, i) == pytest.approx(by_hand)
            decoded = store.value(f"rate(sglang:realtime_tokens_total{text})", m.at)
            assert value(m, Quantity.GENERATION_TOKENS, i) == pytest.approx(decoded)
        # The tokenizer's counters have no rank: they are the process', in its first row.
        asked = store.value("sum(rate(sglang:num_requests_total[6s]))", m.at)
        assert value(m, Quantity.REQUESTS, ranks[0]) == pytest.approx(asked)
        by_hand = store.value(
            "histogram_quantile(0.7, sum by (le) (rate(sglang:time_to_first_token_seconds_bucket[6s])))", m.at
        )
        found = m.histograms[Family.TTFT][HistogramKey("llm", "tiny", "sglang-0", "0")]
        assert quantile(0.7, found).value == pytest.approx(by_hand)


@pytest.mark.parametrize("exact", [False, True])
async def test_a_server_without_labels_is_an_engine_of_its_pod(store: Prometheus, exact: bool) -> None:
    async with measured(store, exact=exact) as m:
        i = row(m, "llama-0")
        assert m.engines[i] == EngineId("llm", "llama-0", "", "0")
        assert m.dialects[i] == ("llama.cpp",)
        assert (value(m, Quantity.RUNNING, i), value(m, Quantity.WAITING, i)) == (2, 4)
        both = "sum(rate(llamacpp:prompt_tokens_total[6s])) + sum(rate(llamacpp:prompt_tokens_cached_total[6s]))"
        assert value(m, Quantity.PROMPT_TOKENS, i) == pytest.approx(store.value(both, m.at))


async def test_a_worker_is_the_engine_that_it_runs(store: Prometheus) -> None:
    async with measured(store) as m:
        i = row(m, "dynamo-0")
        assert m.engines[i].model == "dyn"
        assert m.dialects[i] == ("vLLM", "Dynamo")
        assert value(m, Quantity.RUNNING, i) == Load().running


@pytest.mark.parametrize("exact", [False, True])
async def test_gateways_are_told_apart_by_model_and_worker(store: Prometheus, exact: bool) -> None:
    async with measured(store, exact=exact) as m:
        lite = GatewayId("llm", "proxy-0", "LiteLLM")
        tiny = lite._replace(model="tiny")
        assert gateway(m, Quantity.GATEWAY_IN_FLIGHT, lite) == 3
        users = 'litellm_proxy_total_requests_metric_total{requested_model="tiny"%s}[6s]'
        assert gateway(m, Quantity.GATEWAY_REQUESTS, tiny) == pytest.approx(
            store.value(f"sum(rate({users % ''}))", m.at)
        )
        refused = f"""sum(rate({users % ',status_code="429"'}))"""
        assert gateway(m, Quantity.GATEWAY_REJECTIONS, tiny) == pytest.approx(store.value(refused, m.at))
        assert gateway(m, Quantity.GATEWAY_RETRIES, tiny) == 0
        smg = GatewayId("llm", "router-0", "sglang-router")
        workers = [smg._replace(backend=f"10.0.0.{n}:8000") for n in (1, 2)]
        assert [gateway(m, Quantity.GATEWAY_IN_FLIGHT, worker) for worker in workers] == [8, 0]
        turned_away = store.value('sum(rate(smg_http_rate_limit_total{result="rejected"}[6s]))', m.at)
        assert gateway(m, Quantity.GATEWAY_REJECTIONS, smg) == pytest.approx(turned_away)


@pytest.mark.parametrize("exact", [False, True])
async def test_a_card_of_amds(store: Prometheus, exact: bool) -> None:
    async with measured(store, exact=exact) as m:
        (one,) = m.gpus
        assert (one.key, one.node, one.pod) == ("692251001234", "amd-1", "chat-0")
        assert gpu(m, Quantity.GPU_MEMORY_TOTAL) == 196592 * 1024 * 1024
        assert gpu(m, Quantity.GPU_UTIL) == pytest.approx(0.87)
        assert gpu(m, Quantity.MEMORY_CLOCK) == 1300
        assert gpu(m, Quantity.SM_CLOCK) == 2100
        assert gpu(m, Quantity.THROTTLE) == pytest.approx(0.30)
