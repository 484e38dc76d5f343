"""The screen of objectives: one key from the fleet; the budget left, its burn rate, and their basis."""

from __future__ import annotations

from dataclasses import replace

from console.commands.command import ScreenId
from fleet.model.facts import Dated, Facts
from fleet.model.snapshot import Snapshot
from fleet.objectives.burn_rate import DAY, WINDOWS
from fleet.objectives.ledger import Ledger, Tally
from fleet.objectives.objective import Goals, objective
from fleet.objectives.owners import RequestOwner
from tests.console.screens.desk import desk
from tests.fleets import make_snapshot


def promised() -> tuple[Snapshot, str]:
    """A fleet in which 4 % of the first model's requests fail, where 1 % may; unobserved for longer than a day."""
    snapshot = make_snapshot()
    model = next(iter(snapshot.models.values()))
    goals, owner = (
        Goals((objective("errors", 0.01),)),
        RequestOwner(model.namespace, snapshot.workloads[model.workloads[0]].name),
    )
    spent = {window: {owner: Tally(bad=4.0, all=100.0)} for window in (*WINDOWS, goals.period)}
    ledger = Ledger(
        goals, spent, {owner: snapshot.at - DAY}, dict.fromkeys(spent, snapshot.at), "this console", ("alone",)
    )
    return replace(snapshot, facts=Facts({"objectives": Dated(snapshot.at, ledger)})), model.key


async def test_one_key_leads_to_what_is_left_and_how_fast_it_burns() -> None:
    snapshot, model = promised()
    async with desk(snapshot, size=(200, 30)) as d:
        await d.press("percent_sign")
        await d.until(lambda: d.desk.navigator.is_in_front(ScreenId.OBJECTIVES))
        line = d.line_with("errors ≤1%")
        assert model.rpartition("/")[2] in line
        assert "4x" in line
        assert "87" in line, "4x for a day of thirty is 13.3 % of the budget"
        assert "1d of 30d counted" in d.text
        assert "counted by this console; alone" in d.text
