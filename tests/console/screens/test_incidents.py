"""Incidents on the screen: the list, one incident with its evidence, and the ways from there and back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.kinds.scale import Scale
from console.views.alert_marks import board
from fleet.model.alerts import Alert, Notified
from fleet.model.facts import Dated, Facts
from fleet.model.finding import Acknowledged
from fleet.model.objects import Condition, Service
from fleet.model.routes import Backend, Route, Routing
from fleet.model.severity import Severity
from fleet.model.snapshot import Health, Snapshot, SourceStatus
from tests.console.screens.desk import SIZES, desk
from tests.fleet.diagnosis.fleets import CHAT, COOL, DEEP, STUCK, WELL, Fleet, Q, crashing
from tests.fleet.rows import NOW
from themes.glyphs import ASCII, UNICODE, Glyphs
from themes.look import Look


def two() -> Snapshot:
    """A broken GPU whose pod dies, and a replica that hangs."""
    fleet = Fleet(4)
    fleet.gpus["chat-0"] = COOL | {Q.XID: 79.0}
    fleet.of("chat-0", **crashing(NOW - 300))
    fleet.engines["chat-3"] = STUCK
    fleet.at(0)
    return fleet.at(70)


def queue(waiting: float = 70.0) -> Snapshot:
    fleet = Fleet(3)
    fleet.engines = dict.fromkeys(fleet.engines, DEEP | {Q.WAITING: waiting})
    fleet.at(0)
    return fleet.at(70)


async def test_the_first_line_of_the_fleet_names_the_cause_and_where_it_is() -> None:
    fleet = Fleet(3)
    fleet.engines = dict.fromkeys(fleet.engines, WELL | {Q.WAITING: 400.0, Q.PREEMPTIONS: 1.1})
    async with desk(fleet.at(0)) as d:
        assert "llama: preempts requests, long queue  wait 1.20k  pod chat-" in d.lines[1]
    fleet = Fleet(4)
    fleet.gpus["chat-0"] = COOL | {Q.XID: 79.0}
    fleet.of("chat-0", **crashing(NOW - 300))
    async with desk(fleet.at(0)) as d:
        assert "llama: XID 79, CrashLoopBackOff" in d.lines[1]
        assert "GPU 0 of n0" in d.lines[1]


@pytest.mark.parametrize("width", [60, 80, 100])
async def test_numbers_make_room_on_the_first_line_before_the_object_is_cut(width: int) -> None:
    fleet = Fleet(3)
    fleet.engines["chat-1"] = STUCK
    async with desk(fleet.at(0), size=(width, 24)) as d:
        line = d.lines[1].rstrip()
        assert line.endswith("chat-1") or "pod chat-1  " in line


@SIZES
async def test_how_long_it_takes_to_count_is_not_cut(size: tuple[int, int]) -> None:
    fleet = Fleet(3)
    fleet.engines["chat-1"] = WELL | {Q.PREEMPTIONS: 1.1}
    fleet.at(0)
    async with desk(fleet.at(50), size=size) as d:
        await d.press("f")
        assert "50s of 1m" in d.line_with("preempts")


@SIZES
async def test_the_list_has_each_incident_with_where_what_since_when_and_how_many(size: tuple[int, int]) -> None:
    async with desk(two(), size=size) as d:
        await d.press("f")
        stuck = d.line_with("chat-3")
        assert "stuck: requests running" in stuck
        assert "1m" in stuck
        assert "1/4" in stuck
        assert "XID 79" in d.line_with("GPU 0 of n0")
        # The pod that died of it and the missing replica have no rows of their own.
        assert not [line for line in d.lines if "CrashLoopBackOff" in line]


async def test_the_cursor_is_on_the_incident_of_what_was_under_it() -> None:
    async with desk(two()) as d:
        d.grid.move_to("serving/chat-3")
        await d.press("f", "enter")
        assert "The engine hangs" in d.text
        await d.press("escape", "escape")
        d.grid.move_to("serving/chat-0")
        await d.press("f", "enter")
        assert "The GPU has fallen off the bus" in d.text


@SIZES
async def test_one_incident_is_the_sentence_the_key_the_numbers_and_what_was_ruled_out(size: tuple[int, int]) -> None:
    async with desk(two(), size=size) as d:
        d.grid.move_to("serving/chat-3")
        await d.press("f", "enter")
        seen = d.text
        for text in ("serving/chat-3: stuck: requests running, no tokens", "The engine hangs", "1 of 4 replicas"):
            assert text in seen
        assert "tokens generated: 0 tokens/s" in seen
        assert "l " in d.line_with("read the end of its log")
        await d.press("slash")
        await d.type("ruled out")
        await d.press("enter")
        assert "RULED OUT" in d.text
        if size == (120, 40):
            assert "last XID code: 0" in d.text
            assert "GPU lost, GPU memory broken" in d.text
            assert "fallen off the bus" not in d.text, "what is ruled out must not read as a finding"
            assert "unknown: throttle reasons" in d.text


async def test_what_follows_from_the_root_is_told_below_it() -> None:
    async with desk(two(), size=(120, 60)) as d:
        d.grid.move_to("serving/chat-0")
        await d.press("f", "enter")
        assert "SYMPTOMS OF IT" in d.text
        assert "CrashLoopBackOff" in d.line_with("serving/chat-0: ")
        assert "o c" in d.line_with("keep new pods off the node")
        assert "o r" in d.line_with("move the pods, then reboot the node")


async def test_enter_leads_to_the_object_and_escape_back() -> None:
    async with desk(queue()) as d:
        await d.press("f", "enter")
        assert "serving/chat: long queue" in d.text
        await d.press("enter")
        assert d.screen.where == "detail"
        assert d.screen.subject == CHAT
        await d.press("escape")
        assert "serving/chat: long queue" in d.text
        await d.press("escape", "escape")
        assert d.screen.where == "fleet"


async def test_of_a_gpu_enter_leads_to_its_row_among_the_nodes() -> None:
    async with desk(two()) as d:
        d.grid.move_to("serving/chat-0")
        await d.press("f", "enter", "enter")
        assert d.screen.where == "nodes"
        assert d.grid.cursor == "GPU-chat-0"


async def test_what_helps_is_one_key_away_and_planned_as_everything_else() -> None:
    async with desk(queue()) as d:
        await d.press("f", "enter")
        assert "s " in d.line_with("add replicas")
        await d.press("s")
        await d.type("5")
        await d.press("enter")
        await d.until(lambda: bool(d.session.acts.asked))
        _, request = d.session.acts.asked[0]
        assert isinstance(request, Scale)
        assert (request.target.name, request.replicas) == ("chat", 5)


async def test_it_is_drawn_anew_and_says_when_it_is_over() -> None:
    fleet = Fleet(3)
    fleet.engines = dict.fromkeys(fleet.engines, DEEP)
    fleet.at(0)
    async with desk(fleet.at(70)) as d:
        await d.press("f", "enter")
        fleet.engines = dict.fromkeys(fleet.engines, DEEP | {Q.WAITING: 90.0})
        await d.deliver(fleet.at(75))
        assert "270 requests wait" in d.line_with("affects")
        fleet.engines = dict.fromkeys(fleet.engines, WELL)
        await d.deliver(fleet.at(80))
        assert "easing" in d.text
        await d.deliver(fleet.at(400))
        assert "it is over" in d.text
        await d.press("escape")
        assert "nothing is wrong" in d.text


async def test_it_is_filtered_by_words_and_by_labels() -> None:
    async with desk(two()) as d:
        await d.press("f", "slash")
        await d.type("-l severity=critical,cause=engine-stuck")
        await d.press("enter")
        assert "chat-3" in d.text
        assert "XID 79" not in d.text


@pytest.mark.parametrize("line", ["incidents"])
async def test_it_has_a_name_in_the_command_line(line: str) -> None:
    async with desk(two()) as d:
        await d.command(line)
        assert d.screen.where == "incidents"


async def test_a_name_from_outside_steers_no_terminal() -> None:
    fleet = Fleet(2)
    fleet.nodes["n0"] = fleet.nodes["n0"]
    fleet.of("chat-1", **crashing(NOW - 300) | {"status": "Crash\x1b[31mLoop", "phase": "Failed"})
    async with desk(fleet.at(0)) as d:
        await d.press("f")
        assert "\x1b" not in d.text
        await d.press("enter")
        assert "\x1b" not in d.text


def alert(name: str, **labels: str) -> Alert:
    named = {"alertname": name, "severity": "critical", "namespace": "serving"} | labels
    return Alert(named, {"summary": f"{name} is bad"}, since=NOW - 600)


def monitored(snapshot: Snapshot) -> Snapshot:
    """Add an alert about the broken GPU, and two about healthy things."""
    alerts = (alert("XidErrors", UUID="GPU-chat-0"), alert("DiskFull", node="n1"), alert("Known", silenced="x"))
    silenced = replace(alerts[2], silenced_by=("s1",))
    facts = Facts({"alertmanager": Dated(snapshot.at, Notified((*alerts[:2], silenced), ()))})
    return replace(snapshot, facts=facts)


@SIZES
async def test_an_alert_and_what_is_found_about_the_same_are_one_line(size: tuple[int, int]) -> None:
    async with desk(monitored(two()), size=size) as d:
        await d.press("f")
        if size == (120, 40):
            assert "XidErrors" in d.line_with("GPU 0 of n0")
        assert len([line for line in d.lines if "XidErrors" in line]) <= 1
        assert "alert DiskFull" in d.line_with("n1 ")
        assert "Known" not in d.text, "nobody is told of it"
        d.grid.move_to(alert_key(monitored(two()), "DiskFull"))
        await d.press("enter")
        assert "DiskFull is bad" in d.text
        await d.press("escape")
        d.grid.move_to(next(one.key for one in two().incidents if one.about == "GPU-chat-0"))
        await d.press("enter")
        assert "ALERTS ABOUT IT" in d.text or size == (80, 24)
        await d.press("slash")
        await d.type("XidErrors")
        await d.press("enter")
        assert "XidErrors is bad" in d.text


def alert_key(snapshot: Snapshot, name: str) -> str:
    alerts = board(snapshot)
    assert alerts is not None
    return next(key for key, row in alerts.rows.items() if row.merged.alert.name == name)


async def test_alerts_name_their_incident() -> None:
    async with desk(monitored(two()), size=(160, 40)) as d:
        await d.command("alerts")
        assert "XID 79" in d.line_with("XidErrors")
        assert "XID" not in d.line_with("DiskFull")
        d.grid.move_to(alert_key(monitored(two()), "XidErrors"))
        await d.press("enter")
        assert "GPU 0 of n0: XID 79" in d.line_with("incident")


async def test_alerts_that_stay_leave_the_screen_of_incidents_as_it_is() -> None:
    snapshot = monitored(two())
    async with desk(snapshot, size=(120, 40)) as d:
        await d.press("f")
        shown = d.lines
        again = Dated(snapshot.at + 1, snapshot.facts.by_source["alertmanager"].value)
        await d.deliver(replace(snapshot, at=snapshot.at + 1, facts=Facts({"alertmanager": again})))
        assert [line for line in d.lines if "DiskFull" in line] == [line for line in shown if "DiskFull" in line]


async def test_where_nothing_is_wrong_no_key_is_shown_for_opening_it() -> None:
    async with desk(Fleet(3).at(0)) as d:
        await d.press("f")
        assert "nothing is wrong" in d.text
        assert "enter open" not in d.lines[-1]
        await d.press("enter")
        assert d.screen.where == "incidents"


async def test_that_nothing_is_wrong_is_said_only_where_all_were_looked_at() -> None:
    snapshot = Fleet(3).at(0)
    async with desk(snapshot) as d:
        await d.press("f", "slash")
        await d.type("nosuch")
        await d.press("enter")
        assert "no incident matches" in d.text
        assert "nothing is wrong" not in d.text
    silent = replace(snapshot, sources=(*snapshot.sources, SourceStatus("prometheus", Health.DOWN, since=NOW)))
    async with desk(silent) as d:
        await d.press("f")
        assert "not heard from prometheus" in d.text
        assert "nothing is wrong" not in d.text


async def test_a_row_and_the_first_line_say_the_same_of_an_incident() -> None:
    fleet = Fleet(replicas=2)
    fleet.nodes["n0"] = replace(fleet.nodes["n0"], ready="False")
    fleet.of("chat-0", **crashing(NOW - 300))
    async with desk(fleet.at(0), size=(200, 40)) as d:
        assert "node not ready, CrashLoopBackOff" in d.lines[1]
        assert "node not ready, CrashLoopBackOff" in d.line_with("llama · chat")
        assert "node not ready, CrashLoopBackOff" in d.line_with("■ chat-0")


async def test_the_numbers_of_a_workload_are_its_own_and_not_those_of_its_worst_pod() -> None:
    fleet = Fleet(3)
    for at, name in enumerate(fleet.engines):
        fleet.engines[name] = DEEP | {Q.WAITING: 110.0 + at}
    fleet.at(0)
    async with desk(fleet.at(70), size=(200, 40)) as d:
        row = d.line_with("llama · chat")
        assert "long queue" in row
        assert "333" in row
        assert "112" not in row + d.lines[1]
        assert "wait 333" in d.lines[1]
        assert "112" in d.line_with("│ ▲ chat-2 ")
        await d.press("f")
        assert "333" in d.line_with("long queue")
        assert "112" not in d.text
        await d.press("enter")
        assert "333 requests wait" in d.line_with("affects")
        assert "112" not in d.line_with("serving/chat:")


@pytest.mark.parametrize(("glyphs", "root", "part"), [(UNICODE, "◆", "◇"), (ASCII, "&", "$")])
async def test_a_row_says_whether_it_has_the_root_of_an_incident_or_a_part_in_it(
    glyphs: Glyphs, root: str, part: str
) -> None:
    for size in ((80, 24), (120, 40)):
        async with desk(two(), size=size, look=Look(glyphs, no_color=True)) as d:
            sick = d.line_with(" chat-0 ")
            assert f" {part} XID 79" in sick
            assert root not in sick
            assert f" {root} stuck" in next(line for line in d.lines if " chat-3 " in line and "pod " not in line)
            well = d.line_with(" chat-1 ")
            assert root not in well
            assert part not in well
            await d.press("o")
            assert f" {root} XID 79" in d.text


async def test_what_one_replica_has_is_not_told_of_another() -> None:
    fleet = Fleet()
    fleet.of("chat-0", **crashing(NOW - 300))
    fleet.engines["chat-2"] = DEEP
    async with desk(fleet.at(0), size=(200, 40)) as d:
        assert "CrashLoopBackOff" in d.line_with("■ chat-0")
        assert "CrashLoopBackOff" not in d.line_with(" chat-2 ")
        assert "long queue" in d.line_with(" chat-2 ")


@SIZES
async def test_what_is_warned_of_while_all_workloads_are_well_is_below_the_first_line(size: tuple[int, int]) -> None:
    no = Condition("Accepted", "False", "NotAllowedByListeners", since=NOW - 500)
    fleet = Fleet()
    route = Route("HTTPRoute", "serving", "way", (Backend("Service", "serving", "chat", "80"),), conditions=(no,))
    fleet.of(*fleet.pods, labels={"app": "chat"})
    fleet.services = [Service("serving", "chat", "uid-s", "1", "ClusterIP", {"app": "chat"}, (("http", 80),))]
    fleet.facts = Facts({"routing": Dated(NOW, Routing((route,)))})
    fleet.at(0)
    snapshot = fleet.at(70)
    assert [one.severity for one in snapshot.incidents] == [Severity.WARNING]
    async with desk(snapshot, size=size) as d:
        assert d.lines[1].strip().endswith("1 serving workload is well")
        assert d.lines[2].strip() == "▲ serving/chat: HTTPRoute way refused: NotAllowedByListeners"
    known = Acknowledged("mia@corp", snapshot.at - 240, "the platform team moves it")
    async with desk(
        replace(snapshot, incidents=tuple(replace(one, acknowledged=known) for one in snapshot.incidents))
    ) as d:
        assert not d.lines[2].strip(), "somebody knows of it"
