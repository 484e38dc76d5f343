"""``quarterdeck snapshot --json`` compared with a real Prometheus: every number is the one that PromQL gives at that
time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from console import main
from console.report.document import GpuPart, ModelPart, PodPart, SnapshotDocument, WorkloadPart
from fleet.model.quantity import Quantity
from tests.fleet.metrics.servers import Prometheus, prometheus_on
from tests.simulator.api_process import Process, simulator
from tests.waiting import block_until

pytestmark = pytest.mark.real("prometheus")

Numbers = dict[str, float | None]

ATTEMPTS = 8
BY_POD = "by (namespace, pod)"
BY_POD_AND_LE = "by (le, namespace, pod)"
TTFT = "vllm:time_to_first_token_seconds_bucket"
ITL = "vllm:inter_token_latency_seconds_bucket"


class Scraped(NamedTuple):
    """A simulated fleet and the Prometheus that scrapes it."""

    fleet: Process
    prometheus: Prometheus


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with simulator("--pods", "6") as fleet:
        # The fleet's own configuration, in a hurry.
        file = folder / "prometheus.yml"
        config = fleet.prometheus_config.read_text().splitlines()
        hurried = {"scrape_interval": "1s", "scrape_timeout": "1s", "refresh_interval": "5s"}
        for number, line in enumerate(config):
            key = line.strip().partition(":")[0]
            if key in hurried:
                config[number] = f"{line.partition(':')[0]}: {hurried[key]}"
        file.write_text("\n".join(config))
        with prometheus_on(file, folder) as running:
            # For longer than the window: of what is younger no query of one line says the rate.
            older = "count(rate(vllm:generation_tokens_total[4s] offset 11s))"
            block_until(lambda: bool(running.get("/api/v1/query", query=older)["result"]))
            yield Scraped(fleet, running)


Take = Callable[[], SnapshotDocument]


@pytest.fixture
def take(scraped: Scraped, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Take:
    """``quarterdeck snapshot --json`` on both."""
    config = tmp_path / "config.toml"
    config.write_text("[prometheus]\nwindow = 10\n")

    def run() -> SnapshotDocument:
        flags = ["--kubeconfig", str(scraped.fleet.kubeconfig), "--prometheus", scraped.prometheus.url]
        flags += ["--config", str(config)]
        code = main.main(["snapshot", "--json", *flags])
        out, err = capsys.readouterr()
        assert code == 0, err
        return SnapshotDocument.model_validate(json.loads(out))

    return run


def compare(take: Take, prometheus: Prometheus, promql: str, numbers: Callable[[SnapshotDocument], Numbers]) -> None:
    """Every number of the query is that of the document, and the document has no others.

    A scrape that was under way at the time of the Snapshot is stored a moment later, under a time before it: then the
    same query at the same time gives another number, and the comparison must be made anew.
    """
    for attempt in range(ATTEMPTS):
        document = take()
        assert document.measured_at is not None
        result = prometheus.query(promql, document.measured_at)
        wanted = {"/".join(labels.values()): value for labels, value in result if not math.isnan(value)}
        assert wanted
        found = {key: value for key, value in numbers(document).items() if value is not None}
        if found == pytest.approx(wanted, rel=1e-12):
            return
        if attempt == ATTEMPTS - 1:
            assert found == pytest.approx(wanted, rel=1e-12)


def test_it_is_read_from_prometheus_and_names_every_pod(scraped: Scraped, take: Take) -> None:
    document = take()
    assert document.method == "prometheus"
    assert document.window == 10.0
    assert len(document.pods) == scraped.fleet.pods
    assert {source.name: source.health.value for source in document.sources}["prometheus"] == "live"


def of_pods(quantity: Quantity) -> Callable[[SnapshotDocument], Numbers]:
    return lambda document: {pod.key: exact(pod, quantity) for pod in document.pods}


@pytest.mark.parametrize(
    ("quantity", "promql"),
    [
        (Quantity.RUNNING, f"sum {BY_POD} (vllm:num_requests_running)"),
        (Quantity.WAITING, f"sum {BY_POD} (vllm:num_requests_waiting)"),
        (Quantity.KV_USAGE, f"max {BY_POD} (vllm:kv_cache_usage_perc)"),
        (Quantity.GENERATION_TOKENS, f"sum {BY_POD} (rate(vllm:generation_tokens_total[10s]))"),
        (Quantity.TTFT_P95, f"histogram_quantile(0.95, sum {BY_POD_AND_LE} (rate({TTFT}[10s])))"),
    ],
)
def test_the_numbers_of_a_pod(scraped: Scraped, take: Take, quantity: Quantity, promql: str) -> None:
    compare(take, scraped.prometheus, promql, of_pods(quantity))


def test_the_numbers_of_a_model(scraped: Scraped, take: Take) -> None:
    promql = f"histogram_quantile(0.99, sum by (le, namespace, model_name) (rate({ITL}[10s])))"
    # Labels come in alphabetical order: model_name, namespace.
    compare(
        take,
        scraped.prometheus,
        promql,
        lambda document: {f"{m.name}/{m.namespace}": exact(m, Quantity.ITL_P99) for m in document.models},
    )


def test_the_numbers_of_a_gpu(scraped: Scraped, take: Take) -> None:
    compare(
        take,
        scraped.prometheus,
        "max by (UUID) (DCGM_FI_DEV_GPU_TEMP{GPU_I_ID=''})",
        lambda document: {
            gpu.key: exact(gpu, Quantity.GPU_TEMPERATURE) for gpu in document.gpus if not gpu.instance_id
        },
    )


def exact(part: ModelPart | WorkloadPart | PodPart | GpuPart, quantity: Quantity) -> float | None:
    reading = part.readings.get(quantity)
    return reading.value if reading else None
