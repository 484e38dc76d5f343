"""Grouping of findings into incidents: the consequences of one root are one incident, and two roots are two.

A finding is only put under a root that declares to explain it (root_search.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from fleet.dataclass import dataclass
from fleet.diagnosis.cause import AnyCause
from fleet.diagnosis.incidents.reach import Concerned, concerned_by
from fleet.diagnosis.incidents.root_search import blamed_first, roots_of
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.differences import are_same
from fleet.model.finding import Finding, FindingState
from fleet.model.severity import Severity, rank
from fleet.model.snapshot import Snapshot

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
        """The place of the root of each finding among them."""
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
        if same and _alike_but_for_state(findings, self._findings):
            self._groups = _in_other_states(self._groups, self._findings, findings, self._causes)
        else:
            before, roots = (self._findings, [self._findings[at] for at in self._roots]) if same else ((), ())
            kept = {one.key: one for one in self._groups} if same else {}
            found = roots_of(snapshot, findings, self._causes, before, roots)
            self._groups = _grouped(snapshot, findings, found, self._causes, kept)
            place = {id(finding): at for at, finding in enumerate(findings)}
            self._roots = [place[id(root)] for root in found]
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


def _in_other_states(
    groups: Sequence[IncidentGroup],
    before: Sequence[Finding],
    findings: Sequence[Finding],
    causes: Mapping[str, AnyCause],
) -> list[IncidentGroup]:
    """Return the same groups of findings that differ from those before in their states alone."""
    now = dict(zip(map(id, before), findings, strict=True))
    found = []
    for group in groups:
        those = tuple([now[id(one)] for one in group.findings])
        found.append(group if are_same(group.findings, those) else _restated(group, those, causes))
    return found


def _restated(group: IncidentGroup, findings: tuple[Finding, ...], causes: Mapping[str, AnyCause]) -> IncidentGroup:
    severity, state, order = _standing(findings, causes)
    return IncidentGroup(
        group.key,
        group.about,
        group.sentence,
        findings,
        severity,
        state,
        order,
        group.concerned,
        group.objects,
        group.roots,
    )


def _grouped(
    snapshot: Snapshot,
    findings: Sequence[Finding],
    roots_of: Sequence[Finding],
    causes: Mapping[str, AnyCause],
    kept: Mapping[str, IncidentGroup],
) -> list[IncidentGroup]:
    """``roots_of`` are the roots of the findings, one by one; ``kept`` are groups of before by their key."""
    members: dict[int, list[Finding]] = defaultdict(list)
    roots: dict[int, Finding] = {}
    for finding, root in zip(findings, roots_of, strict=True):
        roots[id(root)] = root
        if finding is not root:
            members[id(root)].append(finding)
    found = []
    for about, alike in _alike(snapshot, roots.values()):
        those = (*alike, *(one for each in alike for one in members.get(id(each), ())))
        key = f"{those[0].cause}@{about}"
        was = kept.get(key)
        if was is not None and are_same(was.findings, those):
            found.append(was)
            continue
        same_objects = was is not None and _are_alike(was.findings, those)
        concerned = was.concerned if was is not None and same_objects else concerned_by(snapshot, those, causes)
        found.append(_group(key, about, alike, those, causes, concerned))
    return found


def _are_alike(findings: Sequence[Finding], others: Sequence[Finding]) -> bool:
    """True if the same causes are found at the same objects."""
    return len(findings) == len(others) and all(
        one is other or (one.cause == other.cause and one.key == other.key)
        for one, other in zip(findings, others, strict=True)
    )


def _alike(snapshot: Snapshot, roots: Iterable[Finding]) -> Iterator[tuple[str, list[Finding]]]:
    """Merge roots that are one event: the same cause at several pods of a workload, GPUs of a node, or nodes at one
    time.

    Yields each group with the key of the object that it is about.
    """
    places: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for root in roots:
        places[root.cause, _place(snapshot, root)].append(root)
    for (_, place), alike in places.items():
        alike.sort(key=blamed_first)
        if alike[0].kind in (SubjectKind.NODE, SubjectKind.PLACEMENT):
            yield from ((together[0].key, together) for together in _at_one_time(alike))
        else:
            yield (alike[0].key if len(alike) == 1 else place), alike


def _place(snapshot: Snapshot, root: Finding) -> str:
    match root.kind:
        case SubjectKind.POD | SubjectKind.ENGINE | SubjectKind.REPLICA:
            return snapshot.workload_of.get(root.key, root.key)
        case SubjectKind.GPU:
            gpu = snapshot.gpus.get(root.key)
            return gpu.node if gpu is not None and gpu.node in snapshot.nodes else root.key
        case SubjectKind.NODE | SubjectKind.PLACEMENT:
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


def _precedence(state: FindingState, cause: AnyCause) -> int:
    """Return the place of a state; what only adds to another trouble does not come before one that is pending."""
    place = STATES.index(state)
    return max(place, STATES.index(FindingState.PENDING)) if cause.secondary else place


def _group(
    key: str,
    about: str,
    alike: Sequence[Finding],
    findings: tuple[Finding, ...],
    causes: Mapping[str, AnyCause],
    concerned: Concerned,
) -> IncidentGroup:
    severity, state, order = _standing(findings, causes)
    return IncidentGroup(
        key,
        about,
        causes[alike[0].cause].sentence,
        findings,
        severity,
        state,
        order,
        concerned,
        tuple(dict.fromkeys(one.key for one in findings)),
        len({one.key for one in alike}),
    )


def _standing(
    findings: Sequence[Finding], causes: Mapping[str, AnyCause]
) -> tuple[Severity, FindingState, tuple[int, int]]:
    """Return severity and state of a group, whose root is its first finding, and its place among the others."""
    # A cause that only summarises its parts does not fire before their causes may.
    wrong = [one for one in findings if not causes[one.cause].symptom]
    pending = bool(wrong) and all(one.state is FindingState.PENDING for one in wrong)
    states = {FindingState.PENDING} if pending else {one.state for one in findings}
    state = next(state for state in STATES if state in states)
    firing = [one for one in findings if one.state is not FindingState.PENDING] or findings
    severity = min((one.severity for one in firing), key=rank, default=Severity.UNKNOWN)
    return severity, state, (_precedence(state, causes[findings[0].cause]), rank(severity))
