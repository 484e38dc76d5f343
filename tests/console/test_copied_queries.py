"""The PromQL that is copied for a number, pasted into a real Prometheus: it gives the number of the cell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from console.cli.one_snapshot import snapshot_within
from console.config.load import Flag, load
from console.views.provenance import Provenance, provenance_of
from console.views.series import now_of, series_of
from fleet.metrics.ingredients import query_behind
from fleet.model.quantity import RATIOS, Quantity
from fleet.model.snapshot import Snapshot
from tests.fleet.metrics.servers import Prometheus, prometheus_on
from tests.simulator.api_process import simulator
from tests.waiting import block_until

pytestmark = pytest.mark.real("prometheus")

ALONE, OF_TWO_CLUSTERS, SCRAPED_TWICE = "alone", "of two clusters", "scraped twice"

_MEANS = (Quantity.QUEUE_MEAN, Quantity.PREFILL_MEAN, Quantity.DECODE_MEAN)


class Seen(NamedTuple):
    how: str
    snapshot: Snapshot
    prometheus: Prometheus


def _jobs(config: dict[str, Any], how: str) -> list[dict[str, Any]]:
    """The jobs of the fleet; once more in another cluster, or once more in the same one."""
    jobs: list[dict[str, Any]] = config["scrape_configs"]
    if how == ALONE:
        return jobs
    again = [job | {"job_name": f"{job['job_name']}-again"} for job in jobs]
    for job, cluster in [*((job, "eu") for job in jobs), *((job, "us") for job in again)]:
        if how == OF_TWO_CLUSTERS:
            job["relabel_configs"] = [{"target_label": "cluster", "replacement": cluster}]
    return [*jobs, *again]


@pytest.fixture(scope="module", params=[ALONE, OF_TWO_CLUSTERS, SCRAPED_TWICE])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A simulated fleet as the console sees it in a Prometheus."""
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with simulator("--pods", "8", "--scenario", "rush-hour") as fleet:
        config = yaml.safe_load(fleet.prometheus_config.read_text())
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        config["scrape_configs"] = _jobs(config, request.param)
        file = folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(config))
        with prometheus_on(file, folder) as running:
            # For longer than the window: the console counts what is younger by its raw samples.
            older = "count(rate(vllm:generation_tokens_total[4s] offset 11s)) > 3"
            block_until(lambda: bool(running.get("/api/v1/query", query=older)["result"]))
            written = folder / "config.toml"
            named = '\ncluster = "eu"' if request.param == OF_TWO_CLUSTERS else ""
            written.write_text(f'[prometheus]\nwindow = 10\nurl = "{running.url}"{named}\n')
            flags = [Flag(("cluster", "kubeconfig"), str(fleet.kubeconfig), "--kubeconfig")]
            settings = load({}, file=written, flags=flags).settings
            yield Seen(request.param, snapshot_within(settings, 60.0)[0], running)


def _objects(snapshot: Snapshot) -> list[str]:
    """A workload of each size, a pod of each, a GPU, and all GPUs of a node."""
    workloads = sorted(snapshot.workloads, key=lambda key: len(snapshot.pods_of.get(key, ())))
    some = {len(snapshot.pods_of.get(key, ())): key for key in workloads if snapshot.pods_of.get(key)}
    pods = [snapshot.pods_of[key][0] for key in some.values()]
    return [*some.values(), *pods, *list(snapshot.gpus)[:2], next(iter(snapshot.gpus_on))]


def _numbers(snapshot: Snapshot) -> Iterator[tuple[str, Provenance]]:
    for key in _objects(snapshot):
        for number in provenance_of(snapshot, key):
            if number.reading.known and not math.isnan(number.reading.value) and number.query:
                yield key, number


def test_every_number_is_what_its_query_gives_at_that_moment(seen: Seen) -> None:
    assert seen.snapshot.measured_at is not None
    compared, wrong = set(), []
    for key, number in _numbers(seen.snapshot):
        found = seen.prometheus.query(number.query, seen.snapshot.measured_at)
        compared.add(number.plot.quantity)
        expected = number.reading.value
        if seen.how == SCRAPED_TWICE:
            # The console reads one of two scrapers, which saw it at other moments: what both of them saw, once.
            series = series_of(seen.snapshot, key)
            assert series is not None
            everything = query_behind(number.plot.quantity, now_of(seen.snapshot, key, series), seen.snapshot.window)
            ((_, expected),) = seen.prometheus.query(everything, seen.snapshot.measured_at)
        if len(found) != 1 or found[0][1] != pytest.approx(expected, rel=1e-6, abs=1e-9):
            wrong.append((key, number.plot.title, expected, found, number.query))
    assert not wrong, wrong[0]
    assert len(compared) > 15, compared


def test_a_query_names_what_the_store_has_and_nothing_else(seen: Seen) -> None:
    # One engine of this fleet is so old that some of its metrics have another name: two where a number has one part.
    parts = dict.fromkeys((*RATIOS, *_MEANS), 2) | {Quantity.ERROR_RATIO: 3}
    for _, number in _numbers(seen.snapshot):
        query = number.query
        assert "vllm_num" not in query, "a spelling of another scraper"
        assert "k8s_pod_name" not in query
        assert "ray_vllm" not in query
        assert ('cluster="eu"' in query) == (seen.how == OF_TWO_CLUSTERS)
        if seen.how != SCRAPED_TWICE:
            assert "without (job" not in query, "each is scraped once"
        assert query.count("{") <= 2 * parts.get(number.plot.quantity, 1), query
