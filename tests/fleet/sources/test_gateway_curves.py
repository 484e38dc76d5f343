"""Counters of gateways per model over time, from a real Prometheus, compared with PromQL written by hand."""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from console.views.plot_quantities import plotted_of
from console.views.series import series_of
from fleet.metrics.curve_queries import curve_query
from fleet.metrics.promql import LONGEST
from fleet.model.curve import CurveQuestion, TimeRange
from fleet.model.quantity import GATEWAY_QUANTITIES, Quantity
from fleet.model.snapshot import Snapshot
from fleet.snapshot.builder import Builder
from fleet.sources.curves import curve
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.fleet.metrics.servers import Prometheus, prometheus_on
from tests.fleet.rows import deployment, kube, pod

pytestmark = pytest.mark.real("prometheus", "promtool")

Q = Quantity
END = int(time.time()) // 60 * 60 - 600
BEGAN = END - 7200
GONE, PROXY, ROUTER = "proxy-1-bbbbb", "proxy-1-ccccc", "router-1-ddddd"
"""LiteLLM's pod until the last hour and the one since then, and sglang-router's of the other model."""
RANGE = TimeRange(END, 300.0, 24)


def _gateways() -> Iterator[str]:
    hour = END - 3600
    for name, since, until in ((GONE, BEGAN, hour), (PROXY, hour, END + 1)):
        for at in range(since, until, 60):
            t = at - since
            for job in ("pods", "monitor"):  # Two of them scrape it.
                where = f'namespace="gate",pod="{name}",instance="{name}:4000",job="{job}"'
                yield f"litellm_in_flight_requests{{{where}}} {5 + t % 7} {at}"
                for model, each in (("llama", 2.0), ("other", 9.0)):
                    of_model = f'{where},requested_model="{model}"'
                    total = "litellm_proxy_total_requests_metric_total"
                    yield f'{total}{{{of_model},status_code="200"}} {each * t} {at}'
                    yield f'{total}{{{of_model},status_code="200",team="litellm-internal-health-check"}} {t} {at}'
                    if name == PROXY:
                        yield f'{total}{{{of_model},status_code="429"}} {0.25 * t} {at}'
                    for kind in ("successful", "failed"):
                        yield f"litellm_deployment_{kind}_fallbacks_total{{{of_model}}} {0.125 * t} {at}"
                    for edge, share in (("0.5", 0.5), ("1", 0.9), ("5", 1.0), ("+Inf", 1.0)):
                        bucket = "litellm_llm_api_time_to_first_token_metric_bucket"
                        yield f'{bucket}{{{of_model},le="{edge}"}} {each * t * share} {at}'
    where = f'namespace="gate",pod="{ROUTER}",instance="{ROUTER}:29000",job="pods"'
    for at in range(BEGAN, END + 1, 60):
        yield f'smg_worker_requests_active{{{where},worker="http://10.0.0.5:8000"}} {at % 11} {at}'
        yield f'smg_http_rate_limit_total{{{where},result="rejected"}} {(at - BEGAN) * 0.5} {at}'
        for name, model in (("chat-1-xxxxx", "llama"), ("tiny-1-yyyyy", "tiny")):
            engine = (
                f'namespace="serving",pod="{name}",instance="{name}:8000",job="pods",model_name="{model}",engine="0"'
            )
            yield f"vllm:num_requests_running{{{engine}}} 4 {at}"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("gateways")
    lines, seen = [], ""
    for line in sorted(_gateways(), key=lambda one: (one.partition("{")[0], one.partition("} ")[0])):
        if (name := line.partition("{")[0]) != seen:
            seen = name
            lines.append(f"# TYPE {name} gauge")
        lines.append(line)
    text = folder / "history.txt"
    text.write_text("\n".join([*lines, "# EOF"]) + "\n")
    blocks = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(folder / "data")]
    subprocess.run(blocks, check=True, capture_output=True)
    (folder / "prometheus.yml").write_text("global:\n  scrape_interval: 1m\n")
    with prometheus_on(folder / "prometheus.yml", folder) as running:
        yield running


