"""The document that ``quarterdeck slo --json`` prints: quarterdeck/slo/v1.

A field without a value is absent. Within v1 fields may be added; none is removed and none changes its meaning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from console.report.document_part import DocumentPart
from console.views.objectives import board
from fleet.model.snapshot import Snapshot
from fleet.objectives.board import ObjectiveRow
from fleet.objectives.burn_rate import BurnPace, ErrorBudget

SCHEMA: Literal["quarterdeck/slo/v1"] = "quarterdeck/slo/v1"
_PACES: Mapping[BurnPace, Literal["calm", "slow", "fast"]] = {
    BurnPace.CALM: "calm",
    BurnPace.SLOW: "slow",
    BurnPace.FAST: "fast",
}


class WindowPart(DocumentPart):
    """One window that ends at ``at``."""

    seconds: float
    at: float | None = None
    """Unix time of its end on the clock of the counting source."""
    covered: float
    """Seconds of it that there are data of."""
    bad: float | None = None
    """Bad share, 0 to 1; absent if there were no events."""
    events: float | None = None
    """Number of requests or tokens; absent for availability."""
    burn: float | None = None
    """Burn rate relative to the allowed one: ``bad / (1 - target)``."""


class ObjectivePart(DocumentPart):
    """One objective of one model or workload."""

    kind: Literal["model", "workload"]
    key: str
    """Key in quarterdeck/snapshot/v1."""
    namespace: str
    name: str
    workloads: tuple[str, ...]
    """Keys of the workloads that serve it."""
    objective: str
    """Key of the configuration: availability, errors, ttft_p95 …"""
    target: float
    """Share that must be good, 0 to 1."""
    seconds: float | None = None
    """Latency within which it is good; absent if it is not a latency."""
    edge: float | None = None
    """Bucket edge at which it is counted, in seconds: differs from ``seconds`` if no bucket ends there."""
    good: float | None = None
    """Share that was good in the shortest window."""
    budget_left: float | None = None
    """Share of the budget that is left; negative where more was spent."""
    period: float
    """Seconds over which the budget lasts."""
    pace: Literal["calm", "slow", "fast"]
    """fast: a page by the SRE workbook's windows; slow: a ticket."""
    promised: bool
    """False for defaults, which are not promised."""
    windows: tuple[WindowPart, ...]
    """Windows of the SRE workbook and the period, the shortest first."""


class SloDocument(DocumentPart):
    """The objectives of a fleet, fastest-burning first."""

    schema_: Literal["quarterdeck/slo/v1"] = Field(default=SCHEMA, alias="schema")
    cluster: str
    context: str
    at: float
    """Unix time of the report."""
    stands_on: str | None = None
    """prometheus, or this console, which counts while it is open; absent if nothing is counted."""
    gaps: tuple[str, ...] = ()
    """Parts that are not known, and why."""
    objectives: tuple[ObjectivePart, ...] = ()


def to_json(snapshot: Snapshot) -> str:
    """The document of a Snapshot."""
    found = board(snapshot)
    document = SloDocument(
        cluster=snapshot.cluster.server,
        context=snapshot.cluster.context,
        at=snapshot.at,
        stands_on=found.ledger.stands_on if found is not None else None,
        gaps=found.ledger.gaps if found is not None else (),
        objectives=()
        if found is None
        else tuple(_objective(row, found.ledger.at, promised=found.are_promised) for row in found.rows),
    )
    return document.model_dump_json(indent=2, exclude_none=True)


def _objective(row: ObjectiveRow, at: Mapping[float, float], *, promised: bool) -> ObjectivePart:
    subject, budget = row.subject, row.budget
    now = budget.now
    return ObjectivePart(
        kind="model" if subject.kind == "model" else "workload",
        key=subject.key,
        namespace=subject.namespace,
        name=subject.name,
        workloads=subject.workloads,
        objective=budget.objective.name,
        target=budget.objective.share,
        seconds=_known(budget.objective.seconds),
        edge=_known(budget.edge),
        good=_known(1.0 - now.bad) if now is not None else None,
        budget_left=_known(budget.left),
        period=budget.period,
        pace=_PACES[budget.pace],
        promised=promised,
        windows=_windows(budget, at),
    )


def _windows(budget: ErrorBudget, at: Mapping[float, float]) -> tuple[WindowPart, ...]:
    return tuple(
        WindowPart(
            seconds=window,
            at=at.get(window),
            covered=spent.covered,
            bad=_known(spent.bad),
            events=_known(spent.events),
            burn=_known(budget.burn(window)),
        )
        for window, spent in sorted(budget.spent.items())
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
