"""The score of one case: correctness of the first line, completeness of the evidence, time taken, and other
findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field

from fleet.dataclass import dataclass
from fleet.diagnosis.incidents.check_status import counted
from fleet.diagnosis.incidents.evidence import explain
from fleet.evaluation.replay import ReplayedTick
from fleet.evaluation.truth import TrueFault, TrueFinding, Truth
from fleet.model.finding import FindingState, Incident
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot

_TROUBLE = frozenset({Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN})


@dataclass(frozen=True, slots=True)
class ShownIncident:
    """An incident as shown: the report for an object."""

    cause: str
    object: str
    words: str


@dataclass(slots=True)
class FaultScore:
    """Score of one fault."""

    named: bool = False
    """True if an incident that was shown at the end has its cause and its object."""
    cause_named: bool = False
    """True if an incident has its cause, at any object."""
    evidence: float = 0.0
    """Share of its expected evidence that the incident shows."""
    helped: bool = False
    """True if an acceptable action is offered."""
    pending_after: float | None = None
    """Seconds from the onset until it was shown, pending or not; None if never."""
    firing_after: float | None = None
    in_time: bool = False
    """True if it was shown within two scrapes and five seconds."""


@dataclass(slots=True)
class CaseScore:
    """Score of one case."""

    name: str
    truth: Truth
    faults: tuple[FaultScore, ...]
    seconds: float = 0.0
    """Length of the recording."""
    first: ShownIncident | None = None
    """The first line at the end, ignoring findings that are right but unrequested."""
    first_right: bool = False
    """True if that is one of the faults, by cause and object."""
    wrong: list[ShownIncident] = field(default_factory=list)
    """Incidents that fired at any time and match none of the faults."""

    @property
    def all_named(self) -> bool:
        return all(fault.named for fault in self.faults)

    @property
    def exact(self) -> bool:
        """True if every fault was named, and nothing else."""
        return self.all_named and not self.wrong


GRACE = 5.0
"""Seconds for a tick, beyond the two scrapes after which a fault should be shown."""


def score(name: str, truth: Truth, looks: Iterable[ReplayedTick]) -> CaseScore:
    """Score a case by the replay of its recording."""
    case = CaseScore(name, truth, tuple(FaultScore() for _ in truth.faults))
    right = (*truth.faults, *truth.beside)
    wrong: dict[tuple[str, str], ShownIncident] = {}
    first = last = None
    incidents: Sequence[Incident] = ()
    for look in looks:
        last = look.snapshot
        first = last if first is None else first
        for fault, found in zip(truth.faults, case.faults, strict=True):
            if last.at >= fault.onset and found.firing_after is None:
                _follow(fault, found, look)
        if last.incidents is not incidents:
            incidents = last.incidents
            for one in counted(incidents):
                if one.severity in _TROUBLE and not any(matches(found, one) for found in right):
                    wrong.setdefault((one.root.cause, one.about), _shown(one))
    case.wrong = list(wrong.values())
    if first is not None and last is not None:
        case.seconds = last.at - first.at
        _judge(case, last)
    return case


def _follow(fault: TrueFault, found: FaultScore, look: ReplayedTick) -> None:
    """Note when a fault is first shown, and when it fires."""
    states = {one.state for one in look.snapshot.incidents if matches(fault, one)}
    after = look.snapshot.at - fault.onset
    if states and found.pending_after is None:
        found.pending_after = after
        found.in_time = after <= 2 * look.interval + GRACE
    if FindingState.FIRING in states:
        found.firing_after = after


def _judge(case: CaseScore, last: Snapshot) -> None:
    """Score the incidents shown at the end."""
    shown = [one for one in counted(last.incidents, pending=True) if one.severity in _TROUBLE]
    asked = [one for one in shown if not any(matches(beside, one) for beside in case.truth.beside)]
    if asked:
        case.first = _shown(asked[0])
        case.first_right = any(matches(fault, asked[0]) for fault in case.truth.faults)
    taken: set[str] = set()
    for fault, found in zip(case.truth.faults, case.faults, strict=True):
        found.cause_named = any(_is_cause(fault, one) for one in asked)
        incident = next((one for one in asked if one.key not in taken and matches(fault, one)), None)
        if incident is None:
            continue
        # Two faults reported as one incident are not distinguished.
        taken.add(incident.key)
        found.named = True
        found.evidence, found.helped = _evidence(last, fault, incident), _helps(last, fault, incident)


def _evidence(snapshot: Snapshot, fault: TrueFault, incident: Incident) -> float:
    text = "\n".join(_proof(snapshot, incident))
    there = [re.search(pattern, text, re.IGNORECASE) is not None for pattern in fault.evidence]
    return sum(there) / len(there) if there else 1.0


def _proof(snapshot: Snapshot, incident: Incident) -> Iterator[str]:
    """Yield all that an incident shows as its proof."""
    for finding in incident.findings:
        yield finding.words
        yield from (one.text for one in explain(snapshot, finding).evidence)


def _helps(snapshot: Snapshot, fault: TrueFault, incident: Incident) -> bool:
    offered = {one.command for one in explain(snapshot, incident.root).helps}
    return not fault.actions or not offered.isdisjoint(fault.actions)


def matches(found: TrueFinding, incident: Incident) -> bool:
    """True if an incident has the expected cause and object."""
    if not _is_cause(found, incident):
        return False
    keys = {incident.about, *(one.key for one in incident.alike)}
    return not found.object or not keys.isdisjoint(found.object)


def _is_cause(found: TrueFinding, incident: Incident) -> bool:
    if incident.root.cause in found.cause:
        return True
    text = f"{incident.sentence} {incident.root.words}"
    return found.says is not None and re.search(found.says, text, re.IGNORECASE) is not None


def _shown(incident: Incident) -> ShownIncident:
    return ShownIncident(incident.root.cause, incident.about, incident.root.words)
