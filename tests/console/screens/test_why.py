"""The latency explanation on the screen: the sentence, the phases now and before, and the separation of slow from
fast.
"""

from __future__ import annotations

from console.session.failure import SessionError
from fleet.latency.phases import MEANS
from fleet.model.curve import Curve, CurveQuestion
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from fleet.timeline.entry import Entry, EntryKind, Evidence
from fleet.timeline.kinship import Kinship
from fleet.timeline.timeline import Timeline
from tests.console.screens.desk import SIZES, desk
from tests.console.screens.scripted import ScriptedSession
from tests.fleet.diagnosis.fleets import CHAT, WELL, Fleet, Q
from tests.fleet.rows import NOW

USUAL = {**WELL, Q.QUEUE_MEAN: 0.1, Q.PREFILL_MEAN: 0.2, Q.DECODE_MEAN: 4.0}
QUEUES = {**USUAL, Q.QUEUE_MEAN: 6.0, Q.WAITING: 40.0}
BEFORE = {Quantity.QUEUE_MEAN: 0.1, Quantity.PREFILL_MEAN: 0.2, Quantity.DECODE_MEAN: 4.0}


class Past(ScriptedSession):
    """A store that knows the same phases for the whole past, and a cluster that was changed half an hour ago."""

    async def curve(self, question: CurveQuestion) -> Curve:
        await super().curve(question)
        return Curve(question.quantity, question.range, (BEFORE[question.quantity],) * question.range.points)

    async def timeline(self, of: object, since: float) -> Timeline:
        await super().timeline(of, since)  # type: ignore[arg-type]
        about = snapshot().ref("Deployment", "serving", "chat")
        change = Entry(NOW - 1800, 1, EntryKind.CHANGE, "image vllm:1 → vllm:2", about, (Evidence("x", "y"),))
        return Timeline(since, NOW, (change,), Kinship())


def snapshot() -> Snapshot:
    fleet = Fleet(12)
    fleet.engines = dict.fromkeys(fleet.engines, QUEUES)
    for i, name in enumerate(fleet.pods):
        fleet.of(name, node=f"n{i // 4}")
        if i < 4:
            fleet.engines[name] = {**QUEUES, Q.GENERATION_TOKENS: 150.0}
    return fleet.at(0)


@SIZES
async def test_a_key_says_where_the_time_goes_and_since_when(size: tuple[int, int]) -> None:
    session = Past()
    async with desk(snapshot(), session=session, size=size) as d:
        await d.press("w")
        await d.until(lambda: "an hour ago 100ms" in d.text)
        assert "queue takes 6.00s of 10.2s" in d.text
        # The numbers now, an hour ago and before the change, in columns.
        now, hour, change = (d.line_with(f"   {words} ") for words in ("now", "an hour ago", "before change"))
        assert now.split()[1:5] == ["6.00s", "200ms", "4.00s", "10.2s"]
        assert "100ms" in hour
        assert "100ms" in change
        assert "image vllm:1 → vllm:2" in d.text
        assert not any("━…" in line for line in d.lines), "the longest bar is as long as there is room"
        assert [one[1].quantity for one in session.asked if one[0] == "curve"] == list(MEANS.values())  # type: ignore[attr-defined]


async def test_what_the_slow_replicas_share_is_named_with_its_counts() -> None:
    async with desk(snapshot(), session=Past()) as d:
        await d.press("w")
        assert "time per generated token: 4 of 12 slow" in d.text
        assert "node n0: 4 of the 4 slow ones, 0 of the 8 others" in d.text
        assert "time in the queue: none is slow (median 6.00s)" in d.text


async def test_without_a_past_the_page_says_so_and_has_the_present() -> None:
    session = ScriptedSession()
    async with desk(snapshot(), session=session) as d:
        session.fails = SessionError("no metrics store answers here", "name one with --prometheus URL")
        await d.press("w")
        await d.until(lambda: "no metrics store answers here" in d.text)
        assert "queue takes 6.00s of 10.2s (59%)" in d.text


async def test_of_a_pod_its_peers_are_what_it_is_held_against() -> None:
    fleet = Fleet(5)
    fleet.engines = dict.fromkeys(fleet.engines, USUAL)
    fleet.engines["chat-2"] = QUEUES
    async with desk(fleet.at(0), session=ScriptedSession()) as d:
        d.desk.pages.open_why("serving/chat-2")
        await d.until(lambda: "its peers 100ms" in d.text)
        assert d.line_with("   its peers ").split()[2:5] == ["100ms", "200ms", "4.00s"]


async def test_the_page_follows_the_fleet() -> None:
    fleet = Fleet(4)
    fleet.engines = dict.fromkeys(fleet.engines, USUAL)
    async with desk(fleet.at(0), session=ScriptedSession()) as d:
        d.desk.pages.open_why(CHAT)
        await d.until(lambda: "decode takes 4.00s of 4.30s" in d.text)
        fleet.engines = dict.fromkeys(fleet.engines, QUEUES)
        await d.deliver(fleet.at(15))
        assert "queue takes 6.00s of 10.2s" in d.text


async def test_of_a_node_nobody_asks_it() -> None:
    async with desk(snapshot(), session=ScriptedSession()) as d:
        await d.press("o")
        await d.until(lambda: "nvidia.com/gpu" in d.text)
        await d.press("g", "w")
        assert "nothing under the cursor serves a model" in d.text
