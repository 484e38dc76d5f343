"""A plan is made on a Snapshot from after the cluster was listed, and never on half a fleet."""

from __future__ import annotations

import asyncio
import itertools
from types import SimpleNamespace

import pytest

from actions.planning import plan_snapshot
from actions.planning.plan_snapshot import lacking, wait_until_known
from fleet.model.coverage import Coverage
from fleet.model.snapshot import Cluster, Health, Snapshot, SourceStatus
from tests.waiting import PATIENCE


def snapshot(*pending: str, health: Health = Health.STARTING, limited: tuple[str, ...] = ()) -> Snapshot:
    status = SourceStatus("kubernetes", health, since=0.0)
    coverage = Coverage(frozenset(pending), dict.fromkeys(limited, ()))
    return Snapshot(1, 0.0, Cluster(), sources=(status,), coverage=coverage, measured_at=0.0)


class Deliveries:
    """Snapshots that come one by one."""

    def __init__(self) -> None:
        self.latest: Snapshot | None = None
        self.arrived = asyncio.Event()

    def deliver(self, found: Snapshot) -> None:
        self.latest = found
        self.arrived.set()

    def waiting(self, seconds: float = PATIENCE) -> asyncio.Task[str]:
        return asyncio.create_task(wait_until_known(lambda: self.latest, self.arrived, seconds))


async def settled(task: asyncio.Task[str]) -> None:
    """Let the waiter have its turns."""
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()


async def test_a_measured_snapshot_from_before_the_list_is_not_planned_on() -> None:
    """Prometheus answers first: the numbers are there, and Kubernetes has not answered yet."""
    deliveries = Deliveries()
    task = deliveries.waiting()
    await settled(task)
    deliveries.deliver(snapshot("pods", "nodes", "deployments.apps"))
    await settled(task)
    deliveries.deliver(snapshot("deployments.apps"))
    await settled(task)
    deliveries.deliver(snapshot())
    assert await task == ""


async def test_what_checks_read_is_waited_for_as_well() -> None:
    deliveries = Deliveries()
    task = deliveries.waiting()
    deliveries.deliver(snapshot("poddisruptionbudgets.policy"))
    await settled(task)
    deliveries.deliver(snapshot("events"))
    assert await task == "", "no check looks at events"


async def test_what_may_not_be_listed_is_not_waited_for() -> None:
    deliveries = Deliveries()
    deliveries.deliver(snapshot(limited=("pods", "nodes", "deployments.apps")))
    assert await deliveries.waiting() == ""


@pytest.mark.parametrize(
    ("pending", "words"),
    [
        (("deployments.apps",), "the cluster is not listed yet (deployments)"),
        (("a.x", "pods"), "the cluster is not listed yet (pods)"),
        (("services",), ""),
    ],
)
async def test_after_a_while_only_what_no_target_can_do_without_is_lacking(
    pending: tuple[str, ...], words: str
) -> None:
    deliveries = Deliveries()
    deliveries.deliver(snapshot(*pending))
    assert await deliveries.waiting(0.0) == words
    assert lacking(snapshot(*pending)) == words


async def test_an_api_server_that_is_out_of_reach_is_not_waited_for_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan_snapshot, "GIVE_UP", 0.0)
    deliveries = Deliveries()
    deliveries.deliver(snapshot("pods", health=Health.DOWN))
    async with asyncio.timeout(PATIENCE / 2):
        assert "not listed yet" in await deliveries.waiting(PATIENCE * 10)


async def test_nothing_at_all_is_no_ground_either() -> None:
    assert await wait_until_known(lambda: None, asyncio.Event(), 0.0) == "nothing is known about this cluster yet"


async def test_time_in_which_the_process_was_not_let_on_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty actions at once on two cores: each sees minutes go by between its turns."""
    clock = iter(range(0, 100_000, 60))
    monkeypatch.setattr(plan_snapshot, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    deliveries = Deliveries()
    task = deliveries.waiting(4.0)
    for _ in range(3):
        deliveries.deliver(snapshot("pods"))
        await settled(task)
    deliveries.deliver(snapshot())
    assert await task == ""


async def test_a_list_that_gets_on_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each check is a second later; one more resource is listed every three, and the wait for each is at most four."""
    clock = itertools.count()
    monkeypatch.setattr(plan_snapshot, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    deliveries = Deliveries()
    deliveries.deliver(snapshot("pods", "nodes", "deployments.apps", "services"))
    task = deliveries.waiting(4.0)
    for pending in (("pods", "nodes", "deployments.apps"), ("pods", "nodes"), ("pods",)):
        for _ in range(3):
            deliveries.deliver(snapshot(*pending))
            await settled(task)
    deliveries.deliver(snapshot())
    assert await task == ""


async def test_a_list_that_stands_still_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count()
    monkeypatch.setattr(plan_snapshot, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    deliveries = Deliveries()
    task = deliveries.waiting(4.0)
    for _ in range(8):
        deliveries.deliver(snapshot("pods", "nodes"))
        for _ in range(5):
            await asyncio.sleep(0)
    assert task.done()
    assert "not listed yet (nodes, pods)" in await task
