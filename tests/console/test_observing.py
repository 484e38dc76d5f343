"""The real session on the simulated fleet, as the screens use it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from console.config.settings import ClusterSettings, Settings
from console.demo import simulated
from console.failure import SessionError
from console.observing import ObservingSession
from fleet.model.snapshot import Snapshot
from tests.waiting import PATIENCE


@asynccontextmanager
async def observed(*arguments: str) -> AsyncIterator[tuple[ObservingSession, Snapshot]]:
    """A session on a small fleet, and the first Snapshot with pods in it."""
    with simulated(["--pods", "4", "--seed", "7", *arguments]) as fleet:
        session = ObservingSession(Settings(cluster=ClusterSettings(kubeconfig=str(fleet.kubeconfig))))
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
        stream = session.logs(pod.namespace, pod.name, name, follow=False, previous=False, tail=20, since=0)
        lines = [line async for line in stream]
        assert lines
        times = [line.at for line in lines if line.at is not None]
        assert len(times) == len(lines)
        assert times == sorted(times)
        assert not any("T" in line.text[:20] and line.text[:20].endswith("Z") for line in lines)
        recent = session.logs(pod.namespace, pod.name, name, follow=False, previous=False, tail=20, since=1)
        assert [line for line in [line async for line in recent] if line.at is None or line.at < snapshot.at - 1] == []


async def test_a_log_that_is_not_there_says_so() -> None:
    async with observed() as (session, snapshot):
        pod = next(pod for pod in snapshot.pods.values() if pod.ready and not pod.restarts)
        stream = session.logs(
            pod.namespace, pod.name, pod.containers[0].name, follow=False, previous=True, tail=20, since=0
        )
        with pytest.raises(SessionError, match="previous terminated container"):
            _ = [line async for line in stream]
