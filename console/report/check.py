"""The document that ``quarterdeck check --json`` prints: quarterdeck/check/v1.

A field without a value is absent. Within v1 fields may be added; none is removed and none changes its meaning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from console.report.document_part import DocumentPart
from console.views.alert_marks import alerts_of, annotation_of, unexplained
from fleet.alerts.board import AlertRow
from fleet.diagnosis.incidents.check_status import CheckStatus, check_status
from fleet.diagnosis.incidents.evidence import LookAlike, explain
from fleet.model.finding import Acknowledged, Finding, FindingState, Incident, Reach
from fleet.model.severity import Severity
from fleet.model.snapshot import Health, Snapshot

SCHEMA: Literal["quarterdeck/check/v1"] = "quarterdeck/check/v1"
_SOUND = frozenset({Health.LIVE, Health.OFF})


class ObjectPart(DocumentPart):
    """One object, as ``quarterdeck snapshot --json`` calls it."""

    kind: str
    """source, node, GPU, engine, replica, pod or workload; engine and replica are a pod, by its metrics; autoscaler,
    traffic, service, placement and objective are a workload, by that aspect.
    """
    key: str
    """Key in quarterdeck/snapshot/v1: namespace/name of a pod, namespace/Kind/name of a workload, UUID of a GPU."""


class EvidencePart(DocumentPart):
    """One thing that is seen."""

    text: str
    source: str
    window: float | None = None
    """Seconds that the value covers; absent for an instantaneous one."""
    age: float
    """Seconds since it was so."""


class AlikePart(DocumentPart):
    """A cause that looks alike."""

    cause: str
    sentence: str
    by: str
    """Sign that ruled it out; or what would have to be known to do so."""


class HelpPart(DocumentPart):
    """Something that helps."""

    text: str
    command: str | None = None
    """Command of the console (``:scale``) or of this program that does it, or leads to it."""


class FindingPart(DocumentPart):
    """One cause at one object."""

    cause: str
    object: ObjectPart
    severity: Severity
    state: FindingState
    words: str
    since: float
    """Unix time."""


class ReachPart(DocumentPart):
    """The users who feel it."""

    replicas: int
    of: int | None = None
    """Replicas that the workloads concerned want, or have where a rollout adds some; absent where none is concerned."""
    running: float | None = None
    """Requests that run in the replicas concerned; absent if not measured."""
    waiting: float | None = None
    """Requests that wait there."""
    workloads: tuple[str, ...] = ()


class ToldPart(DocumentPart):
    """An alert of monitoring that belongs to an incident, or to none."""

    name: str
    """Label alertname."""
    state: Literal["pending", "firing", "silenced", "inhibited", "muted"]
    severity: str | None = None
    """Label severity."""
    since: float | None = None
    """Unix time since which its expression has held."""
    objects: tuple[str, ...] = ()
    """Keys of the objects that its labels name, the closest first."""
    summary: str | None = None
    """Annotation that summarises it in a sentence."""


class AcknowledgedPart(DocumentPart):
    """Acknowledged by a user."""

    by: str
    at: float
    """Unix time."""
    note: str | None = None
    holds: bool
    """False where it has become worse since: then it calls again."""
    worse: str | None = None
    """Change for the worse since then."""


class IncidentPart(DocumentPart):
    """A root, and its consequences."""

    key: str
    """Identity: the same for as long as the incident lasts."""
    cause: str
    """Id of the root's cause: it stays the same from version to version."""
    sentence: str
    words: str
    about: ObjectPart
    severity: Severity
    state: FindingState
    """pending (not for long enough yet: it does not count), firing, or recovering."""
    since: float
    """Unix time since which the root is known to hold."""
    told_by: str
    """The evidence for that time."""
    due: float | None = None
    """Unix time at which the root fires, if it is pending."""
    reach: ReachPart
    evidence: tuple[EvidencePart, ...]
    ruled_out: tuple[AlikePart, ...]
    not_ruled_out: tuple[AlikePart, ...]
    """Causes not ruled out because an input is missing."""
    decides: tuple[str, ...]
    """Checks that would confirm this cause, or another."""
    helps: tuple[HelpPart, ...]
    avoid: tuple[str, ...]
    """Steps to avoid."""
    findings: tuple[FindingPart, ...]
    """All that belongs to it, the root first."""
    alerts: tuple[ToldPart, ...] = ()
    """Alerts of monitoring about its objects, the worst first."""
    acknowledged: AcknowledgedPart | None = None
    """Absent if it is not acknowledged. It does not affect the verdict."""


class SourcePart(DocumentPart):
    """A source with a problem: the part that it does not deliver cannot be diagnosed."""

    name: str
    health: Health
    problem: str


