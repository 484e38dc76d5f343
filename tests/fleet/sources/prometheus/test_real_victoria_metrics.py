"""The same source on VictoriaMetrics, whose dialect of PromQL and of the API differs in places."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from fleet.model.histogram import quantile
from fleet.model.measurement import EngineId, HistogramKey
from fleet.model.quantity import Family, Quantity
from fleet.sources.prometheus.past import past
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.fleet.metrics.pages import V0_33, Card, Load, dcgm, vllm
from tests.fleet.metrics.servers import Job, exporters, victoria_metrics
from tests.waiting import block_until


@pytest.mark.real("victoria-metrics")
async def test_a_fleet_on_victoria_metrics(tmp_path: Path) -> None:
    born = time.time()

    def page() -> str:
        t = time.time() - born
        observed = [float(int(t * share)) for share in (3, 20, 13, 6, 2, 1, 0)]
        return vllm(V0_33, {"0": Load(generation=float(int(100 * t)), latencies=observed)})

    jobs = [
        Job("engines", "/p", {"namespace": "llm", "pod": "p", "instance": "10.0.0.1:8000"}),
        Job("engines", "/down", {"namespace": "llm", "pod": "q", "instance": "10.0.0.2:8000"}),
        Job("dcgm", "/gpus", {"namespace": "gpu", "pod": "dcgm-exporter-x", "instance": "10.0.0.9:9400"}),
    ]
    with exporters() as server:
        server.pages["/p"] = page
        server.pages["/gpus"] = lambda: dcgm([Card(pod="p"), Card(1)])
        with victoria_metrics(tmp_path, server.address, jobs) as real:
            block_until(lambda: any(v >= 7 for _, v in real.query("count_over_time(up[30s])", time.time())))
            source = PrometheusSource(PrometheusEndpoint(real.url), window=6.0)
            try:
                m = await source.measure(None, at=time.time() - 1.5)
                remembered = await past(source, m.at - 4, m.at, 1.0, 6.0)
            finally:
                await source.close()
            ttft = "histogram_quantile(0.95, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[6s])))"
            expected = real.value(ttft, m.at)
            tokens = real.value("rate(vllm:generation_tokens_total[6s])", m.at)
    assert m.engines == (EngineId("llm", "p", "chat", "0"),)
    assert m.engine_table.columns[Quantity.GENERATION_TOKENS][0] == tokens == pytest.approx(100, rel=0.1)
    for group in (HistogramKey("llm", "chat"), HistogramKey("llm", "chat", "p", "0")):
        assert quantile(0.95, m.histograms[Family.TTFT][group]).value == pytest.approx(expected)
    assert [(gpu.namespace, gpu.pod) for gpu in m.gpus] == [("llm", "p"), ("", "")]
    assert m.unreachable == {"llm/q": "Prometheus cannot scrape it"}
    assert m.interval == pytest.approx(1.0, abs=0.1)
    assert {p.quantity for p in remembered} >= {Quantity.RUNNING, Quantity.TTFT_P95, Quantity.GPU_UTIL}
