"""The real session on the simulated fleet, as the screens use it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from console.config.settings import ClusterSettings, RecorderSettings, Settings
from console.session.cluster_session import ObservingSession
from console.session.failure import SessionError
from console.wiring.replay import kept_file
from console.wiring.session import session_of
from fleet.model.curve import CurveQuestion, Series, TimeRange
from fleet.model.quantity import Quantity
from fleet.model.snapshot import RECORDER, Snapshot
from fleet.recorder.reader import Recording
from fleet.snapshot.history import HistoryView
from tests.simulator.api_process import Process, simulator
from tests.waiting import PATIENCE


@asynccontextmanager
async def observed(*arguments: str) -> AsyncIterator[tuple[ObservingSession, Snapshot]]:
    """A session on a small fleet, and the first Snapshot with pods in it."""
    with simulator("--pods", "4", "--seed", "7", *arguments) as fleet:
        session = session_of(Settings(cluster=ClusterSettings(kubeconfig=str(fleet.kubeconfig))))
        here, seen = asyncio.get_running_loop(), asyncio.Queue[Snapshot]()

        def deliver(snapshot: Snapshot) -> None:
            here.call_soon_threadsafe(seen.put_nowait, snapshot)

        session.start(deliver)
        try:
            async with asyncio.timeout(PATIENCE):
                snapshot = await seen.get()
                while not snapshot.pods:
                    snapshot = await seen.get()
            yield session, snapshot
        finally:
            await session.close()


async def test_log_lines_come_with_the_time_at_which_they_were_written_and_without_its_text() -> None:
    async with observed() as (session, snapshot):
        pod = next(pod for pod in snapshot.pods.values() if pod.ready and pod.gpus)
        name = pod.containers[0].name
        stream = session.logs(
            snapshot.ref("Pod", pod.namespace, pod.name), name, follow=False, previous=False, tail=20, since=0
        )
        lines = [line async for line in stream]
        assert lines
        times = [line.at for line in lines if line.at is not None]
        assert len(times) == len(lines)
        assert times == sorted(times)
        assert not any("T" in line.text[:20] and line.text[:20].endswith("Z") for line in lines)
        recent = session.logs(
            snapshot.ref("Pod", pod.namespace, pod.name), name, follow=False, previous=False, tail=20, since=1
        )
        assert [line for line in [line async for line in recent] if line.at is None or line.at < snapshot.at - 1] == []


async def test_a_log_that_is_not_there_says_so() -> None:
    async with observed() as (session, snapshot):
        pod = next(pod for pod in snapshot.pods.values() if pod.ready and not pod.restarts)
        stream = session.logs(
            snapshot.ref("Pod", pod.namespace, pod.name),
            pod.containers[0].name,
            follow=False,
            previous=True,
            tail=20,
            since=0,
        )
        with pytest.raises(SessionError, match="previous terminated container"):
            _ = [line async for line in stream]


@asynccontextmanager
async def delivered(*arguments: str) -> AsyncIterator[tuple[ObservingSession, asyncio.Queue[Snapshot]]]:
    """A session on the fleet, and its Snapshots as they come."""
    with simulator("--seed", "7", *arguments) as fleet:
        session = session_of(Settings(cluster=ClusterSettings(kubeconfig=str(fleet.kubeconfig))))
        here, seen = asyncio.get_running_loop(), asyncio.Queue[Snapshot]()

        def deliver(snapshot: Snapshot) -> None:
            here.call_soon_threadsafe(seen.put_nowait, snapshot)

        session.start(deliver)
        try:
            yield session, seen
        finally:
            await session.close()


async def next_where(seen: asyncio.Queue[Snapshot], true: Callable[[Snapshot], bool]) -> Snapshot:
    """The next Snapshot of which something is true."""
    async with asyncio.timeout(PATIENCE):
        while not true(snapshot := await seen.get()):
            pass
    return snapshot


async def test_a_namespace_switch_changes_what_is_shown_and_nothing_of_what_is_known() -> None:
    async with delivered() as (session, seen):
        first = await next_where(seen, lambda s: s.coverage.knows_all("pods") and len(s.gpus) > 0)
        await session.switch(namespace="batch")
        batch = await next_where(seen, lambda s: s.cluster.namespace == "batch")
        assert {pod.namespace for pod in batch.pods.values()} == {"batch"}
        assert batch.sequence > first.sequence, "the same observer goes on"
        assert batch.everything.pods == first.pods
        assert batch.free_gpus == first.free_gpus
        assert len(batch.gpus) == len(first.gpus)
        assert batch.measured_at is not None
        await session.switch(namespace="")
        back = await next_where(seen, lambda s: s.cluster.namespace == "")
        assert set(back.pods) == set(first.pods)
        workload = next(key for key in first.model_of if first.model_of[key].startswith("serving/"))
        before = first.history.strip(workload, Quantity.RUNNING, 60)
        assert len(back.history.strip(workload, Quantity.RUNNING, 60)) >= len(before) > 0


async def test_the_history_of_a_cluster_is_there_again_when_one_comes_back_to_it() -> None:
    async with delivered("--pods", "4") as (session, seen):

        async def of(context: str) -> Snapshot:
            async with asyncio.timeout(PATIENCE):
                while True:
                    snapshot = await seen.get()
                    if snapshot.cluster.context == context and snapshot.pods:
                        return snapshot

        before = await of("demo")
        await session.switch(context="demo-oncall")
        other = await of("demo-oncall")
        await session.switch(context="demo")
        after = await of("demo")
    assert isinstance(before.history, HistoryView)
    assert isinstance(after.history, HistoryView)
    assert isinstance(other.history, HistoryView)
    assert after.history.history is before.history.history
    # As another user it may be another part of the cluster.
    assert other.history.history is not before.history.history


async def kept_of(fleet: Process, folder: Path, settings: Settings, done: Callable[[Snapshot], bool]) -> None:
    """Observe the fleet until ``done`` returns True for a Snapshot."""
    session = session_of(settings, environ={"HOME": str(folder)})
    here, seen = asyncio.get_running_loop(), asyncio.Queue[Snapshot]()

    def deliver(snapshot: Snapshot) -> None:
        here.call_soon_threadsafe(seen.put_nowait, snapshot)

    session.start(deliver)
    try:
        async with asyncio.timeout(PATIENCE):
            while not done(await seen.get()):
                pass
    finally:
        await session.close()


async def test_what_is_seen_is_kept_from_the_first_numbers_on_and_can_be_played(tmp_path: Path) -> None:
    with simulator("--pods", "4", "--seed", "7") as fleet:
        cluster = ClusterSettings(kubeconfig=str(fleet.kubeconfig))
        read_only = Settings(read_only=True, cluster=cluster)
        await kept_of(fleet, tmp_path, read_only, lambda snapshot: snapshot.source(RECORDER) is not None)
        (file,) = (tmp_path / ".local" / "state" / "quarterdeck" / "recordings").glob("*.qdr")
        assert kept_file(read_only, {"HOME": str(tmp_path)}) == file
        with Recording(file) as recording:
            moment = recording.at(recording.last)
        assert moment.state.pods
        assert moment.measurement is not None
    # Nothing is written anywhere else, in read-only mode neither.
    assert names_under(tmp_path) == {".local", "state", "quarterdeck", "recordings", file.name, f"{file.stem}.lock"}


def names_under(folder: Path) -> set[str]:
    return {entry.name for entry in folder.rglob("*")}


async def test_nothing_is_kept_where_that_is_set(tmp_path: Path) -> None:
    with simulator("--pods", "4", "--seed", "7") as fleet:
        cluster = ClusterSettings(kubeconfig=str(fleet.kubeconfig))
        off = Settings(cluster=cluster, recorder=RecorderSettings(enabled=False))
        await kept_of(fleet, tmp_path, off, lambda snapshot: snapshot.measured_at is not None and snapshot.sequence > 4)
        assert not (tmp_path / ".local").exists()


async def test_where_no_metrics_store_answers_what_was_kept_is_plotted() -> None:
    async with delivered("--pods", "4") as (session, seen):
        snapshot = await next_where(seen, lambda s: s.measured_at is not None and bool(s.by_pod.keys))
        key = next(iter(snapshot.by_pod.keys))
        curve = None
        async with asyncio.timeout(PATIENCE):
            while curve is None:
                snapshot = await seen.get()
                moments = TimeRange(snapshot.at, 15.0, 20)
                with suppress(SessionError):
                    curve = await session.curve(CurveQuestion(Quantity.RUNNING, Series(), moments, 60.0, key=key))
        assert curve.is_recorded
        assert any(value >= 0 for value in curve.values)
        with pytest.raises(SessionError, match="no metrics store answers here"):
            await session.curve(CurveQuestion(Quantity.RUNNING, Series(), moments.before(86_400.0), 60.0, key=key))