class CheckDocument(DocumentPart):
    """The faults of a fleet, the worst first."""

    schema_: Literal["quarterdeck/check/v1"] = Field(default=SCHEMA, alias="schema")
    cluster: str
    context: str
    at: float
    """Unix time of the check."""
    verdict: Literal["ok", "warning", "critical", "unknown"]
    code: int
    """Exit code: 0 ok, 1 warning, 2 critical, 3 unknown."""
    incidents: tuple[IncidentPart, ...]
    alerts: tuple[ToldPart, ...] = ()
    """Firing alerts that no incident explains, worst first: they do not affect the status."""
    sources: tuple[SourcePart, ...]


def to_json(snapshot: Snapshot, code: CheckStatus | None = None, *, pending: bool = False) -> str:
    """The document of a Snapshot; ``code`` where something else than its incidents decides."""
    found = check_status(snapshot.incidents, pending=pending) if code is None else code
    names: Mapping[CheckStatus, Literal["ok", "warning", "critical", "unknown"]] = {
        CheckStatus.OK: "ok",
        CheckStatus.WARNING: "warning",
        CheckStatus.CRITICAL: "critical",
        CheckStatus.UNKNOWN: "unknown",
    }
    document = CheckDocument(
        cluster=snapshot.cluster.server,
        context=snapshot.cluster.context,
        at=snapshot.at,
        verdict=names[found],
        code=int(found),
        incidents=tuple(incident_part(snapshot, one) for one in snapshot.incidents),
        alerts=tuple(map(told_part, unexplained(snapshot).values())),
        sources=tuple(
            SourcePart(name=one.name, health=one.health, problem=one.problem)
            for one in snapshot.sources
            if one.health not in _SOUND
        ),
    )
    return document.model_dump_json(indent=2, exclude_none=True)


def incident_part(snapshot: Snapshot, incident: Incident) -> IncidentPart:
    """An incident with its evidence."""
    root, explanation = incident.root, explain(snapshot, incident.root)
    kind = root.kind if incident.about == root.key else _kind(snapshot, incident.about)
    return IncidentPart(
        key=incident.key,
        cause=root.cause,
        sentence=incident.sentence,
        words=root.words,
        about=ObjectPart(kind=kind, key=incident.about),
        severity=incident.severity,
        state=incident.state,
        since=incident.since,
        told_by=root.told_by,
        due=root.due or None,
        reach=_reach(incident.reach),
        findings=tuple(map(_finding, incident.findings)),
        alerts=tuple(map(told_part, alerts_of(snapshot, incident.key))),
        acknowledged=_acknowledged(incident.acknowledged),
        decides=explanation.decides,
        avoid=explanation.avoid,
        helps=tuple(HelpPart(text=one.text, command=one.command or None) for one in explanation.helps),
        evidence=tuple(
            EvidencePart(text=one.text, source=one.source, window=one.window or None, age=one.age)
            for one in explanation.evidence
        ),
        ruled_out=tuple(map(_alike, explanation.ruled_out)),
        not_ruled_out=tuple(map(_alike, explanation.open)),
    )


def _acknowledged(one: Acknowledged | None) -> AcknowledgedPart | None:
    if one is None:
        return None
    return AcknowledgedPart(by=one.by, at=one.at, note=one.note or None, holds=one.holds, worse=one.worse or None)


def told_part(row: AlertRow) -> ToldPart:
    """An alert of monitoring."""
    alert = row.merged.alert
    return ToldPart(
        name=alert.name,
        state=alert.state,
        severity=alert.severity or None,
        since=alert.since,
        objects=row.concerned.objects,
        summary=annotation_of(row) or None,
    )


def _alike(ruled: LookAlike) -> AlikePart:
    return AlikePart(cause=ruled.cause, sentence=ruled.sentence, by=ruled.by)


def _kind(snapshot: Snapshot, key: str) -> str:
    if snapshot.source(key) is not None:
        return "source"
    if key in snapshot.nodes:
        return "node"
    return "workload" if key in snapshot.workloads else "pod"


def _reach(reach: Reach) -> ReachPart:
    return ReachPart(
        replicas=reach.replicas,
        of=reach.of or None,
        running=None if math.isnan(reach.running) else reach.running,
        waiting=None if math.isnan(reach.waiting) else reach.waiting,
        workloads=reach.workloads,
    )


def _finding(finding: Finding) -> FindingPart:
    return FindingPart(
        cause=finding.cause,
        object=ObjectPart(kind=finding.kind, key=finding.key),
        severity=finding.severity,
        state=finding.state,
        words=finding.words,
        since=finding.since,
    )
