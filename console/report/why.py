"""The document that ``quarterdeck why --json`` prints: quarterdeck/why/v1.

A field without a value is absent. Within v1 fields may be added; none is removed and none changes its meaning.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from console.report.document_part import DocumentPart
from fleet.latency.phases import Breakdown
from fleet.latency.report import LatencyReport, dominant
from fleet.latency.separation import Division, Separation
from fleet.model.snapshot import Snapshot

SCHEMA: Literal["quarterdeck/why/v1"] = "quarterdeck/why/v1"


class BreakdownPart(DocumentPart):
    """Mean seconds per request in each phase; absent if unknown."""

    of: Literal["now", "peers", "hour_ago", "before_change"]
    gateway: float | None = None
    queue: float | None = None
    prefill: float | None = None
    decode: float | None = None
    total: float


class GrowthPart(DocumentPart):
    """The phase that takes most seconds more than in something else."""

    phase: str
    than: str
    now: float
    then: float


class ChangePart(DocumentPart):
    """The last change before now."""

    at: float
    what: str


class DivisionPart(DocumentPart):
    """An attribute that more of the slow replicas have than of the others."""

    attributes: tuple[str, ...]
    """The attributes that come to the same."""
    pods: tuple[str, ...]
    """Keys of the replicas that have it."""
    slow: int
    """Number of slow ones among them."""
    chance: float
    """Chance that it is luck, corrected for the number of tests."""
    named: bool
    """True if that is at most 0.05."""


class SeparationPart(DocumentPart):
    """Replicas by one measure."""

    measure: str
    unit: str
    compared: int
    median: float | None = None
    slow: tuple[str, ...]
    """Keys of the pods that are slow."""
    tests: int
    can_tell: bool
    """False where too few are slow, or there are, for any attribute to be named."""
    divisions: tuple[DivisionPart, ...]
    """The likeliest first."""


class HungPart(DocumentPart):
    """A ready replica that has requests and generates nothing."""

    pod: str
    requests: float


class WhyDocument(DocumentPart):
    """The reasons why requests of one pod or workload take as long as they do."""

    schema_: Literal["quarterdeck/why/v1"] = Field(default=SCHEMA, alias="schema")
    cluster: str
    """API server of the cluster."""
    context: str
    at: float
    key: str
    dominant: str | None = None
    """The phase that explains the time best."""
    breakdowns: tuple[BreakdownPart, ...]
    growth: GrowthPart | None = None
    change: ChangePart | None = None
    separations: tuple[SeparationPart, ...]
    hung: tuple[HungPart, ...] = ()
    """Replicas whose requests get no token: the times are those of other requests."""


def to_json(snapshot: Snapshot, report: LatencyReport) -> str:
    """The document of a report."""
    comparison, growth, change = report.comparison, report.growth, report.comparison.change
    phase = dominant(report)
    breakdowns: tuple[tuple[Literal["now", "peers", "hour_ago", "before_change"], Breakdown | None], ...] = (
        ("now", comparison.now),
        ("peers", comparison.peers),
        ("hour_ago", comparison.hour_ago),
        ("before_change", comparison.before_change),
    )
    document = WhyDocument(
        cluster=snapshot.cluster.server,
        context=snapshot.cluster.context,
        at=snapshot.at,
        key=report.key,
        dominant=str(phase) if phase is not None else None,
        breakdowns=tuple(
            BreakdownPart(of=of, total=each.total, **{str(p): seconds for p, seconds in each.seconds.items()})
            for of, each in breakdowns
            if each is not None and each.seconds
        ),
        growth=GrowthPart(phase=growth.phase, than=growth.than, now=growth.now, then=growth.then) if growth else None,
        change=ChangePart(at=change.at, what=change.what) if change is not None else None,
        separations=tuple(map(_separation, report.separations)),
        hung=tuple(HungPart(pod=one.pod, requests=one.requests) for one in report.hung),
    )
    return document.model_dump_json(indent=2, exclude_none=True)


def _separation(one: Separation) -> SeparationPart:
    return SeparationPart(
        measure=one.measure.name,
        unit=one.measure.unit,
        compared=len(one.values),
        median=None if math.isnan(one.median) else one.median,
        slow=tuple(sorted(one.slow)),
        tests=one.tests,
        can_tell=one.can_tell,
        divisions=tuple(map(_division, one.divisions)),
    )


def _division(one: Division) -> DivisionPart:
    return DivisionPart(
        attributes=one.attributes,
        pods=tuple(sorted(one.having)),
        slow=one.slow,
        chance=one.chance,
        named=one.is_named,
    )
