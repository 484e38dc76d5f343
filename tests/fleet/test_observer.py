"""Ticks: the screen while sources are slow, silent or broken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from fleet.model.finding import FindingState
from fleet.model.measurement import HistogramKey, Measurement
from fleet.model.objects import ModelVersion
from fleet.model.past import Past
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Health, Snapshot, SourceStatus
from fleet.observer import Observer
from fleet.snapshot.builder import Builder
from fleet.sources.kube.state import KubeState
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, pod
from tests.waiting import PATIENCE
from tests.waiting import until as soon


class Cluster:
    """A Kubernetes source with given data."""

    def __init__(self, state: KubeState) -> None:
        self.now = replace(state, synced=frozenset({"pods"}))
        self.running = False

    async def start(self) -> None:
        self.running = True

    async def close(self) -> None:
        self.running = False

    def statuses(self) -> tuple[SourceStatus, ...]:
        return (LIVE,)

    async def wait_synced(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109, ARG002
        return True

    def select_namespace(self, namespace: str) -> None:
        self.now = replace(self.now, cluster=replace(self.now.cluster, namespace=namespace))

    def tick(self) -> None:
        pass

    def refresh(self) -> None:
        self.hurried = True

    def state(self) -> KubeState:
        return self.now


class Meter:
    """A metrics side: each measurement is one call of ``take``."""

    def __init__(self, take: Callable[[], Measurement]) -> None:
        self.latest: Measurement | None = None
        self.asked: list[frozenset[str] | None] = []
        self.release = asyncio.Event()
        self.release.set()
        self.closed = False
        self._take = take

    def due(self, state: KubeState, now: float) -> bool:  # noqa: ARG002
        return True

    def refresh(self) -> None:
        """Always due."""

    def settles_in(self) -> float:
        return 0.0

    async def measure(self, state: KubeState, pods: frozenset[str] | None, now: float) -> None:  # noqa: ARG002
        self.asked.append(pods)
        await self.release.wait()
        self.latest = self._take()

    async def remembered(self, latest: Measurement, seconds: float, step: float) -> list[object]:  # noqa: ARG002
        return []

    def statuses(self) -> tuple[SourceStatus, ...]:
        return (SourceStatus("scrape", Health.LIVE, NOW),)

    async def close(self) -> None:
        self.closed = True


def running(value: float) -> Measurement:
    return measurement({engine("a"): {Quantity.RUNNING: value}})


def observing(
    meter: Meter,
    cluster: Cluster | None = None,
    builder: Builder | None = None,
    report: Callable[[Exception], str] = lambda _: "/state/crash.txt",
) -> Observer:
    found = cluster or Cluster(kube([pod("a")], deployment()))
    return Observer(
        found,
        meter,  # type: ignore[arg-type]
        refresh=0.01,
        clock=lambda: NOW,
        builder=builder,
        report=report,
    )


REFRESH = 0.1
"""Seconds between ticks where it matters which one begins a measurement."""


async def until(observer: Observer, wanted: Callable[[Snapshot], bool]) -> Snapshot:
    """Run the observer until it delivers the wanted Snapshot, then end it."""
    found: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()

    def deliver(snapshot: Snapshot) -> None:
        if wanted(snapshot) and not found.done():
            found.set_result(snapshot)

    task = asyncio.create_task(observer.run(deliver))
    try:
        async with asyncio.timeout(PATIENCE):
            return await found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def shown(snapshot: Snapshot) -> float:
    return snapshot.by_pod.value("serving/a", Quantity.RUNNING)


def shown_3(snapshot: Snapshot) -> bool:
    return shown(snapshot) == 3.0


async def test_numbers_that_come_first_are_judged_in_the_next_snapshot_and_other_callers_see_no_others() -> None:
    for first in (True, False):
        delivered: list[Snapshot] = []

        def deliver(snapshot: Snapshot, delivered: list[Snapshot] = delivered) -> None:
            delivered.append(snapshot)

        observer = observing(Meter(lambda: running(3.0)))
        task = asyncio.create_task(observer.run(deliver, numbers_first=first))
        await soon(lambda delivered=delivered: len(delivered) > 1)  # type: ignore[misc]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert shown(delivered[0]) == 3.0
        assert [one.is_judged for one in delivered[:2]] == [not first, True]
        assert bool(delivered[0].assessments) is not first


async def test_a_slow_measurement_does_not_hold_up_the_screen_and_is_not_joined_by_a_second() -> None:
    meter = Meter(lambda: running(3.0))
    meter.release.clear()
    observer = observing(meter)
    snapshot = await until(observer, lambda s: s.sequence >= 5)
    assert snapshot.by_pod.get("serving/a", Quantity.RUNNING).state is State.UNKNOWN
    assert len(meter.asked) == 1


async def test_a_measurement_is_shown_when_it_arrives() -> None:
    meter = Meter(lambda: running(3.0))
    assert shown(await until(observing(meter), lambda s: shown(s) == 3.0)) == 3.0


async def test_a_quick_measurement_is_in_the_snapshot_of_the_tick_that_began_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = iter(map(float, range(100)))
    meter, seen = Meter(lambda: running(next(found))), list[float]()
    begun = [0.0]

    def due(_state: KubeState, _now: float) -> bool:
        """Once per tick of the usual pace, and not again in a tick that only a measurement has woken."""
        late = time.monotonic() - begun[0] >= 0.8 * REFRESH
        begun[0] = time.monotonic() if late else begun[0]
        return late

    def noted(snapshot: Snapshot) -> bool:
        seen.append(shown(snapshot))
        return len(seen) == 15

    monkeypatch.setattr(meter, "due", due)
    observer = observing(meter)
    monkeypatch.setattr(observer, "_refresh", REFRESH)
    await until(observer, noted)

    # Once numbers are shown, no Snapshot tells the last ones again before the next: each is built and drawn once.
    assert len(set(seen[5:])) == 10


async def test_the_first_measurement_begins_as_soon_as_the_cluster_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.observer.EAGER", 30.0)
    known = asyncio.Event()

    class Slow(Cluster):
        async def wait_synced(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109, ARG002
            return await known.wait()

    class Patient(Meter):
        def due(self, state: KubeState, now: float) -> bool:  # noqa: ARG002
            return known.is_set()

    asyncio.get_running_loop().call_later(0.05, known.set)
    snapshot = await until(observing(Patient(lambda: running(3.0)), Slow(kube([pod("a")], deployment()))), shown_3)
    assert shown(snapshot) == 3.0


async def test_the_pods_on_the_screen_are_the_ones_asked_for() -> None:
    meter = Meter(lambda: running(3.0))
    observer = observing(meter)
    observer.focus(frozenset({"serving/a"}))
    await until(observer, lambda s: shown(s) == 3.0)
    assert meter.asked[-1] == frozenset({"serving/a"})


@pytest.mark.parametrize(("every", "often"), [(0.0, True), (60.0, False)])
async def test_free_heap_pages_go_back_to_the_system_every_minute(
    every: float, often: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    trimmed: list[int] = []
    monkeypatch.setattr("fleet.observer.TRIM_EVERY", every)
    monkeypatch.setattr("fleet.observer.give_back", lambda: trimmed.append(1))
    await until(observing(Meter(lambda: running(3.0))), lambda s: s.sequence > 4)
    # Once in any case, after the cluster has been listed.
    assert (len(trimmed) > 2) is often


async def test_ending_lets_go_of_everything() -> None:
    meter, cluster = Meter(lambda: running(3.0)), Cluster(kube([pod("a")], deployment()))
    await until(observing(meter, cluster), lambda s: shown(s) == 3.0)
    assert meter.closed
    assert not cluster.running


async def test_a_bug_in_a_measurement_is_said_on_the_screen_and_the_next_one_is_tried() -> None:
    turns = iter(range(100))

    def take() -> Measurement:
        turn = next(turns)
        if turn in (1, 2):
            raise ZeroDivisionError("nobody foresaw this")
        return running(1.0 if turn == 0 else 2.0)

    seen: list[Snapshot] = []
    kept: list[Exception] = []

    def report(error: Exception) -> str:
        kept.append(error)
        return "/state/crash.txt"

    def good_again(snapshot: Snapshot) -> bool:
        seen.append(snapshot)
        return shown(snapshot) == 2.0 and snapshot.source("console") is None

    # It ends when the numbers move again and the message is gone.
    await until(observing(Meter(take), report=report), good_again)
    assert len(kept) == 1, "one report for as long as it lasts"
    broken = [s for s in seen if s.source("console") is not None]
    assert broken
    status = broken[0].source("console")
    assert status is not None
    assert "ZeroDivisionError" in status.problem
    assert "/state/crash.txt" in status.remedy
    assert shown(broken[0]) == 1.0, "what was known stays on the screen"


async def test_a_bug_before_the_first_snapshot_is_said_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = Builder()

    def explode(*_: object, **__: object) -> Snapshot:
        raise KeyError("x")

    monkeypatch.setattr(builder, "build", explode)
    snapshot = await until(observing(Meter(lambda: running(1.0)), builder=builder), lambda _: True)
    status = snapshot.source("console")
    assert status is not None
    assert status.health is Health.DOWN


async def test_sources_that_were_starting_when_it_was_told_to_end_are_closed() -> None:
    class Starting(Cluster):
        begun = asyncio.Event()

        async def start(self) -> None:
            self.running = True
            self.begun.set()
            await asyncio.Event().wait()

    meter, cluster = Meter(lambda: running(1.0)), Starting(kube([pod("a")], deployment()))
    observing_it = asyncio.create_task(observing(meter, cluster).run(lambda _: None))
    await asyncio.wait_for(cluster.begun.wait(), PATIENCE)
    observing_it.cancel()
    await asyncio.gather(observing_it, return_exceptions=True)
    assert (cluster.running, meter.closed) == (False, True)


class Remembering(Meter):
    """A Prometheus that remembers a quarter of an hour in which requests have waited."""

    async def remembered(self, latest: Measurement, seconds: float, step: float) -> list[object]:
        steps = range(int(seconds // step))
        points = tuple((latest.at - step * back, 70.0) for back in reversed(steps))
        return [Past(Quantity.WAITING, points, HistogramKey("serving", pod="a"))]


@pytest.mark.parametrize(("looks_back", "state"), [(True, FindingState.FIRING), (False, FindingState.PENDING)])
async def test_a_single_look_that_looks_back_knows_for_how_long_something_has_been_wrong(
    looks_back: bool, state: FindingState
) -> None:
    deep = {Quantity.RUNNING: 3.0, Quantity.WAITING: 70.0, Quantity.GENERATION_TOKENS: 90.0}
    version = ModelVersion(model="llama", served_name="llama")
    cluster = Cluster(kube([pod("a", version=version)], deployment()))
    meter = Remembering(lambda: measurement({engine("a"): deep}, source="prometheus"))
    snapshot = await observing(meter, cluster).once(PATIENCE, looks_back=looks_back)
    (found,) = snapshot.incidents
    assert (found.root.cause, found.state) == ("queue-deep", state)
    assert (NOW - found.since > 600) is looks_back
