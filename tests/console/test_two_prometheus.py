"""Two real Prometheus that each scrape a part of one fleet: one Snapshot, in which every number says whose it is."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from console import main
from console.report.document import SnapshotDocument
from fleet.model.curve import CurveQuestion, Series, TimeRange
from fleet.model.histogram import Histogram, merge, quantile
from fleet.model.quantity import Quantity
from fleet.sources.curves import curve_of_fleet
from fleet.sources.metrics_collector import MetricsSettings, MoreMetrics, Use
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.store import NamedStore
from tests.fleet.metrics.servers import Prometheus, prometheus_on
from tests.fleet.sources.measured import ApiServer, fleet, measuring
from tests.ports import free_port
from tests.simulator.api_process import Process, simulator
from tests.waiting import block_until

pytestmark = pytest.mark.real("prometheus")

ATTEMPTS = 8
FIRST, SECOND = "prometheus", "prometheus/gpu-side"
TTFT = "vllm:time_to_first_token_seconds_bucket"


class Scraped(NamedTuple):
    """A simulated fleet, and the two that scrape a half of its engines each; the second one the GPUs as well."""

    fleet: Process
    stores: dict[str, Prometheus]


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    folder: Path = tmp_path_factory.mktemp("two")
    with simulator("--pods", "16", "--seed", "7") as simulation:
        files = []
        for half in range(2):
            config = yaml.safe_load(simulation.prometheus_config.read_text())
            config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
            config["scrape_configs"] = [_halved(job, half) for job in config["scrape_configs"] if _is_for(job, half)]
            file = folder / str(half) / "prometheus.yml"
            file.parent.mkdir()
            file.write_text(yaml.safe_dump(config))
            files.append(file)
        with prometheus_on(files[0], files[0].parent) as first, prometheus_on(files[1], files[1].parent) as second:
            older = "count(rate(vllm:generation_tokens_total[4s] offset 11s))"
            for one in (first, second):
                block_until(partial(_has_samples, one, older))
            yield Scraped(simulation, {FIRST: first, SECOND: second})


def _has_samples(store: Prometheus, query: str) -> bool:
    return bool(store.get("/api/v1/query", query=query)["result"])


def _is_for(job: dict[str, Any], half: int) -> bool:
    return job["job_name"] == "vllm" or half == 1


def _halved(job: dict[str, Any], half: int) -> dict[str, Any]:
    """Return a scrape job with only the engines whose pods are in this half."""
    if job["job_name"] != "vllm":
        return job
    kept = [
        {"source_labels": ["pod"], "modulus": 2, "target_label": "__tmp_half", "action": "hashmod"},
        {"source_labels": ["__tmp_half"], "regex": str(half), "action": "keep"},
    ]
    return {**job, "relabel_configs": kept}


Take = Callable[[str], SnapshotDocument]


@pytest.fixture
def take(scraped: Scraped, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Take:
    """``quarterdeck snapshot --json`` on both; the URL of the first may be another."""

    def run(first: str) -> SnapshotDocument:
        code = main.main(["snapshot", "--json", *_flags(scraped, tmp_path, first)])
        out, err = capsys.readouterr()
        assert code == 0, err
        return SnapshotDocument.model_validate(json.loads(out))

    return run


def _flags(scraped: Scraped, folder: Path, first: str) -> list[str]:
    config = folder / "config.toml"
    second = scraped.stores[SECOND].url
    config.write_text(f'[prometheus]\nwindow = 10\nurl = "{first}"\n[prometheus.also.gpu-side]\nurl = "{second}"\n')
    return ["--kubeconfig", str(scraped.fleet.kubeconfig), "--config", str(config)]


def _read_from(document: SnapshotDocument) -> dict[str, str]:
    """Pod → the source that its engine is read from."""
    return {pod.key: engine.source or "" for pod in document.pods for engine in pod.engines}


def test_every_engine_is_there_once_and_says_by_which_it_is_measured(scraped: Scraped, take: Take) -> None:
    document = take(scraped.stores[FIRST].url)
    read = _read_from(document)
    asked = "group by (namespace, pod) (vllm:num_requests_running)"
    for name, store in scraped.stores.items():
        theirs = {f"{labels['namespace']}/{labels['pod']}" for labels, _ in store.query(asked, time.time())}
        assert theirs
        assert {pod for pod, source in read.items() if source == name} == theirs
    assert Counter(len(pod.engines) for pod in document.pods if pod.engines).keys() == {1}
    assert {gpu.source for gpu in document.gpus} == {SECOND}
    health = {source.name: source.health.value for source in document.sources}
    assert {name: health[name] for name in scraped.stores} == dict.fromkeys(scraped.stores, "live")


async def test_a_measurement_costs_each_store_no_more_requests_than_it_would_alone(scraped: Scraped) -> None:
    first, second = (PrometheusEndpoint(store.url) for store in scraped.stores.values())
    how = MetricsSettings(endpoint=first, also=(MoreMetrics("gpu-side", second),), scrape=Use.NEVER)
    async with measuring(ApiServer(), how) as found:
        # The first one also looks at clocks, scrape intervals and bucket lists.
        for _ in range(2):
            await found.measure(fleet(), None, time.time())
        costs = {status.name: status.requests for status in found.statuses() if status.requests}
        assert costs.keys() == scraped.stores.keys()
        assert max(costs.values()) <= 10
        assert found.latest is not None
        assert found.latest.requests == sum(costs.values())


def _equal(make: Callable[[], tuple[Any, Any]]) -> None:
    """A scrape under way is stored a moment later, under an earlier time: compare again then."""
    for attempt in range(ATTEMPTS):
        found, wanted = make()
        assert wanted
        if found == pytest.approx(wanted, rel=1e-9, nan_ok=True) or attempt == ATTEMPTS - 1:
            assert found == pytest.approx(wanted, rel=1e-9, nan_ok=True)
            return


def test_the_numbers_of_each_pod_are_those_of_its_own_store(scraped: Scraped, take: Take) -> None:
    def both() -> tuple[dict[str, float], dict[str, float]]:
        document = take(scraped.stores[FIRST].url)
        assert document.measured_at is not None
        wanted = {}
        for store in scraped.stores.values():
            query = "sum by (namespace, pod) (rate(vllm:generation_tokens_total[10s]))"
            for labels, value in store.query(query, document.measured_at):
                wanted[f"{labels['namespace']}/{labels['pod']}"] = value
        read = (pod for pod in document.pods if Quantity.GENERATION_TOKENS in pod.readings)
        return {pod.key: pod.readings[Quantity.GENERATION_TOKENS].value for pod in read}, wanted

    _equal(both)


def test_percentiles_of_a_model_of_both_are_of_the_buckets_of_both(scraped: Scraped, take: Take) -> None:
    def both() -> tuple[dict[str, float], dict[str, float]]:
        document = take(scraped.stores[FIRST].url)
        assert document.measured_at is not None
        parts: dict[str, list[Histogram]] = {}
        for store in scraped.stores.values():
            query = f"sum by (le, namespace, model_name) (rate({TTFT}[10s]))"
            buckets: dict[str, dict[float, float]] = {}
            for labels, value in store.query(query, document.measured_at):
                model = f"{labels['namespace']}/{labels['model_name']}"
                buckets.setdefault(model, {})[float(labels["le"])] = value
            for model, found in buckets.items():
                edges = tuple(sorted(found))
                parts.setdefault(model, []).append(Histogram(edges, tuple(found[edge] for edge in edges)))
        assert any(len(own) == 2 for own in parts.values()), "a model has engines in both"
        wanted = {}
        for model, own in parts.items():
            whole = merge(own)
            assert whole is not None
            if not math.isnan(value := quantile(0.95, whole).value):
                wanted[model] = value
        models = (model for model in document.models if Quantity.TTFT_P95 in model.readings)
        return {model.key: model.readings[Quantity.TTFT_P95].value for model in models}, wanted

    _equal(both)


def test_the_engines_of_a_store_that_is_down_are_read_directly(scraped: Scraped, take: Take) -> None:
    document = take(f"http://127.0.0.1:{free_port()}")
    read = Counter(_read_from(document).values())
    assert read.keys() == {SECOND, "scrape"}
    assert sum(read.values()) == sum(bool(pod.engines) for pod in document.pods)
    health = {source.name: source.health.value for source in document.sources}
    assert (health[FIRST], health[SECOND], health["scrape"]) == ("down", "live", "live")


def test_the_doctor_names_each_and_how_many_engines_are_read_from_it(
    scraped: Scraped, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    main.main(["doctor", "--json", *_flags(scraped, tmp_path, scraped.stores[FIRST].url)])
    found = {check["subject"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert scraped.stores[SECOND].url in found[SECOND]["finding"]
    assert found[SECOND]["verdict"] == "ok"
    assert f"{FIRST} (" in found["engines"]["finding"]
    assert f"{SECOND} (" in found["engines"]["finding"]


async def test_a_plot_of_what_both_have_is_of_both(scraped: Scraped) -> None:
    end = math.floor(time.time()) - 3.0
    moments = TimeRange(end, 1.0, 5)
    series = Series("serving", ".*", sources=frozenset(scraped.stores))
    question = CurveQuestion(Quantity.RUNNING, series, moments, 10.0)
    sources = {name: PrometheusSource(PrometheusEndpoint(store.url)) for name, store in scraped.stores.items()}
    try:
        stores = [NamedStore(name, source, ()) for name, source in sources.items()]
        found = await curve_of_fleet(stores, question, clock=time.time)
    finally:
        await asyncio.gather(*(source.close() for source in sources.values()))
    query = 'sum(vllm:num_requests_running{namespace="serving"})'
    wanted = [sum(store.value(query, at) for store in scraped.stores.values()) for at in moments.times()]
    assert list(found.values) == wanted
