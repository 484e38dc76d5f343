"""The explanation of a finding: the observations, the excluded causes with their numbers, and what would decide.

Computed on request: most findings of an incident are never opened.
"""

from __future__ import annotations

from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.diagnosis import registry
from fleet.diagnosis.cause import AnyCause, Help, Ruling
from fleet.diagnosis.families.canary_cause import CanaryCause, RouteCanaryCause, answer_of
from fleet.diagnosis.sign import Observation
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import OF_WORKLOADS, SubjectKind
from fleet.model.finding import Finding
from fleet.model.quantity import MEANINGS, Quantity, Unit
from fleet.model.snapshot import CANARY, Snapshot

_RATES = frozenset({Unit.PER_SECOND, Unit.TOKENS_PER_SECOND})
_PODS = frozenset({SubjectKind.POD, SubjectKind.ENGINE, SubjectKind.REPLICA})
"""Kinds whose key is a pod's."""
_GROUNDS = 2
"""Numbers of different objects that are quoted; of more, the first: the hundred GPUs of a workload would fill pages."""


class IncidentEvidence(NamedTuple):
    """One thing that is seen."""

    text: str
    source: str
    """Source of it: ``prometheus``, ``kubernetes``."""
    window: float = 0.0
    """Seconds that the value covers; 0 for an instantaneous one."""
    age: float = 0.0
    """Seconds since it was so, when the Snapshot was made."""


class LookAlike(NamedTuple):
    """A cause that looks alike, and what rules it out; or what would decide, if that is unknown."""

    cause: str
    """Id of the cause."""
    sentence: str
    by: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one finding."""

    evidence: tuple[IncidentEvidence, ...]
    ruled_out: tuple[LookAlike, ...]
    open: tuple[LookAlike, ...]
    """Causes that could not be ruled out because an input is missing."""
    decides: tuple[str, ...]
    helps: tuple[Help, ...]
    avoid: tuple[str, ...]


def explain(snapshot: Snapshot, finding: Finding) -> Explanation:
    """Explain a finding by the numbers of a Snapshot. If the object is gone, only the remedy is given."""
    causes = {cause.id: cause for cause in registry.CAUSES}
    cause, subjects, key = causes[finding.cause], Subjects.of(snapshot), finding.key
    seen = tuple(_sourced(snapshot, cause, key, one) for one in cause.observed(subjects, key))
    ruled_out: list[LookAlike] = []
    undecided: list[LookAlike] = []
    for name in cause.lookalikes if seen else ():
        ruling = _ruling(snapshot, subjects, cause.of, key, causes[name])
        if ruling.holds is not True:
            those = ruled_out if ruling.holds is False else undecided
            those.append(LookAlike(name, causes[name].sentence, ruling.by))
    return Explanation(seen, tuple(ruled_out), tuple(undecided), cause.decides, cause.helps, cause.avoid)


def _sourced(snapshot: Snapshot, cause: AnyCause, key: str, seen: Observation) -> IncidentEvidence:
    kind = cause.of
    if kind is SubjectKind.TRAFFIC:
        return IncidentEvidence(seen.text, snapshot.method or "metrics", snapshot.window)
    if kind in (SubjectKind.ENGINE, SubjectKind.GPU, SubjectKind.REPLICA):
        frame = snapshot.by_gpu if kind is SubjectKind.GPU else snapshot.by_pod
        rate = seen.quantity is not None and MEANINGS[seen.quantity].unit in _RATES
        rate = rate and seen.quantity is not Quantity.LATEST_TOKENS
        window = snapshot.window if rate else 0.0
        return IncidentEvidence(seen.text, snapshot.method or "metrics", window, frame.age(frame.index[key]))
    if isinstance(cause, CanaryCause | RouteCanaryCause):
        answer = answer_of(snapshot, key)
        return IncidentEvidence(seen.text, CANARY, age=0.0 if answer is None else max(0.0, snapshot.at - answer.at))
    if kind is SubjectKind.OBJECTIVE:
        return IncidentEvidence(seen.text, "objectives")
    source = snapshot.of_objects
    return IncidentEvidence(seen.text, source.name if source is not None else "kubernetes")


def _ruling(snapshot: Snapshot, subjects: Subjects, kind: SubjectKind, key: str, other: AnyCause) -> Ruling:
    """Return whether another cause holds where it would have to, and what shows that."""
    places = keys_beside(snapshot, kind, key, other.of)
    rulings = [ruling for place in places if (ruling := other.ruling(subjects, place)) is not None]
    if not rulings:
        return Ruling(None, f"{other.of.value}: unknown")
    decisive = next((one for one in rulings if one.holds is True), None)
    decisive = decisive or next((one for one in rulings if one.holds is None), None)
    if decisive is not None:
        return decisive
    grounds = list(dict.fromkeys(one.by for one in rulings))
    if len(grounds) > _GROUNDS:
        return Ruling(False, f"{grounds[0]}; the other {len(rulings) - 1} rule it out too")
    many = f", on all {len(rulings)}" if len(rulings) > 1 and len(grounds) == 1 else ""
    return Ruling(False, "; ".join(grounds) + many)


def keys_beside(snapshot: Snapshot, kind: SubjectKind, key: str, other: SubjectKind) -> tuple[str, ...]:
    """Return the keys of the related objects of another kind: the object itself if it is of that kind, or the pods of a
    workload.
    """
    if kind is other or {kind, other} <= _PODS:
        return (key,)
    pod = snapshot.pods.get(key)
    match kind, other:
        case ((SubjectKind.POD | SubjectKind.ENGINE | SubjectKind.REPLICA), SubjectKind.GPU):
            return snapshot.gpus_of.get(key, ())
        case ((SubjectKind.POD | SubjectKind.ENGINE | SubjectKind.REPLICA), SubjectKind.NODE):
            return (pod.node,) if pod is not None and pod.node in snapshot.nodes else ()
        case (_, (SubjectKind.POD | SubjectKind.ENGINE | SubjectKind.REPLICA)) if kind in OF_WORKLOADS:
            return snapshot.pods_of.get(key, ())
        case (_, SubjectKind.GPU) if kind in OF_WORKLOADS:
            return tuple(gpu for pod in snapshot.pods_of.get(key, ()) for gpu in snapshot.gpus_of.get(pod, ()))
        case ((SubjectKind.POD | SubjectKind.ENGINE | SubjectKind.REPLICA), SubjectKind.AUTOSCALER):
            workload = snapshot.workload_of.get(key, "")
            return (workload,) if workload in snapshot.autoscalers else ()
        case SubjectKind.GPU, SubjectKind.NODE:
            gpu = snapshot.gpus.get(key)
            return (gpu.node,) if gpu is not None and gpu.node in snapshot.nodes else ()
    return ()
