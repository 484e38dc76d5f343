"""Grouping of findings into incidents: the consequences of one root are one incident, and two roots are two.

Roots are searched for below: at the same object, the GPUs and the node of a pod, the replicas that are away. A finding
is only put under a root that declares to explain it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.diagnosis.cause import AnyCause, Of
from fleet.diagnosis.reach import Concerned, concerned_by, holders
from fleet.model.differences import are_same
from fleet.model.finding import Finding, FindingState
from fleet.model.objects import Pod
from fleet.model.severity import Severity, rank
from fleet.model.snapshot import Snapshot

_PODS = frozenset({Of.POD, Of.ENGINE, Of.REPLICA})
STATES = (FindingState.FIRING, FindingState.PENDING, FindingState.RECOVERING)
"""States in order of precedence."""
TOGETHER = 300.0
"""Seconds within which nodes that have the same have it from the same."""


@dataclass(frozen=True, slots=True)
class IncidentGroup:
    """An incident without the words that depend on its numbers."""

    key: str
    about: str
    sentence: str
    findings: tuple[Finding, ...]
    severity: Severity
    state: FindingState
    order: tuple[int, int]
    """Place among the others: by its state, then by its severity."""
    concerned: Concerned
    """Pods and workloads that its findings reach."""
    objects: tuple[str, ...]
    """Keys of the objects of its findings, the root's first."""
    roots: int
    """Number of its findings that have the root's cause."""


class Groups:
    """The groups of findings, kept while the same is found at the same objects and only the numbers are others."""

    def __init__(self, causes: Mapping[str, AnyCause]) -> None:
        self._causes = causes
        self._findings: Sequence[Finding] = ()
        self._ground: tuple[object, ...] = ()
        self._roots: list[int] = []
        self._groups: Sequence[IncidentGroup] = ()
        self.made = 0
        """Number of times that groups were made: tests count what a tick costs."""

    def of(self, snapshot: Snapshot, findings: Sequence[Finding]) -> Sequence[IncidentGroup]:
        """Return the groups: the same object while nothing changes."""
        ground = (
            snapshot.pods,
            snapshot.workloads,
            snapshot.nodes,
            snapshot.workload_of,
            snapshot.model_of,
            snapshot.gpus_of,
            snapshot.gpus,
            snapshot.by_pod.index,
        )
        same = are_same(self._ground, ground)
        if same and (findings is self._findings or findings == self._findings):
            return self._groups
        if not same or not _alike_but_for_state(findings, self._findings):
            kin = _Kin(snapshot, findings, self._causes)
            place = {id(finding): at for at, finding in enumerate(findings)}
            self._roots = [place[id(kin.root(finding))] for finding in findings]
        kept = {id(one.findings[0]): one for one in self._groups} if same else {}
        self._groups = _grouped(snapshot, findings, [findings[at] for at in self._roots], self._causes, kept)
        self._findings, self._ground = findings, ground
        self.made += 1
        return self._groups


def _alike_but_for_state(findings: Sequence[Finding], others: Sequence[Finding]) -> bool:
    """True if the findings have pairwise the same roots."""
    return len(findings) == len(others) and all(
        one is other
        or (
            one.cause == other.cause
            and one.key == other.key
            and one.severity is other.severity
            and one.since == other.since
        )
        for one, other in zip(findings, others, strict=True)
    )


def _grouped(
    snapshot: Snapshot,
    findings: Sequence[Finding],
    roots_of: Sequence[Finding],
    causes: Mapping[str, AnyCause],
    kept: Mapping[int, IncidentGroup],
) -> list[IncidentGroup]:
    """``roots_of`` are the roots of the findings, one by one; ``kept`` are groups of before by the id of their root."""
    members: dict[int, list[Finding]] = defaultdict(list)
    roots: dict[int, Finding] = {}
    for finding, root in zip(findings, roots_of, strict=True):
        roots[id(root)] = root
        if finding is not root:
            members[id(root)].append(finding)
    found = []
    for about, alike in _alike(snapshot, roots.values()):
        those = (*alike, *(one for each in alike for one in members.get(id(each), ())))
        was = kept.get(id(those[0]))
        if was is not None and was.about == about and are_same(was.findings, those):
            found.append(was)
        else:
            found.append(_group(snapshot, about, alike, those, causes))
    return found


