"""The real session where something is missing, half-written, silent, or broken by a bug of ours."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from actions.request import Target
from console.config.settings import ClusterSettings, PrometheusSettings, Settings
from console.session import thread
from console.session.failure import SessionError
from console.wiring import sources
from console.wiring.session import session_of
from fleet.model.snapshot import Health, Snapshot, SourceStatus
from tests.waiting import PATIENCE

KUBECONFIG = """
current-context: here
contexts: [{name: here, context: {cluster: c, user: u}}, {name: there, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:%d"}}]
users: [{name: u, user: {token: t}}]
"""


class Watcher:
    """A session and its output."""

    def __init__(self, settings: Settings) -> None:
        self.session = session_of(settings)
        self.last: Snapshot | None = None
        self._here = asyncio.get_running_loop()
        self._news = asyncio.Event()

    def start(self) -> None:
        self.session.start(self._deliver)

    def _deliver(self, snapshot: Snapshot) -> None:
        self._here.call_soon_threadsafe(self._take, snapshot)

    def _take(self, snapshot: Snapshot) -> None:
        self.last = snapshot
        self._news.set()

    async def until(self, condition: Callable[[Snapshot], object]) -> Snapshot:
        """The first Snapshot from now on of which it holds."""
        async with asyncio.timeout(PATIENCE):
            while self.last is None or not condition(self.last):
                self._news.clear()
                await self._news.wait()
        return self.last


@asynccontextmanager
async def watching(kubeconfig: Path, **more: object) -> AsyncIterator[Watcher]:
    settings = Settings(cluster=ClusterSettings(kubeconfig=str(kubeconfig)), **more)  # type: ignore[arg-type]
    watcher = Watcher(settings)
    watcher.start()
    try:
        yield watcher
    finally:
        await watcher.session.close()


@asynccontextmanager
async def silence() -> AsyncIterator[int]:
    """A port that takes connections and never answers; its number."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield int(listener.getsockname()[1])


def of(snapshot: Snapshot, name: str) -> SourceStatus:
    found = snapshot.source(name)
    assert found is not None
    return found


async def test_a_kubeconfig_that_is_half_written_is_said_and_read_again(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("apiVersion: v1\nclusters:\n- cluster:\n    server: https://exam", encoding="utf-8")
    async with silence() as port, watching(config) as watcher:
        status = of(await watcher.until(lambda snapshot: snapshot.sources), "kubernetes")
        assert status.health is Health.DOWN
        assert str(config) in status.problem
        assert watcher.session.contexts() == ("local",)
        config.write_text(KUBECONFIG % port, encoding="utf-8")
        snapshot = await watcher.until(lambda snapshot: snapshot.cluster.server)
        assert snapshot.cluster.context == "here"
        assert watcher.session.contexts() == ("here", "there", "local")


async def test_a_kubeconfig_that_comes_later_is_found(tmp_path: Path) -> None:
    config = tmp_path / "config"
    async with silence() as port, watching(config) as watcher:
        status = of(await watcher.until(lambda snapshot: snapshot.sources), "kubernetes")
        assert "does not exist" in status.problem
        config.write_text(KUBECONFIG % port, encoding="utf-8")
        await watcher.until(lambda snapshot: snapshot.cluster.server)


async def test_leaving_does_not_wait_for_sources_that_hang(tmp_path: Path) -> None:
    config = tmp_path / "config"
    async with silence() as port:
        config.write_text(KUBECONFIG % port, encoding="utf-8")
        prometheus = PrometheusSettings(url=f"http://127.0.0.1:{port}", timeout=2 * thread.STOPPING)
        async with watching(config, prometheus=prometheus) as watcher:
            await watcher.until(lambda snapshot: snapshot.sources)
            began = time.monotonic()
        assert time.monotonic() - began < thread.STOPPING


async def test_switches_that_follow_each_other_at_once_leave_the_last_one(tmp_path: Path) -> None:
    config = tmp_path / "config"
    async with silence() as port:
        config.write_text(KUBECONFIG % port, encoding="utf-8")
        async with watching(config) as watcher:
            await watcher.until(lambda snapshot: snapshot.sources)
            session = watcher.session
            await asyncio.gather(*(session.switch(context=name, namespace="ns") for name in ("there", "here", "there")))
            assert (session.context, session.namespace) == ("there", "ns")
            watcher.last = None
            seen = {(await watcher.until(lambda snapshot: snapshot.sources)).cluster.context}
            for _ in range(3):
                watcher.last = None
                session.refresh()
                seen.add((await watcher.until(lambda snapshot: snapshot.sources)).cluster.context)
            assert seen == {"there"}


async def test_what_was_seen_in_another_context_is_not_read_in_this_one(tmp_path: Path) -> None:
    config = tmp_path / "config"
    async with silence() as port:
        config.write_text(KUBECONFIG % port, encoding="utf-8")
        async with watching(config) as watcher:
            seen = (await watcher.until(lambda snapshot: snapshot.sources)).ref("Pod", "serving", "chat-0")
            session = watcher.session
            await session.switch(context="there" if seen.cluster.context != "there" else "here")
            # The server would never answer.
            refused = f"it is for {seen.cluster}, and this is {session.context} at "
            for read in (session.describe, session.yaml):
                with pytest.raises(SessionError, match=refused):
                    await read(seen)
            lines = session.logs(seen, "vllm", follow=True, previous=False, tail=20, since=0)
            with pytest.raises(SessionError, match=refused):
                _ = [line async for line in lines]
            actions = session.actions(lambda _: None)
            with pytest.raises(SessionError, match=refused):
                await actions.revisions(Target("Deployment", "serving", "chat", cluster=seen.cluster))


async def test_a_bug_in_putting_the_sources_together_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("in a test")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(sources, "observer", broken)
    async with watching(tmp_path / "config") as watcher:
        status = of(await watcher.until(lambda snapshot: snapshot.sources), "console")
        assert status.health is Health.DOWN
        assert "ZeroDivisionError" in status.problem
        assert str(tmp_path) in status.remedy
