"""GPUs that an exporter names in full by some of its metrics only: they are found, and cost the store no more than
they must."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from fleet.metrics.queries import gpus
from fleet.model.measurement import GpuId, Measurement
from fleet.sources.prometheus.metric_names import LOOK_EVERY
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.fleet.metrics.pages import V0_33, Card, Load, dcgm, vllm
from tests.fleet.metrics.servers import Job, exporters, prometheus
from tests.waiting import block_until

_PLAIN = dcgm([Card(0, pod="chat-0"), Card(1)])
_NAMED_BY_FEW = "\n".join(
    line.replace('namespace="llm",pod="chat-1",', "") if line.startswith(("DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_FB_"))
    else line
    for line in dcgm([Card(2, pod="chat-1")]).splitlines()
)  # fmt: skip
_LACKS_MOST = "".join(f"{line}\n" for line in dcgm([Card(3)]).splitlines() if "_GPU_UTIL" in line)


@pytest.mark.real("prometheus")
async def test_odd_gpus_are_found_and_the_others_are_asked_for_by_the_metrics_that_show_one(tmp_path: Path) -> None:
    now = 0.0
    pages = {"/engine": vllm(V0_33, {"0": Load()}), "/plain": _PLAIN, "/few": "", "/most": ""}
    with exporters() as server:
        for path in pages:
            server.pages[path] = lambda path=path: pages[path]  # type: ignore[misc]
        jobs = [Job("vllm", "/engine", {"namespace": "llm", "pod": "chat-0"})]
        jobs += [Job("dcgm", path, {"instance": path}, honor_labels=True) for path in ("/plain", "/few", "/most")]
        with prometheus(tmp_path, server.address, jobs) as real:

            def counted(promql: str, expected: int) -> bool:
                # A measurement is evaluated a second ago.
                found = real.get("/api/v1/query", query=f"count({promql} offset 2s)")["result"]
                return bool(found) and found[0]["value"][1] == f"{expected}"

            source = PrometheusSource(PrometheusEndpoint(real.url), clock=lambda: now)
            try:
                block_until(lambda: counted("DCGM_FI_DEV_GPU_TEMP", 2) and counted("vllm:num_requests_running", 1))
                found = await source.measure()
                assert _holders(found) == {"GPU-00000000": "chat-0", "GPU-00000001": ""}
                assert not _tries_all(source)

                pages |= {"/few": _NAMED_BY_FEW, "/most": _LACKS_MOST}
                block_until(lambda: counted("DCGM_FI_DEV_GPU_UTIL", 4))
                now += LOOK_EVERY
                found = await source.measure()
                odd = {"GPU-00000002": "chat-1", "GPU-00000003": ""}
                assert _holders(found) == {"GPU-00000000": "chat-0", "GPU-00000001": "", **odd}
                assert _tries_all(source)
            finally:
                await source.close()


def _holders(measurement: Measurement) -> Mapping[str, str]:
    """UUID → the pod that holds it."""
    found: tuple[GpuId, ...] = measurement.gpus
    return {gpu.uuid: gpu.pod for gpu in found}


def _tries_all(source: PrometheusSource) -> bool:
    """True if GPUs were asked for by all of their metrics."""
    assert source._last is not None
    assert tuple(gpus(source._last.scope)) == source._last.tick.gpus
    return any("timestamp(DCGM_FI_DEV_GPU_UTIL)" in text for text in source._last.tick.gpus)
