"""Budgets that burn fast enough to report, and other promises, by the workloads that serve the models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from fleet.model.error_budget import NOTHING_BURNS, BurningBudget
from fleet.model.missed_objective import NOTHING_PROMISED, MissedObjective, Promised
from fleet.model.snapshot import Snapshot
from fleet.objectives.board import ObjectiveBoard, ObjectiveBoardMaker, ledger_of
from fleet.objectives.burn_rate import WINDOWS, BurnPace, ErrorBudget, worst
from fleet.objectives.objective import Indicator

_MAKER: Final = ObjectiveBoardMaker()
_LAST: list[tuple[ObjectiveBoard, dict[str, BurningBudget]]] = []
_LAST_PROMISES: list[tuple[ObjectiveBoard, dict[str, Promised]]] = []


def burns_of(snapshot: Snapshot) -> Mapping[str, BurningBudget]:
    """Return the burning budgets by workload; none for default objectives, which are not promised."""
    found = _promised_board(snapshot)
    if found is None:
        return NOTHING_BURNS
    if not _LAST or _LAST[0][0] is not found:
        _LAST[:] = [(found, dict(_burning(found)))]
    return _LAST[0][1]


def promises_of(snapshot: Snapshot) -> Mapping[str, Promised]:
    """The promises by workload: the same object while the counts are unchanged; none for defaults."""
    found = _promised_board(snapshot)
    if found is None:
        return NOTHING_PROMISED
    if not _LAST_PROMISES or _LAST_PROMISES[0][0] is not found:
        _LAST_PROMISES[:] = [(found, dict(_promised(found)))]
    return _LAST_PROMISES[0][1]


def _promised_board(snapshot: Snapshot) -> ObjectiveBoard | None:
    """Return the objectives that are promised: the board of defaults is only made where somebody opens it."""
    ledger = ledger_of(snapshot)
    return _MAKER.board_of(snapshot) if ledger is not None and ledger.goals.are_set else None


def _promised(found: ObjectiveBoard) -> Iterator[tuple[str, Promised]]:
    for key in dict.fromkeys(key for row in found.rows for key in row.subject.workloads):
        rows = found.of.get(key, ())
        available = [row.budget.objective for row in rows]
        shares = [one.share for one in available if one.measure is Indicator.AVAILABILITY]
        # A model served by several workloads is reported once.
        first = [row.budget for row in rows if row.subject.workloads[:1] == (key,)]
        yield key, Promised(max(shares, default=0.0), tuple(filter(None, map(_late, first))))


def _late(budget: ErrorBudget) -> MissedObjective | None:
    """The latency of an objective if more requests are late now than allowed; None if it is kept, or is no latency."""
    objective, spent = budget.objective, budget.now
    if objective.family is None or spent is None:
        return None
    bad = spent.bad * min(1.0, spent.covered / WINDOWS[0])
    if not bad > objective.budget:
        return None
    measure, _, percentile = objective.name.partition("_")
    return MissedObjective(measure, percentile, budget.edge, bad, objective.budget, spent.events, WINDOWS[0])


def _burning(found: ObjectiveBoard) -> list[tuple[str, BurningBudget]]:
    seen: dict[str, list[ErrorBudget]] = {}
    for row in found.rows:
        # A model served by several workloads is reported once.
        for key in row.subject.workloads[:1]:
            seen.setdefault(key, []).append(row.budget)
    burning = ((key, worst(budgets)) for key, budgets in seen.items())
    return [
        (key, BurningBudget(one.pace is BurnPace.FAST, burn_words(one)))
        for key, one in burning
        if one is not None and one.pace is not BurnPace.CALM
    ]


def missed(snapshot: Snapshot, workload: str) -> list[str]:
    """The objectives of a workload that are missed at the moment: more is bad in the last minutes than may be."""
    found = _promised_board(snapshot)
    if found is None:
        return []
    budgets = [row.budget for row in found.of.get(workload, ())]
    return [
        f"{_name(one)}, {100 * one.now.bad:.3g} % bad where {100 * one.objective.budget:.3g} % may be"
        for one in budgets
        if one.now is not None and one.now.bad > one.objective.budget
    ]


def burn_words(budget: ErrorBudget) -> str:
    """A burning budget in a few words: ``TTFT p95 burns its budget 16x, 71 % left``."""
    pair = budget.pair
    burn = budget.burn(pair.long) if pair is not None else 0.0
    rest = f"{100 * budget.left:.0f} % left" if budget.left > 0 else "nothing left"
    return f"{_name(budget)} burns its budget {burn:.3g}x, {rest}"


def _name(budget: ErrorBudget) -> str:
    measure, _, percentile = budget.objective.name.partition("_")
    return f"{measure.upper()} {percentile}" if percentile else measure