@pytest.fixture
async def source(prometheus: Prometheus) -> AsyncIterator[PrometheusSource]:
    found = PrometheusSource(PrometheusEndpoint(prometheus.url), window=300)
    yield found
    await found.close()


async def seen(source: PrometheusSource) -> Snapshot:
    """The fleet at the end of it: of the proxies one is left."""
    pods = [
        pod("chat-1-xxxxx", ip="10.0.0.4"),
        pod("tiny-1-yyyyy", "tiny", ip="10.0.0.5"),
        pod(PROXY, "proxy", namespace="gate"),
        pod(ROUTER, "router", namespace="gate"),
    ]
    tops = [*deployment("chat"), *deployment("tiny")]
    tops += [one for name in ("proxy", "router") for one in deployment(name, namespace="gate")]
    return Builder().build(kube(pods, tops), await source.measure(None, END), (), END)


def by_hand(prometheus: Prometheus, text: str) -> list[float]:
    found = (prometheus.query(text, at) for at in RANGE.times())
    return [one[0][1] if one else math.nan for one in found]


_LITELLM = 'pod=~"proxy-1-[a-z]+",requested_model="llama",team=""'
_TOTAL = "litellm_proxy_total_requests_metric_total"
_429 = f'{_TOTAL}{{{_LITELLM},job="pods",status_code="429"}}'
_TTFT = f"litellm_llm_api_time_to_first_token_metric_bucket{{{_LITELLM}}}"


@pytest.mark.parametrize(
    ("model", "quantity", "text"),
    [
        ("llama", Q.GATEWAY_REQUESTS, f'sum(rate({_TOTAL}{{{_LITELLM},job="pods"}}[5m]))'),
        (
            "llama",
            Q.GATEWAY_REJECTIONS,
            f'sum(rate({_429}[5m])) or 0 * sum(rate({_TOTAL}{{{_LITELLM},job="pods"}}[5m]))',
        ),
        (
            "llama",
            Q.GATEWAY_RETRIES,
            f'2 * sum(rate(litellm_deployment_failed_fallbacks_total{{{_LITELLM},job="pods"}}[5m]))',
        ),
        (
            "llama",
            Q.GATEWAY_TTFT_P95,
            f"histogram_quantile(0.95, sum by (le) (rate({_TTFT}[5m])))",
        ),
        ("tiny", Q.GATEWAY_IN_FLIGHT, 'smg_worker_requests_active{worker="http://10.0.0.5:8000"}'),
        ("tiny", Q.GATEWAY_REJECTIONS, "rate(smg_http_rate_limit_total[5m])"),
    ],
)
async def test_a_curve_is_of_all_gateways_before_a_model_and_of_those_that_are_gone(
    source: PrometheusSource, prometheus: Prometheus, model: str, quantity: Quantity, text: str
) -> None:
    snapshot = await seen(source)
    key = f"serving/{model}"
    assert quantity in {plot.quantity for plot in plotted_of(snapshot, key)}
    series = series_of(snapshot, key)
    assert series is not None
    for asked in GATEWAY_QUANTITIES:
        assert len(curve_query(CurveQuestion(asked, series, RANGE, 300.0))) < LONGEST
    expected = by_hand(prometheus, text)
    assert sum(not math.isnan(value) for value in expected) > 20
    found = await curve(source, (), CurveQuestion(quantity, series, RANGE, 300.0, key=key))
    assert found.values == pytest.approx(expected, rel=1e-9, nan_ok=True)


async def test_of_what_no_gateway_stands_before_none_is_plotted(source: PrometheusSource) -> None:
    snapshot = await seen(source)
    for key in ("serving/chat-1-xxxxx", "serving/Deployment/chat", "serving/chat"):
        assert not {plot.quantity for plot in plotted_of(snapshot, key)} & set(GATEWAY_QUANTITIES)
    with_dialect = {plot.quantity for plot in plotted_of(snapshot, "serving/tiny")}
    assert Q.GATEWAY_TTFT_P95 not in with_dialect, "sglang-router tells none"
