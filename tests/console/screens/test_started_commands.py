"""A started command: one that makes something is finished, one that leads elsewhere makes way, and is named."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from console.commands.command import ScreenId
from console.commands.table import TABLE
from console.config.options import Options
from fleet.model.listing import Listing
from fleet.model.objects import ClusterId, ObjectRef
from fleet.timeline.timeline import Timeline
from tests.console.screens.desk import desk
from tests.console.screens.scripted import ScriptedSession
from tests.console.screens.test_incidents import two
from tests.console.screens.test_listings import SERVICES


@dataclass
class SlowSession(ScriptedSession):
    """The past, and services, are answered only when the test says so."""

    answers: asyncio.Event = field(default_factory=asyncio.Event)

    async def timeline(self, of: ObjectRef | ClusterId, since: float) -> Timeline:
        await self.answers.wait()
        return await super().timeline(of, since)

    async def listing(self, cluster: ClusterId, name: str, namespace: str) -> Listing:
        if name == "svc":
            await self.answers.wait()
        return await super().listing(cluster, name, namespace)


def _listing() -> SlowSession:
    return SlowSession(listings={"svc": SERVICES, "nodes.v1": SERVICES})


async def test_a_ticket_is_finished_whatever_is_started_meanwhile(tmp_path: Path) -> None:
    session = _listing()
    async with desk(two(), session=session, options=Options(state=tmp_path)) as d:
        await d.press("exclamation_mark")
        await d.until(lambda: d.screen.message_text == "writing the ticket …")
        await d.command("get nodes.v1")
        await d.until(lambda: d.screen.where is ScreenId.LISTING)
        session.answers.set()
        await d.until(lambda: d.screen.message_text.startswith("ticket: "))
        assert len([*(tmp_path / "saved").glob("ticket-*.md")]) == 1


async def test_a_list_that_is_waited_for_does_not_stop_for_a_ticket(tmp_path: Path) -> None:
    session = _listing()
    async with desk(two(), session=session, options=Options(state=tmp_path)) as d:
        await d.command("svc")
        await d.press("exclamation_mark")
        session.answers.set()
        await d.until(lambda: d.screen.where is ScreenId.LISTING)
        await d.until(lambda: bool([*(tmp_path / "saved").glob("ticket-*.md")]))


async def test_what_is_no_longer_waited_for_is_named() -> None:
    async with desk(two(), session=_listing()) as d:
        await d.command("svc")
        await d.command("get nodes.v1")
        await d.until(lambda: d.screen.where is ScreenId.LISTING)
        await d.until(lambda: d.screen.message_text == "no longer waiting for “:svc”")


def test_what_makes_or_records_something_is_finished() -> None:
    assert {command.id for command in TABLE if command.finishes} == {"open.ticket", "act.ack"}
