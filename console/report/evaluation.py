"""The document that ``quarterdeck eval --json`` prints: quarterdeck/eval/v1.

A field without a value is absent. Within v1 fields may be added; none is removed and none changes its meaning. For
held-out kinds there are totals only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field

from console.report.document_part import DocumentPart
from fleet.evaluation.score import CaseScore, FaultScore, ShownIncident
from fleet.evaluation.totals import GOALS, Goal, Totals, by_kind, is_right, totals

SCHEMA: Literal["quarterdeck/eval/v1"] = "quarterdeck/eval/v1"


class TotalsPart(DocumentPart):
    """Totals of some cases; shares are 0-1, times in seconds."""

    cases: int
    """Cases with one fault."""
    first_right: float | None = None
    """Share of cases whose first line has the right cause and object."""
    cause_right: float | None = None
    """Share of cases whose cause was named, at any object."""
    evidence: float | None = None
    """Mean share of the evidence that was shown, of the faults that were named."""
    helped: float | None = None
    """Share of the faults that were named for which an acceptable action was offered."""
    compound: int
    """Cases with several faults at once."""
    all_named: float | None = None
    """Share of cases in which each fault was named, as a separate incident."""
    exact: float | None = None
    """Share of cases in which, in addition, nothing else was reported."""
    calm: int
    """Cases without a fault."""
    calm_hours: float
    """Total length of the calm cases, in hours."""
    false: int
    """Findings that fired in calm cases."""
    calm_right: float | None = None
    """Share of calm cases without any."""
    wrong: int
    """Findings that fired in cases with faults and match none of them."""
    in_time: float | None = None
    """Share of the faults shown that were shown within two scrapes and five seconds."""
    pending_after: float | None = None
    """Time from the onset until a fault was shown: median."""
    pending_late: float | None = None
    """The same: 95th percentile."""
    firing_after: float | None = None
    """Time from the onset until a fault fired: median."""


class GoalPart(DocumentPart):
    """A goal, by the cases that are not held out and by all."""

    name: str
    at_least: float | None = None
    at_most: float | None = None
    value: float | None = None
    reached: bool | None = None
    """Absent if there was nothing to measure."""


class SaidPart(DocumentPart):
    """An incident that was shown."""

    cause: str
    object: str
    words: str


class FaultPart(DocumentPart):
    """Score of one fault."""

    cause: tuple[str, ...]
    object: tuple[str, ...]
    named: bool
    cause_named: bool
    evidence: float
    helped: bool
    pending_after: float | None = None
    firing_after: float | None = None


class CasePart(DocumentPart):
    """One case that is not held out."""

    name: str
    kind: str
    right: bool
    first: SaidPart | None = None
    """The first line at the end of the recording."""
    faults: tuple[FaultPart, ...]
    wrong: tuple[SaidPart, ...]
    """Findings that fired and match none of the faults."""


class KindPart(DocumentPart):
    """One kind that is not held out."""

    kind: str
    cases: int
    right: int


class EvalDocument(DocumentPart):
    """The result of an evaluation of the diagnosis."""

    schema_: Literal["quarterdeck/eval/v1"] = Field(default=SCHEMA, alias="schema")
    goals: tuple[GoalPart, ...]
    """Goals, measured over all cases, including held-out ones."""
    seen: TotalsPart
    held_out: TotalsPart | None = None
    """Totals of the held-out kinds, which are not consulted while causes are written."""
    kinds: tuple[KindPart, ...]
    cases: tuple[CasePart, ...]


def document(cases: Iterable[CaseScore]) -> EvalDocument:
    """Return the document of the scores."""
    every = list(cases)
    seen, held_out = parted(every)
    every_totals = totals(every)
    return EvalDocument(
        goals=tuple(_goal(goal, every_totals) for goal in GOALS),
        seen=_totals(totals(seen)),
        held_out=_totals(totals(held_out)) if held_out else None,
        kinds=tuple(
            KindPart(kind=kind, cases=len(some), right=sum(map(is_right, some))) for kind, some in by_kind(seen).items()
        ),
        cases=tuple(map(_case, seen)),
    )


def parted(cases: Iterable[CaseScore]) -> tuple[Sequence[CaseScore], Sequence[CaseScore]]:
    """Return the cases that may be inspected, and the held-out ones."""
    every = list(cases)
    return [one for one in every if not one.truth.held_out], [one for one in every if one.truth.held_out]


def to_json(cases: Iterable[CaseScore]) -> str:
    """The document as JSON."""
    return document(cases).model_dump_json(indent=2, exclude_none=True)


def _totals(found: Totals) -> TotalsPart:
    return TotalsPart.model_validate({name: getattr(found, name) for name in TotalsPart.model_fields})


def _goal(goal: Goal, found: Totals) -> GoalPart:
    return GoalPart(
        name=goal.name,
        at_least=goal.at_least,
        at_most=goal.at_most,
        value=goal.of(found),
        reached=goal.reached(found),
    )


def _case(case: CaseScore) -> CasePart:
    pairs = zip(case.truth.faults, case.faults, strict=True)
    return CasePart(
        name=case.name,
        kind=case.truth.kind,
        right=is_right(case),
        first=None if case.first is None else _shown(case.first),
        faults=tuple(_fault(fault.cause, fault.object, found) for fault, found in pairs),
        wrong=tuple(map(_shown, case.wrong)),
    )


def _fault(cause: tuple[str, ...], key: tuple[str, ...], found: FaultScore) -> FaultPart:
    return FaultPart(
        cause=cause,
        object=key,
        named=found.named,
        cause_named=found.cause_named,
        evidence=found.evidence,
        helped=found.helped,
        pending_after=found.pending_after,
        firing_after=found.firing_after,
    )


def _shown(incident: ShownIncident) -> SaidPart:
    return SaidPart(cause=incident.cause, object=incident.object, words=incident.words)
