"""Keys and Snapshots that come while the screens are still being imported: kept, in their order; the newest counts."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from console.commands.command import ScreenId
from console.config.options import Options
from fleet.imports import IMPORTING
from tests.console.screens.desk import CountedApp, Desk, fleet
from tests.console.screens.scripted import ScriptedSession
from tests.waiting import until
from themes.look import Look, use


@asynccontextmanager
async def importing() -> AsyncIterator[tuple[Desk, threading.Event]]:
    """A console whose screens are imported once the event is set."""
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        with IMPORTING:
            held.set()
            go.wait()

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    use(Look())
    session = ScriptedSession()
    app = CountedApp(session, Options())
    try:
        async with app.run_test(size=(120, 40), headless=False) as pilot:
            d = Desk(app, pilot, session)
            await until(lambda: session.deliver is not None)
            assert app.desk is None
            yield d, go
            go.set()
    finally:
        go.set()
        other.join()


async def test_keys_typed_before_the_first_screen_do_what_they_do_on_it_in_their_order() -> None:
    async with importing() as (d, go):
        for key in (":", *"nodes", "enter"):
            d.app.simulate_key({":": "colon"}.get(key, key))
        go.set()
        await d.until(lambda: d.app.desk is not None and d.screen.where is ScreenId.NODES)


async def test_the_newest_snapshot_of_before_the_first_screen_is_on_it() -> None:
    async with importing() as (d, go):
        assert d.session.deliver is not None
        d.session.deliver(fleet(sequence=1, pods={}))
        d.session.deliver(fleet(sequence=2))
        go.set()
        await d.until(lambda: d.app.desk is not None and d.desk.snapshot is not None)
        assert d.desk.snapshot is not None
        assert d.desk.snapshot.sequence == 2
        await d.settle()
        assert d.grid.cursor is not None


async def test_the_keys_that_leave_need_no_screen() -> None:
    async with importing() as (d, _):
        d.app.simulate_key("ctrl+c")
        # Not the pilot: it waits for a screen to be idle that waits for the import.
        await until(lambda: d.app._exit)
    assert d.session.closed
