"""Looking at the servers on this machine, for several at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from console.config.settings import Settings
from console.session.local.watcher import SharedWatcher
from fleet.local.server import ServerState
from tests.fleet.local.servers import record, state


class Slow:
    """A watcher that finds the state at the beginning of its poll, and is released by the test."""

    def __init__(self) -> None:
        self.there: tuple[ServerState, ...] = ()
        self.looks = 0
        self.go = asyncio.Event()
        self.problems: tuple[str, ...] = ()

    async def poll(self) -> tuple[ServerState, ...]:
        self.looks += 1
        found = self.there
        await self.go.wait()
        return found

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    made = Slow()
    monkeypatch.setattr("console.session.local.watcher.Watcher", lambda _: made)
    return made


def servers(folder: Path) -> SharedWatcher:
    return SharedWatcher(Settings(read_only=True), {"XDG_STATE_HOME": str(folder)})


async def test_a_look_that_began_before_a_server_was_started_is_no_answer_to_who_asks_after(
    slow: Slow, tmp_path: Path
) -> None:
    looking = servers(tmp_path)
    before = asyncio.create_task(looking.poll())
    await asyncio.sleep(0)
    slow.there = (state(record()),)
    after = asyncio.create_task(looking.poll())
    slow.go.set()
    assert (await before, [server.name for server in await after]) == ((), ["tiny"])


async def test_who_asks_while_others_wait_shares_the_next_look(slow: Slow, tmp_path: Path) -> None:
    looking = servers(tmp_path)
    asked = [asyncio.create_task(looking.poll()) for _ in range(5)]
    await asyncio.sleep(0)
    slow.go.set()
    await asyncio.gather(*asked)
    assert slow.looks == 2


async def test_who_is_content_with_what_was_seen_a_moment_ago_looks_at_nothing(slow: Slow, tmp_path: Path) -> None:
    looking = servers(tmp_path)
    slow.go.set()
    await looking.poll()
    await looking.poll(age=60.0)
    assert slow.looks == 1
    await looking.poll()
    assert slow.looks == 2
