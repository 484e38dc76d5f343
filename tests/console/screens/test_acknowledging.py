"""An incident is acknowledged with a note: by one key, seen by everybody, and refused where it is read-only."""

from __future__ import annotations

from dataclasses import replace

from actions.kinds.ack import Acknowledge
from actions.running.progress import Outcome, Result
from actions.running.runner import NOT_ASKED
from console.config.options import Options
from console.views.fleet_order import FleetOrder
from console.views.summary import worst_workloads
from fleet.model.finding import Acknowledged
from fleet.model.snapshot import Snapshot
from tests.console.screens.desk import SIZES, desk
from tests.fleet.diagnosis.fleets import CHAT, STUCK, Fleet


def known_by_mia(snapshot: Snapshot, worse: str = "") -> Snapshot:
    """The same, with its incident of the replica that hangs acknowledged four minutes ago."""
    by = Acknowledged("mia@corp", snapshot.at - 240, "draining n1", worse)
    return replace(
        snapshot,
        incidents=tuple(
            replace(one, acknowledged=by) if one.root.cause == "engine-stuck" else one for one in snapshot.incidents
        ),
    )


def stuck() -> Snapshot:
    fleet = Fleet(4)
    fleet.engines["chat-3"] = STUCK
    fleet.at(0)
    return fleet.at(70)


@SIZES
async def test_an_incident_is_acknowledged_by_one_key_and_a_note(size: tuple[int, int]) -> None:
    async with desk(stuck(), size=size) as d:
        await d.press("f")
        assert "a acknowledge" in d.lines[-1]
        await d.press("a")
        assert "serving/chat-3, a note:" in d.line_with("a note:")
        await d.type("draining n1")
        await d.press("enter")
        planned, started = d.session.acts.asked[-2:]
        assert planned == ("plan", Acknowledge(planned[1].target, "draining n1"))  # type: ignore[attr-defined]
        assert planned[1].target.uid == "engine-stuck@serving/chat-3"
        assert started[2:] == ("draining n1", NOT_ASKED)
        assert d.screen.where == "incidents", "nothing is sent, so no plan is shown"


async def test_once_it_is_written_it_is_read_again_at_once() -> None:
    async with desk(stuck()) as d:
        await d.press("f", "enter", "a", "enter")
        run = d.session.acts.action_runs[0]
        before = d.session.asked.count(("refresh",))
        d.session.acts.come_on(
            run.id, outcome=Outcome(Result.CONVERGED, "everybody who may read this audit log sees it")
        )
        await d.until(lambda: d.session.asked.count(("refresh",)) == before + 1)
        assert "everybody who may read this audit log sees it" in d.text


async def test_escape_writes_nothing_and_a_minus_takes_it_back() -> None:
    async with desk(known_by_mia(stuck())) as d:
        await d.press("f", "enter", "a", "escape")
        assert d.session.acts.asked == []
        await d.press("a")
        assert "acknowledged by mia@corp 4m ago: draining n1; - withdraws it:" in d.text
        await d.press("minus", "enter")
        request = d.session.acts.asked[-2][1]
        assert isinstance(request, Acknowledge)
        assert (request.note, request.off) == ("", True)
        await d.command("ack back in ten minutes")
        request = d.session.acts.asked[-2][1]
        assert isinstance(request, Acknowledge)
        assert (request.note, request.off) == ("back in ten minutes", False)


async def test_in_read_only_mode_it_is_refused_with_the_reason() -> None:
    async with desk(stuck(), options=Options(read_only=True)) as d:
        await d.press("f")
        assert "acknowledge" not in d.lines[-1]
        await d.press("a")
        assert d.screen.message_text == "Acknowledge the incident: not in read-only mode"
        await d.command("ack I know")
        assert d.screen.message_text == "Acknowledge the incident: not in read-only mode"
        assert d.session.acted == 0


@SIZES
async def test_everybody_sees_who_knows_of_it_and_what_they_wrote(size: tuple[int, int]) -> None:
    async with desk(known_by_mia(stuck()), size=size) as d:
        first = d.lines[1]
        assert "llama: stuck: requests running, no tokens  acknowledged by mia@corp" in first
        await d.press("f")
        assert "KNOWN TO" in d.text
        assert "stuck: requests running, no" in d.line_with("serving/chat-3")
        assert "mia@corp 4m" in d.line_with("serving/chat-3")
        await d.press("enter")
        assert "acknowledged by mia@corp 4m ago: draining n1" in d.text
        await d.deliver(known_by_mia(stuck(), worse="3 replicas now, 1 then"))
        assert "worse since: 3 replicas now, 1 then" in " ".join(d.text.split())
        await d.press("escape", "escape")
        assert "acknowledged" not in d.lines[1], "it calls again"


async def test_the_first_line_and_the_first_row_are_of_the_workload_that_nobody_knows_of() -> None:
    snapshot = known_by_mia(stuck())
    chat = snapshot.workloads[CHAT]
    other = "serving/Deployment/other"
    twin = replace(
        snapshot,
        workloads={CHAT: chat, other: replace(chat, name="other", uid="uid-other")},
        model_of={CHAT: snapshot.model_of[CHAT], other: snapshot.model_of[CHAT]},
        assessments={**snapshot.assessments, other: snapshot.assessments[CHAT]},
    )
    assert worst_workloads(twin) == [other, CHAT]
    assert list(FleetOrder().workloads(twin, (CHAT, other))) == [other, CHAT]
    again = replace(twin, incidents=known_by_mia(stuck(), worse="more").incidents)
    assert worst_workloads(again) == [CHAT, other]


async def test_where_there_is_hardly_room_a_row_still_says_where_and_what() -> None:
    for snapshot in (stuck(), known_by_mia(stuck())):
        async with desk(snapshot, size=(40, 10)) as d:
            await d.press("f")
            assert "stuck: requests" in d.line_with("chat-3")
