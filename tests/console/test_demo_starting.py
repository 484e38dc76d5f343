"""The console opens while a simulated fleet is still starting, and reports a failed start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.config.settings import ClusterSettings, Settings
from console.wiring.demo import DemoError, starting
from console.wiring.session import session_of
from fleet.model.snapshot import Health, Snapshot
from tests.console.terminal import Terminal, terminal
from tests.waiting import PATIENCE, block_until


@contextmanager
def console(folder: Path, then: str) -> Iterator[Terminal]:
    """``quarterdeck demo``, whose child waits for ``folder/go`` and then does this."""
    child = folder / "child"
    child.write_text(f"#!/bin/sh\necho $$ > {folder}/pid\nwhile [ ! -e {folder}/go ]; do sleep 0.05; done\n{then}\n")
    child.chmod(0o700)
    code = f"import sys, console.main as main\nsys.executable = {str(child)!r}\nsys.exit(main.main(['demo']))"
    with terminal("-c", code, TMPDIR=str(folder), XDG_STATE_HOME=str(folder)) as term:
        yield term


def looking(text: str) -> bool:
    return "connecting to the fleet" in text


@pytest.mark.parametrize("code", [1, 2])
def test_what_the_child_fails_with_is_on_the_screen_and_its_exit_code_stays(tmp_path: Path, code: int) -> None:
    with console(tmp_path, f"echo 'simulator: cannot serve: no room' >&2; exit {code}") as term:
        term.until(looking)
        (tmp_path / "go").touch()
        term.until(lambda text: "did not start: cannot serve: no room → Quit, and" in " ".join(text.split()))
        term.type(b"\x03")
        assert term.end() == code
        assert b"quarterdeck: the simulated fleet did not start: cannot serve: no room" in term.raw
        assert b"Traceback" not in term.raw
    assert not list(tmp_path.rglob("crash-*"))


def test_who_leaves_while_it_starts_waits_for_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    with console(tmp_path, "") as term:
        term.until(looking)
        assert list(tmp_path.glob("quarterdeck-demo-*"))
        term.type(b"\x03")
        assert term.end() == 0
    pid = (tmp_path / "pid").read_text().strip()
    block_until(lambda: not Path(f"/proc/{pid}").exists())
    assert not list(tmp_path.glob("quarterdeck-demo-*"))


def test_flags_that_the_fleet_does_not_take_open_no_screen() -> None:
    with starting(["--pods", "0"]) as fleet:
        with pytest.raises(DemoError, match="--pods") as caught:
            fleet.wait()
        assert caught.value.usage
        with pytest.raises(DemoError, match="--pods"):
            fleet.check()


async def test_what_starts_is_waited_for_without_holding_up_the_loop() -> None:
    with starting(["--pods", "1"]) as fleet:
        fleet.check()
        turns = 0
        waiting = asyncio.create_task(fleet.ready())
        while not waiting.done():
            await asyncio.sleep(0)
            turns += 1
        simulation = await waiting
        assert turns > 1
        assert simulation.kubeconfig == fleet.kubeconfig
        assert await fleet.ready() is fleet.wait() is simulation
        folder = fleet.folder
    assert not folder.exists()


async def test_a_session_connects_once_the_fleet_is_there() -> None:
    with starting(["--pods", "2"]) as fleet:
        session = session_of(Settings(cluster=ClusterSettings(kubeconfig=str(fleet.kubeconfig))), fleet=fleet)
        seen, deliver = _snapshots()
        session.start(deliver)
        try:
            async with asyncio.timeout(PATIENCE):
                snapshot = await seen.get()
                assert [status.problem for status in snapshot.sources if status.health is Health.DOWN] == []
                while not snapshot.pods:
                    snapshot = await seen.get()
        finally:
            await session.close()
        assert snapshot.cluster.context == session.context == "demo"


async def test_this_machine_can_be_looked_at_where_the_fleet_did_not_start() -> None:
    with starting(["--pods", "0"]) as fleet:
        session = session_of(Settings(cluster=ClusterSettings(kubeconfig=str(fleet.kubeconfig))), fleet=fleet)
        seen, deliver = _snapshots()
        session.start(deliver)
        try:
            async with asyncio.timeout(PATIENCE):
                problem = (await seen.get()).sources[0]
                assert "did not start" in problem.problem
                assert problem.remedy == "Quit, and correct the command line."
                await session.switch(context="local")
                while (await seen.get()).cluster.context != "local":
                    continue
        finally:
            await session.close()


def _snapshots() -> tuple[asyncio.Queue[Snapshot], Callable[[Snapshot], None]]:
    loop, seen = asyncio.get_running_loop(), asyncio.Queue[Snapshot]()

    def deliver(snapshot: Snapshot) -> None:
        loop.call_soon_threadsafe(seen.put_nowait, snapshot)

    return seen, deliver