@dataclass(slots=True)
class _Kin:
    """The findings below each finding."""

    snapshot: Snapshot
    findings: Sequence[Finding]
    causes: Mapping[str, AnyCause]
    _at: dict[str, list[Finding]]
    _of_workload: dict[str, list[Finding]]
    _roots: dict[int, Finding]
    _sources: Sequence[Finding]
    _nodes: Sequence[Finding]
    _above_of: dict[str, _Above]

    def __init__(self, snapshot: Snapshot, findings: Sequence[Finding], causes: Mapping[str, AnyCause]) -> None:
        self.snapshot, self.findings, self.causes = snapshot, findings, causes
        self._at, self._of_workload, self._roots = defaultdict(list), defaultdict(list), {}
        active = [causes[name] for name in {one.cause for one in findings}]
        self._above_of = {one.id: _Above.of(one, active) for one in active}
        self._sources = [one for one in findings if one.kind == Of.SOURCE]
        self._nodes = [one for one in findings if one.kind == Of.NODE]
        for finding in findings:
            self._at[finding.key].append(finding)
            for workload in _workloads(snapshot, finding):
                self._of_workload[workload].append(finding)

    def root(self, finding: Finding) -> Finding:
        """Return the finding that it follows from, or itself."""
        found = self._roots.get(id(finding))
        if found is None:
            self._roots[id(finding)] = finding
            above = self._above(finding)
            found = self._roots[id(finding)] = finding if above is None else self.root(above)
        return found

    def _above(self, finding: Finding) -> Finding | None:
        roots, peers, symptom = self._above_of[finding.cause]
        if not roots and not symptom:
            return None
        key, of_pod = finding.key, finding.kind in _PODS
        for place in self._places(finding, peers=bool(peers), roots=roots):
            explaining = [
                one
                for one in place
                if one.cause in roots
                and one is not finding
                and (one.key == key or one.cause in peers or not of_pod or one.kind not in _PODS)
            ]
            if symptom and not explaining and place is not self._sources:
                explaining = [one for one in place if self._is_felt(one)]
            if explaining:
                return min(explaining, key=lambda one: (rank(one.severity), one.since, one.key))
        return None

    def _is_felt(self, finding: Finding) -> bool:
        """True if it can be the root of a cause that only reports the state of an object's parts.

        Not what stands in front of a workload: requests that do not arrive are counted by none of its engines. Nor how
        it is set up, where that is felt with the next fault only.
        """
        cause = self.causes[finding.cause]
        return not (cause.symptom or finding.kind == Of.SERVICE or (finding.kind == Of.SETUP and cause.runs_on))

    def _places(self, finding: Finding, *, peers: bool, roots: frozenset[str]) -> Iterator[Sequence[Finding]]:
        """Yield the places where its root may be, the lowest first; ``peers``: also the other replicas.

        ``roots`` are the causes that bring it about.
        """
        at, snapshot = self._at, self.snapshot
        match finding.kind:
            case Of.POD | Of.ENGINE | Of.REPLICA:
                pod = snapshot.pods.get(finding.key)
                yield self._sources
                yield self._beneath(pod) if pod is not None else ()
                yield [one for gpu in snapshot.gpus_of.get(finding.key, ()) for one in at.get(gpu, ())]
                yield at[finding.key]
                yield at.get(snapshot.workload_of.get(finding.key, ""), ())
                if not peers:
                    return
                others = self._of_workload.get(snapshot.workload_of.get(finding.key, ""), ())
                # A cause beneath another replica affects this one only through that replica.
                yield [one for one in others if one.kind in _PODS]
            case Of.GPU:
                gpu = snapshot.gpus.get(finding.key)
                yield self._sources
                yield at.get(gpu.node, ()) if gpu is not None else ()
                yield at[finding.key]
            case Of.NODE:
                yield at[finding.key]
                yield [one for gpu in snapshot.gpus_on.get(finding.key, ()) for one in at.get(gpu, ())]
            case Of.OBJECTIVE:
                yield self._sources
                yield at[finding.key]
                yield self._of_workload.get(finding.key, ())
            case Of.WORKLOAD:
                yield self._sources
                yield [one for one in at[finding.key] if one.cause in roots]
                yield self._of_workload.get(finding.key, ())
            case Of.TRAFFIC:
                yield self._sources
                yield at[finding.key]
                yield self._of_workload.get(finding.key, ())
            case _:
                yield at[finding.key]

    def _beneath(self, pod: Pod) -> Sequence[Finding]:
        """The findings at a pod's node; at all nodes for a pod that none takes."""
        if pod.node or pod.phase != "Pending":
            return self._at.get(pod.node, ())
        return self._nodes


