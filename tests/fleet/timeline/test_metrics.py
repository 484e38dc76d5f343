"""History in a metrics store: every action at its time, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from fleet.metrics.dialect import Match, Op
from fleet.model.objects import ObjectRef
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.timeline.entry import Entry
from fleet.timeline.metrics.source import MetricsTimeline
from fleet.timeline.source import SourceTimeline
from tests.fleet.metrics.servers import Prometheus
from tests.fleet.timeline.past import DEPLOYMENT, GONE, NODE, NOW, TRUTH, Done, two_days
from tests.waiting import PATIENCE

pytestmark = pytest.mark.real("prometheus", "promtool")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with two_days(tmp_path_factory.mktemp("past")) as running:
        yield running


@pytest.fixture
async def source(store: Prometheus) -> AsyncIterator[PrometheusSource]:
    found = PrometheusSource(PrometheusEndpoint(store.url, timeout=PATIENCE))
    yield found
    await found.close()


async def timeline_of(source: PrometheusSource, hours: float = 48.0, cluster: str = "here") -> SourceTimeline:
    matches = [Match("cluster", Op.EQUAL, cluster)] if cluster else []

    async def find() -> PrometheusSource:
        return source

    return await MetricsTimeline(find, matches, "cluster").read(NOW - hours * 3600)


def is_it(entry: Entry, done: Done) -> bool:
    return entry.about == done.about and entry.what == done.what


async def test_all_that_was_done_is_told_at_its_time_and_nothing_else(source: PrometheusSource) -> None:
    found = await timeline_of(source)
    assert found.gaps == ()
    for done in TRUTH:
        (entry,) = [entry for entry in found.entries if is_it(entry, done)]
        assert entry.at <= done.at <= entry.at + entry.within, done
        assert entry.within <= done.within, "no vaguer than it has to be"
        assert entry.evidence[0].value
    assert len(found.entries) == len(TRUTH)


async def test_a_pod_that_is_gone_is_known_to_its_workload_and_node(source: PrometheusSource) -> None:
    found = await timeline_of(source)
    above = found.kin.of(ObjectRef("Pod", "llm", GONE))
    assert {DEPLOYMENT, NODE} <= above


async def test_only_what_is_within_the_span_is_told(source: PrometheusSource) -> None:
    found = await timeline_of(source, 20.0)
    assert {entry.what for entry in found.entries} == {done.what for done in TRUTH if done.at >= NOW - 20 * 3600}


async def test_another_cluster_of_the_same_store_tells_its_own(source: PrometheusSource) -> None:
    assert [entry.what for entry in (await timeline_of(source, cluster="there")).entries] == ["replicas 1 → 9"]
    assert not (await timeline_of(source, cluster="nowhere")).entries


async def test_of_a_store_of_several_clusters_nothing_is_told_until_it_is_said_which_this_is(
    source: PrometheusSource,
) -> None:
    found = await timeline_of(source, cluster="")
    assert found.entries == ()
    (gap,) = found.gaps
    assert gap.problem.startswith("this store has the objects of 2 clusters (here, there)")
    assert gap.remedy == "set prometheus.cluster in the configuration"


async def test_a_store_that_is_gone_is_a_gap_and_no_error() -> None:
    source = PrometheusSource(PrometheusEndpoint("http://127.0.0.1:9"))
    found = await timeline_of(source)
    await source.close()
    assert found.entries == ()
    assert [gap.what for gap in found.gaps] == ["deleted objects, and changes before the last, that no console saw"]


async def test_no_store_is_a_gap() -> None:
    async def none() -> None:
        return None

    found = await MetricsTimeline(none).read(NOW - 3600)
    assert [gap.problem for gap in found.gaps] == ["there is no Prometheus to query"]
