"""Totals of an evaluation, and the goals that they must meet."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from fleet.dataclass import dataclass
from fleet.evaluation.score import CaseScore


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of some cases. The share of an empty set is None."""

    cases: int
    """Cases with one fault."""
    first_right: float | None
    """Share of cases whose first line has the right cause and object."""
    cause_right: float | None
    """Share of cases whose cause was named, at any object."""
    evidence: float | None
    """Mean share of the evidence that was there, of the faults that were named."""
    helped: float | None
    """Share of the faults that were named for which an acceptable action was offered."""
    compound: int
    """Cases with several faults."""
    all_named: float | None
    """Share of cases in which every fault was named, each as a separate incident."""
    exact: float | None
    """Share of cases in which, in addition, nothing else was reported."""
    calm: int
    """Cases without a fault."""
    calm_hours: float
    false: int
    """Findings that fired in calm cases."""
    calm_right: float | None
    """Share of calm cases without any."""
    wrong: int
    """Findings that fired in the other cases and match none of their faults."""
    in_time: float | None
    """Share of the faults shown within two scrapes and five seconds, among the faults shown."""
    pending_after: float | None
    """Seconds from the onset until a fault was shown, median."""
    pending_late: float | None
    """The same, 95th percentile."""
    firing_after: float | None
    """Seconds from the onset until it fired, median."""


def totals(cases: Iterable[CaseScore]) -> Totals:
    """Add up cases."""
    every = list(cases)
    calm = [case for case in every if case.truth.is_calm]
    compound = [case for case in every if case.truth.is_compound]
    single = [case for case in every if len(case.truth.faults) == 1]
    faults = [fault for case in every for fault in case.faults]
    named = [fault for fault in faults if fault.named]
    pending = [fault.pending_after for fault in faults if fault.pending_after is not None]
    firing = [fault.firing_after for fault in faults if fault.firing_after is not None]
    return Totals(
        cases=len(single),
        first_right=_mean([case.first_right for case in single]),
        cause_right=_mean([case.faults[0].cause_named for case in single]),
        evidence=_mean([fault.evidence for fault in named]),
        helped=_mean([fault.helped for fault in named]),
        compound=len(compound),
        all_named=_mean([case.all_named for case in compound]),
        exact=_mean([case.exact for case in compound]),
        calm=len(calm),
        calm_hours=sum(case.seconds for case in calm) / 3600.0,
        false=sum(len(case.wrong) for case in calm),
        calm_right=_mean([not case.wrong for case in calm]),
        wrong=sum(len(case.wrong) for case in every if not case.truth.is_calm),
        in_time=_mean([fault.in_time for fault in faults if fault.pending_after is not None]),
        pending_after=statistics.median(pending) if pending else None,
        pending_late=sorted(pending)[int(0.95 * (len(pending) - 1))] if pending else None,
        firing_after=statistics.median(firing) if firing else None,
    )


def by_kind(cases: Iterable[CaseScore]) -> dict[str, Sequence[CaseScore]]:
    """The cases of each kind, by its name."""
    found: dict[str, list[CaseScore]] = defaultdict(list)
    for case in cases:
        found[case.truth.kind].append(case)
    return dict(sorted(found.items()))


def is_right(case: CaseScore) -> bool:
    """True if a case has the right outcome: the fault named first, all faults named, or nothing reported in calm
    hours.
    """
    if case.truth.is_calm:
        return not case.wrong
    return case.all_named if case.truth.is_compound else case.first_right


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


class Goal(NamedTuple):
    """A goal: a measure, and its lower or upper bound."""

    name: str
    of: Callable[[Totals], float | None]
    at_least: float | None = None
    at_most: float | None = None

    def reached(self, found: Totals) -> bool | None:
        """True if the goal is met; None if there is nothing to measure."""
        value = self.of(found)
        if value is None:
            return None
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


GOALS: Final = (
    Goal("first line names cause and object", lambda one: one.first_right, at_least=0.95),
    Goal("evidence is complete", lambda one: one.evidence, at_least=0.90),
    Goal("both causes named, of two at once", lambda one: one.all_named, at_least=0.70),
    Goal("false findings in calm hours", lambda one: one.false if one.calm else None, at_most=0),
    Goal("shown within two scrapes and 5 s", lambda one: one.in_time, at_least=0.95),
)
"""Scores that the diagnosis is meant to reach."""
