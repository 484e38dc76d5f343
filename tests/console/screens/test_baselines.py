"""Baselines of an object on its page: requested once, next to the current values, with their basis."""

from __future__ import annotations

from console.session.failure import SessionError
from console.views.baselines import QUANTITIES
from fleet.model.baseline import DAY, Baseline, BaselineQuestion, Baselines, Then
from fleet.model.quantity import Quantity
from tests.console.screens.desk import SIZES, desk
from tests.console.screens.scripted import ScriptedSession
from tests.console.screens.test_incidents import queue
from tests.console.screens.worst import WORST
from tests.fleets import NOW, make_snapshot


def baseline(value: float, then: Then, back: float) -> Baseline:
    return Baseline(value, then, NOW - back - 1800, NOW - back + 1800, 240, "prometheus")


USUAL = Baselines(
    {
        Quantity.TTFT_P95: (baseline(0.4, Then.YESTERDAY, DAY), baseline(0.5, Then.LAST_WEEK, 7 * DAY)),
        Quantity.WAITING: (baseline(3.0, Then.YESTERDAY, DAY),),
    }
)


def questions(session: ScriptedSession) -> list[BaselineQuestion]:
    return [one for name, one, *_ in (each for each in session.asked if len(each) > 1) if name == "baselines"]  # type: ignore[misc]


@SIZES
async def test_a_workload_is_held_against_yesterday_and_last_week(size: tuple[int, int]) -> None:
    session = ScriptedSession(usual=USUAL)
    async with desk(make_snapshot(), session=session, size=size) as d:
        await d.press("enter")
        await d.until(lambda: bool(questions(session)))
        await d.press("slash", *"USUAL", "enter")
        for _ in range(30):
            if "240 measurements" not in d.text:
                await d.press("down")
        (head,) = [line for line in d.lines if "USUAL" in line and "yesterday" in line]
        assert head.split() == ["USUAL", "now", "yesterday", "last", "week"]
        (ttft,) = [line for line in d.lines if line.startswith("   TTFT p95 ")]
        assert ttft.split()[-2:] == ["400ms", "500ms"]
        (waiting,) = [line for line in d.lines if line.startswith("   waiting ") and "–" in line]
        assert waiting.split()[-2:] == ["3", "–"]
        assert "by the metrics store" in d.text
    (question,) = questions(session)
    assert (question.key, question.quantities, question.at) == (WORST, QUANTITIES, NOW)


async def test_a_calm_hour_of_a_store_says_what_it_was_judged_by() -> None:
    calm = Baselines({Quantity.WAITING: (baseline(3.0, Then.CALM, 7200),)})
    async with desk(make_snapshot(), session=ScriptedSession(usual=calm), size=(160, 60)) as d:
        await d.press("enter")
        await d.until(lambda: "last calm hour: " in d.text and "calm by its queue, KV cache" in d.text)


async def test_why_there_is_nothing_to_compare_with_is_said() -> None:
    session = ScriptedSession(usual=Baselines(problem="the metrics store does not reach back to yesterday"))
    async with desk(make_snapshot(), session=session, size=(120, 60)) as d:
        await d.press("enter")
        await d.until(lambda: "does not reach back to yesterday" in d.text)


async def test_where_nobody_can_be_asked_the_page_says_nothing_of_it() -> None:
    session = ScriptedSession(lacks_store=SessionError("no metrics store answers here"))
    async with desk(make_snapshot(), session=session, size=(120, 60)) as d:
        await d.press("enter")
        await d.until(lambda: bool(questions(session)))
        assert "USUAL" not in d.text


async def test_the_page_of_an_incident_has_what_is_usual_of_its_object() -> None:
    session = ScriptedSession(usual=USUAL)
    async with desk(queue(), session=session, size=(120, 60)) as d:
        await d.press("f", "enter")
        await d.until(lambda: "240 measurements" in d.text)
        assert "yesterday" in d.line_with("USUAL")
        (waiting,) = [line for line in d.lines if line.startswith("   waiting  ")]
        assert waiting.split()[-3:] == ["210", "3", "–"]
