"""``[`` and ``]``: from change to change into the past, and back to now."""

from __future__ import annotations

from dataclasses import replace

from console.commands.command import ScreenId
from console.session.failure import SessionError
from fleet.model.in_past import PAST
from fleet.model.snapshot import Health, Snapshot, SourceStatus
from fleet.timeline.kinship import Kinship
from fleet.timeline.timeline import Timeline
from fleet.timeline.turning_points import SEEN_BY
from tests.console.screens.desk import Desk, desk
from tests.console.screens.scripted import ScriptedSession
from tests.fleet.timeline.test_turning_points import change
from tests.fleets import make_snapshot


def _past(now: Snapshot, at: float) -> Snapshot:
    """Return the recorded Snapshot of a moment, seen some seconds before it."""
    return replace(now, at=at - 4, sources=(*now.sources, SourceStatus(PAST, Health.OFF, at)))


def _travelled(d: Desk) -> list[object]:
    return [asked[1] for asked in d.session.asked if asked[0] == "travel"]


async def test_each_step_leads_to_the_change_before_or_after_and_at_last_to_now() -> None:
    now = replace(make_snapshot(), incidents=())
    first, second = now.at - 3000, now.at - 600
    happened = (change(first, "image v1 → v2"), change(second, "replicas 3 → 5"))
    session = ScriptedSession()
    session.happened = Timeline(now.at - 86400, now.at, happened, Kinship())
    async with desk(now, session=session) as d:
        await d.press("right_square_bracket")
        assert "this is now; [ goes to the change before" in d.screen.message_text
        await d.press("left_square_bracket")
        assert _travelled(d) == [second + SEEN_BY]
        assert "replicas 3 → 5" in d.screen.message_text
        await d.deliver(_past(now, second + SEEN_BY))
        await d.press("left_square_bracket")
        assert _travelled(d)[1:] == [first + SEEN_BY]
        assert "image v1 → v2" in d.screen.message_text
        await d.deliver(_past(now, first + SEEN_BY))
        await d.press("left_square_bracket")
        assert "no earlier change is known" in d.screen.message_text
        await d.press("right_square_bracket")
        assert _travelled(d)[2:] == [second + SEEN_BY]
        await d.deliver(_past(now, second + SEEN_BY))
        await d.press("right_square_bracket")
        assert _travelled(d)[3:] == [None]
        assert sum(asked[0] == "timeline" for asked in d.session.asked) == 1, "it is read once, from now"
        assert d.screen.where is ScreenId.FLEET


async def test_why_there_is_no_step_is_said() -> None:
    now = replace(make_snapshot(), incidents=())
    session = ScriptedSession()
    session.happened = Timeline(now.at - 86400, now.at, (change(now.at - 5, "just now"),), Kinship())
    async with desk(now, session=session) as d:
        await d.press("left_square_bracket")
        assert "no earlier change is known; shift-l lists what happened" in d.screen.message_text
        assert not _travelled(d), "what has just happened is in view"
        d.session.fails = SessionError("the API server does not answer")
        await d.press("left_square_bracket")
        assert "the API server does not answer" in d.screen.message_text
