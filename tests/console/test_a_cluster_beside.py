"""Another cluster as a source in addition to the selected one: its Snapshots are facts of this one's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from console.config import sources as registry
from console.config.settings import ClusterSettings, Settings
from console.config.sources import SourceEntry
from console.wiring import sources
from console.wiring.facts import InView
from fleet.model.facts import Dated
from fleet.model.snapshot import Health, Snapshot, SourceStatus
from tests.simulator.api_process import Process, simulator
from tests.waiting import PATIENCE


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    with simulator("--pods", "4", "--seed", "7") as running:
        yield running


class OtherCluster:
    """Another cluster in addition to the selected one: its Snapshots are facts."""

    def __init__(self, name: str, in_view: InView, context: str) -> None:
        self.name = name
        self._observer = sources.observer(
            in_view.settings, sources.kubernetes(in_view.settings, context, ""), in_view.now
        )
        self._facts: Dated[Snapshot] | None = None
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._observer.run(self._take))

    async def wait_synced(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109
        async with asyncio.timeout(timeout):
            while self._facts is None or not self._facts.value.pods:
                self._arrived.clear()
                await self._arrived.wait()
        return True

    def statuses(self) -> tuple[SourceStatus, ...]:
        return (SourceStatus(self.name, Health.LIVE, 0.0),)

    def facts(self) -> Dated[Snapshot] | None:
        return self._facts

    def refresh(self) -> None:
        self._observer.wake()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _take(self, snapshot: Snapshot) -> None:
        self._facts = Dated(snapshot.at, snapshot)
        self._arrived.set()


OTHERS: list[str] = []
"""The contexts that are observed in addition to the selected one."""


def other_clusters(in_view: InView) -> Iterator[OtherCluster]:
    """Make them in addition to the selected cluster: an Observer of another has none."""
    if in_view.objects.state().cluster.context not in OTHERS:
        for context in OTHERS:
            yield OtherCluster(context, in_view, context)


async def test_several_clusters_stand_side_by_side(fleet: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(cluster=ClusterSettings(kubeconfig=str(fleet.kubeconfig)))
    others = fleet.contexts[1:3]
    OTHERS[:] = others
    monkeypatch.setattr(registry, "SOURCES", (SourceEntry("", f"{__name__}:other_clusters"),))
    monkeypatch.setattr("fleet.observer.GIVE_UP", PATIENCE)
    source = sources.source_of(settings, "", "")
    snapshot = await sources.observer(settings, source, 0.0).once(PATIENCE)
    found = {name: facts.value for name, facts in snapshot.facts.of(Snapshot).items()}
    assert tuple(found) == others
    for context, other in found.items():
        assert other.cluster.context == context
        assert other.pods.keys() <= snapshot.pods.keys()
        assert other.pods
