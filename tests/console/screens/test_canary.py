"""The canary on the screens: on the pages of its targets, and in the first line if no row shows the problem."""

from __future__ import annotations

from fleet.model.canary import CanaryAnswer, CanaryAnswers, CanaryOutcome
from fleet.model.facts import Dated, Facts
from tests.console.screens.desk import desk
from tests.fleet.diagnosis.fleets import CHAT, Fleet
from tests.fleet.rows import NOW


async def test_what_no_row_shows_is_in_the_first_line_and_beside_its_workload() -> None:
    through = CanaryAnswer(CHAT, NOW, CanaryOutcome.FAILED, problem="answers HTTP 502", failures=2)
    fleet = Fleet()
    well = CanaryAnswer("serving/chat-0", NOW, CanaryOutcome.ANSWERED, 0.2, " 7")
    fleet.facts = Facts({"canary": Dated(NOW, CanaryAnswers((well,), (through,)))})
    fleet.at(0)
    async with desk(fleet.at(2)) as d:
        assert "■ serving/chat: canary: the gateway does not answer" in d.lines[1]
        assert "◆ canary: the gateway" in d.line_with("llama · chat")
        await d.press("enter")
        assert "canary through the gateway answers HTTP 502, 0s ago" in d.text
        await d.press("escape")
        await d.open("serving/chat-0")
        assert "canary 200ms, 0s ago" in d.text