class _Above(NamedTuple):
    """The causes that may be above one."""

    roots: frozenset[str]
    """Causes of it that are currently found."""
    peers: frozenset[str]
    """Roots that do so at the other replicas, too."""
    symptom: bool
    """True if any finding at its parts ranks above it."""

    @staticmethod
    def of(cause: AnyCause, active: Sequence[AnyCause]) -> _Above:
        """Return the causes above one, among the active ones."""
        roots = [one for one in active if cause.id in one.explains]
        of_peers = frozenset(one.id for one in roots if one.peers)
        return _Above(frozenset(one.id for one in roots), of_peers, cause.symptom)


def _workloads(snapshot: Snapshot, finding: Finding) -> Iterable[str]:
    """The workloads whose pods are affected; not the finding's own workload."""
    match finding.kind:
        case Of.POD | Of.ENGINE | Of.REPLICA:
            found = snapshot.workload_of.get(finding.key)
            return () if found is None else (found,)
        case Of.GPU:
            return {snapshot.workload_of[pod] for pod in holders(snapshot, finding.key)}
        case _:
            return ()


def _alike(snapshot: Snapshot, roots: Iterable[Finding]) -> Iterator[tuple[str, list[Finding]]]:
    """Merge roots that are one event: the same cause at several pods of a workload, GPUs of a node, or nodes at one
    time.

    Yields each group with the key of the object that it is about.
    """
    places: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for root in roots:
        places[root.cause, _place(snapshot, root)].append(root)
    for (_, place), alike in places.items():
        alike.sort(key=lambda one: (rank(one.severity), one.since, one.key))
        if alike[0].kind in (Of.NODE, Of.PLACEMENT):
            yield from ((together[0].key, together) for together in _at_one_time(alike))
        else:
            yield (alike[0].key if len(alike) == 1 else place), alike


def _place(snapshot: Snapshot, root: Finding) -> str:
    match root.kind:
        case Of.POD | Of.ENGINE | Of.REPLICA:
            return snapshot.workload_of.get(root.key, root.key)
        case Of.GPU:
            gpu = snapshot.gpus.get(root.key)
            return gpu.node if gpu is not None and gpu.node in snapshot.nodes else root.key
        case Of.NODE | Of.PLACEMENT:
            return ""
        case _:
            return root.key


def _at_one_time(nodes: Sequence[Finding]) -> Iterator[list[Finding]]:
    together: list[Finding] = []
    for node in sorted(nodes, key=lambda one: (one.since, one.key)):
        if together and node.since - together[-1].since > TOGETHER:
            yield together
            together = []
        together.append(node)
    yield together


def _group(
    snapshot: Snapshot,
    about: str,
    alike: Sequence[Finding],
    findings: tuple[Finding, ...],
    causes: Mapping[str, AnyCause],
) -> IncidentGroup:
    root = alike[0]
    # What only says how its parts stand does not fire before what is wrong with those may.
    wrong = [one for one in findings if not causes[one.cause].symptom]
    pending = bool(wrong) and all(one.state is FindingState.PENDING for one in wrong)
    states = {FindingState.PENDING} if pending else {one.state for one in findings}
    state = next(state for state in STATES if state in states)
    firing = [one for one in findings if one.state is not FindingState.PENDING] or findings
    severity = min((one.severity for one in firing), key=rank, default=Severity.UNKNOWN)
    return IncidentGroup(
        f"{root.cause}@{about}",
        about,
        causes[root.cause].sentence,
        findings,
        severity,
        state,
        (STATES.index(state), rank(severity)),
        concerned_by(snapshot, findings, causes),
        tuple(dict.fromkeys(one.key for one in findings)),
        len({one.key for one in alike}),
    )
