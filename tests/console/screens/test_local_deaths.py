"""Deaths of servers are reported on whatever screen is in front; and the watcher that finds them."""

from __future__ import annotations

from pathlib import Path

from actions.kinds.local_down import LocalDown
from console.commands.command import ScreenId
from console.config.options import Options
from fleet.local.server import Phase
from tests.console.screens.desk import desk
from tests.console.screens.local_session import session, target
from tests.console.screens.scripted import make_plan, make_server
from tests.fleets import make_snapshot


async def test_a_server_that_dies_is_told_of_on_whatever_screen_is_in_front() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        await d.press("m", "escape", "o")
        d.session.here.looked()
        await d.settle()
        assert d.screen.message_text == ""
        d.session.here.come(make_server("tiny", Phase.DEAD))
        await d.until(lambda: d.screen.message_text == "tiny died: it ran out of GPU memory; :local shows it")
        assert d.screen.where is ScreenId.NODES
        d.screen.say("")
        d.session.here.come(make_server("tiny", Phase.DEAD), make_server("new"))
        await d.settle()
        assert d.screen.message_text == ""


async def test_a_server_that_died_meanwhile_is_told_of_once() -> None:
    async with desk(make_snapshot(), session=session("bad")) as d:
        await d.press("m", "escape")
        d.session.here.looked()
        await d.until(lambda: "bad died meanwhile: it ran out of GPU memory" in d.screen.message_text)
        d.screen.say("")
        d.session.here.looked()
        await d.settle()
        assert d.screen.message_text == ""


async def test_a_server_that_is_taken_down_is_not_told_of_as_dead() -> None:
    async with desk(make_snapshot(), session=session("tiny")) as d:
        await d.press("m", "escape")
        d.session.here.looked()
        assert d.desk.actions.service is not None
        await d.desk.actions.service.start(make_plan(LocalDown(target("tiny"))), "", "Apply")
        d.session.here.come(make_server("tiny", Phase.DEAD))
        await d.settle()
        assert d.screen.message_text == ""


async def test_a_console_that_starts_looks_at_servers_where_there_are_any(tmp_path: Path) -> None:
    """Nothing is imported and nothing is polled if there are no servers."""
    async with desk(make_snapshot(), session=session("bad"), options=Options(servers=tmp_path)) as d:
        assert ("local_servers",) not in d.session.here.asked
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "record.json").touch()
    async with desk(make_snapshot(), session=session("bad"), options=Options(servers=tmp_path)) as d:
        assert d.session.here.asked.count(("local_servers",)) == 1
        d.session.here.looked()
        await d.until(lambda: "bad died meanwhile: it ran out of GPU memory" in d.screen.message_text)
