"""Search for the roots of findings: the finding that each one follows from.

A root is searched for below: at the same object, at the GPUs and the node of a pod, at the other replicas. Of each
place the findings are sorted once, by how likely one is to blame, so that a search costs what is there of different
causes, however many findings there are: a workload of thousands of replicas may have all of them in trouble.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from fleet.diagnosis.cause import AnyCause, Stage
from fleet.diagnosis.causes.symptoms import AWAY
from fleet.diagnosis.incidents.reach import holders
from fleet.diagnosis.incidents.refused_nodes import keeps_out, said_of
from fleet.diagnosis.subjects.node_agents import DEPENDENT, is_agent, provides
from fleet.diagnosis.subjects.replica_groups import group_of
from fleet.diagnosis.subjects.subject_kind import OF_WORKLOADS, SubjectKind
from fleet.model.finding import Finding
from fleet.model.objects import Pod, revision_of
from fleet.model.severity import rank
from fleet.model.snapshot import Snapshot

_VAGUE = frozenset(AWAY) - {"readiness-probe-fails"}
"""Causes that only say that a pod is away: what its peers die of says more. A probe that fails has its own answer."""
_AWAY = frozenset({Stage.BROKEN, Stage.PLACING, Stage.STARTING})
_PODS = frozenset({SubjectKind.POD, SubjectKind.ENGINE, SubjectKind.REPLICA})
_THROUGH_SOURCES = _PODS | {SubjectKind.GPU, SubjectKind.WORKLOAD, SubjectKind.OBJECTIVE, SubjectKind.TRAFFIC}
"""Kinds of findings that may be there because a source is silent."""


def blamed_first(finding: Finding) -> tuple[int, float, str]:
    """Return the key by which findings that may be to blame are sorted: the worst first, then the earliest."""
    return rank(finding.severity), finding.since, finding.key


def roots_of(
    snapshot: Snapshot,
    findings: Sequence[Finding],
    causes: Mapping[str, AnyCause],
    before: Sequence[Finding] = (),
    roots: Sequence[Finding] = (),
) -> list[Finding]:
    """Return the root of each finding.

    ``before`` were found at the same objects, and ``roots`` are theirs. A root is at the same workload or replica, or
    at a GPU, a node or a source: while these have the same findings, only those of workloads with others are searched
    for again.
    """
    known = dict(zip(map(id, before), roots, strict=True))
    others = _others(before, findings)
    # A sick pod has several findings: where it is, is looked up once.
    at_key: dict[tuple[str, str], str | None] = {}

    def workload_of(finding: Finding) -> str | None:
        place = finding.kind, finding.key
        if place not in at_key:
            at_key[place] = _workload_of(snapshot, finding)
        return at_key[place]

    workloads = {workload_of(one) for one in others}
    # The pods of one replica need not be of one workload.
    grouped = any(one.key in snapshot.pods and group_of(snapshot.pods[one.key]) for one in others)
    if None not in workloads and not grouped:
        again = [one for one in findings if (at := workload_of(one)) is None or at in workloads]
    else:
        again, known = list(findings), {}
    search = RootSearch(snapshot, again, causes)
    known |= {id(one): search.root(one) for one in again}
    return [known[id(one)] for one in findings]


def _others(before: Iterable[Finding], now: Iterable[Finding]) -> list[Finding]:
    """The findings that came or went; one in another state is another object."""
    was, is_now = ({id(one): one for one in those} for those in (before, now))
    return [one for at, one in (was | is_now).items() if at not in was or at not in is_now]


def _workload_of(snapshot: Snapshot, finding: Finding) -> str | None:
    """Return the workload of a finding; None if it is at something that workloads share: their node, an agent of it."""
    if finding.kind in _PODS:
        pod = snapshot.pods.get(finding.key)
        return None if pod is not None and is_agent(pod) else snapshot.workload_of.get(finding.key)
    return finding.key if finding.kind in OF_WORKLOADS else None


class _Place:
    """The findings of one object, or of one set of objects: of each cause the first to blame."""

    __slots__ = ("earlier", "felt", "of_cause")

    def __init__(self) -> None:
        self.of_cause: dict[str, Finding] = {}
        """Cause → the first to blame of its findings, in that order."""
        self.earlier: dict[str, Finding] = {}
        """Cause → the one that may have begun first, if that is another."""
        self.felt: Finding | None = None
        """The first of those that can be the root of a symptom."""

    def add(self, finding: Finding, *, felt: bool) -> None:
        """Add a finding; those that are first to blame are added first."""
        first = self.of_cause.setdefault(finding.cause, finding)
        if finding.not_before < self.earlier.get(finding.cause, first).not_before:
            self.earlier[finding.cause] = finding
        if felt and self.felt is None:
            self.felt = finding

    def of(self, causes: Collection[str], finding: Finding) -> Finding | None:
        """Return the first to blame of these causes from which a finding can follow; None if none is found here."""
        for cause, first in self.of_cause.items():
            if cause in causes:
                if finding.can_follow(first):
                    return first
                earlier = self.earlier.get(cause)
                if earlier is not None and finding.can_follow(earlier):
                    return earlier
        return None


_Likeness: TypeAlias = "tuple[str, str, tuple[tuple[str, object], ...]]"
_Search: TypeAlias = "tuple[Iterable[_Place], Collection[str], bool]"
"""Places equally close to a finding, the causes that may be its root there, and whether anything felt may be, too."""


class RootSearch:
    """The roots of all findings of a Snapshot."""

    def __init__(self, snapshot: Snapshot, findings: Sequence[Finding], causes: Mapping[str, AnyCause]) -> None:
        self._snapshot = snapshot
        self._roots: dict[int, Finding] = {}
        active = [causes[name] for name in {one.cause for one in findings}]
        self._above_of = {one.id: _Above.of(one, active) for one in active}
        self._at: dict[str, _Place] = defaultdict(_Place)
        self._of_workload: dict[str, _Place] = defaultdict(_Place)
        """Findings at the pods and GPUs of a workload."""
        self._replicas: dict[str, _Place] = defaultdict(_Place)
        """Findings at the pods of a workload alone: a cause beneath another replica affects this one only through that
        replica.
        """
        self._of_pods: list[Finding] = []
        """Findings at pods, in the same order."""
        self._alike: dict[_Likeness, _Place] | None = None
        """The same of pods that ended alike; None until it is needed."""
        self._sources = _Place()
        self._of_nodes: list[Finding] = []
        """Findings at nodes, those that are first to blame first."""
        self._closed: dict[tuple[str, int], Sequence[_Place]] = {}
        """The scheduler's words, and the GPUs that a pod wants → the findings at nodes that these words mean."""
        self._agents: dict[str, list[str]] = defaultdict(list)
        """Node → the agents of it that have findings."""
        self._groups: Mapping[tuple[str, ...], Sequence[str]] | None = None
        """The pods with findings of each replica that is a group of pods; None until it is needed."""
        self._fails = frozenset(one.id for one in active if one.of is SubjectKind.POD and one.stage in _AWAY)
        """Causes for which a pod does not run."""
        self._has_gpus = any(finding.kind == SubjectKind.GPU for finding in findings)
        felt = {cause.id for cause in active if _is_felt(cause)}
        for finding in sorted(findings, key=blamed_first):
            for place in self._places_of(finding):
                place.add(finding, felt=finding.cause in felt)
            if finding.kind in _PODS:
                self._of_pods.append(finding)
            elif finding.kind == SubjectKind.NODE:
                self._of_nodes.append(finding)

    def _places_of(self, finding: Finding) -> Iterable[_Place]:
        """Return where a finding is searched for."""
        key, kind, workload_of = finding.key, finding.kind, self._snapshot.workload_of
        if kind in _PODS:
            workload = workload_of.get(key)
            pod = self._snapshot.pods.get(key)
            if pod is not None and is_agent(pod):
                self._agents[pod.node].append(key)
            if workload is not None:
                return self._at[key], self._of_workload[workload], self._replicas[workload]
        elif kind == SubjectKind.GPU:
            those = {workload_of[pod] for pod in holders(self._snapshot, key)}
            return [self._at[key], *(self._of_workload[workload] for workload in those)]
        elif kind == SubjectKind.SOURCE:
            return self._at[key], self._sources
        return (self._at[key],)

    def root(self, finding: Finding) -> Finding:
        """Return the finding that it follows from, or itself."""
        found = self._roots.get(id(finding))
        if found is None:
            self._roots[id(finding)] = finding
            above = self._above(finding)
            found = self._roots[id(finding)] = finding if above is None else self.root(above)
        return found

    def _above(self, finding: Finding) -> Finding | None:
        above = self._above_of[finding.cause]
        if not above.roots and not above.symptom and not above.in_group and not self._agents:
            return None
        for places, those, or_felt in self._searches(finding, above):
            found = [place.of(those, finding) or (place.felt if or_felt else None) for place in places]
            there = [one for one in found if one is not None]
            if there:
                return min(there, key=blamed_first) if len(there) > 1 else there[0]
        return self._agent(finding) if self._agents and finding.cause in DEPENDENT else None

    def _agent(self, finding: Finding) -> Finding | None:
        """Return the finding at an agent of its node that should provide what is missing."""
        pods = self._snapshot.pods
        node = (
            finding.key if finding.kind == SubjectKind.NODE else pods[finding.key].node if finding.key in pods else ""
        )
        failing = [self._at[key] for key in self._agents.get(node, ()) if provides(pods[key], finding.cause)]
        found = [one for place in failing if (one := place.of(self._fails, finding)) is not None and one is not finding]
        return min(found, key=blamed_first, default=None)

    def _searches(self, finding: Finding, above: _Above) -> Iterator[_Search]:
        """Yield where its root may be, the lowest first."""
        key, snapshot, (roots, peers, symptom, _) = finding.key, self._snapshot, above
        if self._sources.of_cause and finding.kind in _THROUGH_SOURCES:
            yield (self._sources,), roots, False
        match finding.kind:
            case SubjectKind.POD | SubjectKind.ENGINE | SubjectKind.REPLICA:
                workload = snapshot.workload_of.get(key, "")
                if self._of_nodes:
                    yield self._beneath(key), roots, False
                if self._has_gpus:
                    yield [self._at[gpu] for gpu in snapshot.gpus_of.get(key, ()) if gpu in self._at], roots, False
                yield (self._at[key],), roots, False
                if above.in_group:
                    yield self._beside(key), above.in_group, False
                yield _at(workload, self._at), roots, False
                if peers:
                    yield self._peers(finding, workload), peers, False
            case SubjectKind.GPU:
                gpu = snapshot.gpus.get(key)
                yield () if gpu is None else _at(gpu.node, self._at), roots, False
                yield (self._at[key],), roots, False
            case SubjectKind.NODE:
                yield (self._at[key],), roots, False
                yield [self._at[gpu] for gpu in snapshot.gpus_on.get(key, ()) if gpu in self._at], roots, False
            case SubjectKind.OBJECTIVE | SubjectKind.WORKLOAD | SubjectKind.TRAFFIC | SubjectKind.AUTOSCALER:
                yield (self._at[key],), roots, symptom and finding.kind != SubjectKind.WORKLOAD
                yield _at(key, self._of_workload), roots, symptom
            case _:
                yield (self._at[key],), roots, False

    def _beside(self, key: str) -> Sequence[_Place]:
        """The findings at the other pods of the replica that a pod is a part of."""
        pods = self._snapshot.pods
        if self._groups is None:
            groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
            for other in [one for one in self._at if one in pods]:
                if group := group_of(pods[other]):
                    groups[group].append(other)
            self._groups = groups
        own = group_of(pods[key]) if key in pods else None
        return [self._at[other] for other in self._groups.get(own or (), ()) if other != key]

    def _beneath(self, key: str) -> Sequence[_Place]:
        """The findings at a pod's node; for a pod that none takes, those at the nodes that refuse it for them."""
        pod = self._snapshot.pods.get(key)
        if pod is None:
            return ()
        if pod.node or pod.phase != "Pending":
            return _at(pod.node, self._at)
        words = said_of(pod), pod.gpus
        if words not in self._closed:
            place = _Place()
            for one in self._of_nodes:
                if keeps_out(self._snapshot, one, pod):
                    place.add(one, felt=False)
            self._closed[words] = (place,)
        return self._closed[words]

    def _peers(self, finding: Finding, workload: str) -> Sequence[_Place]:
        """The findings at the other replicas; of what only says that a pod is away, at those that are away alike."""
        pod = self._snapshot.pods.get(finding.key)
        if finding.cause not in _VAGUE or pod is None:
            return _at(workload, self._replicas)
        if self._alike is None:
            self._alike = defaultdict(_Place)
            for one in self._of_pods:
                other = self._snapshot.pods.get(one.key)
                if other is not None:
                    self._alike[_likeness(self._snapshot, other)].add(one, felt=False)
        found = self._alike.get(_likeness(self._snapshot, pod))
        return () if found is None else (found,)


class _Above(NamedTuple):
    """The causes that may be above one."""

    roots: frozenset[str]
    """Causes of it that are currently found."""
    peers: frozenset[str]
    """Roots that do so at the other replicas, too."""
    symptom: bool
    """True if any finding at its parts ranks above it."""
    in_group: frozenset[str]
    """Causes at the other pods of a group that keep the whole group from serving, if it only says that a pod does not.
    """

    @staticmethod
    def of(cause: AnyCause, active: Sequence[AnyCause]) -> _Above:
        """Return the causes above one, among the active ones."""
        roots = [one for one in active if cause.id in one.explains]
        # The others carry its load; whether they start is nobody's affair but their own.
        starts = cause.of is SubjectKind.POD and cause.stage in _AWAY and cause.id not in _VAGUE
        of_peers = frozenset(one.id for one in roots if one.peers and not starts)
        away = (one.id for one in active if one.of is SubjectKind.POD and one.stage in _AWAY and one.id not in AWAY)
        return _Above(
            frozenset(one.id for one in roots),
            of_peers,
            cause.symptom,
            frozenset(away) if cause.id in AWAY else frozenset(),
        )


def _likeness(snapshot: Snapshot, pod: Pod) -> _Likeness:
    """Return what pods have in common that end alike: workload, revision, and how each of their containers stands.

    A container that has ended stands by its exit code, whatever it does until it ends again.
    """
    stands = []
    for one in pod.containers:
        code = one.exit_code if one.exit_code is not None else one.last_exit_code
        stands.append((one.name, one.state if code is None else code))
    return snapshot.workload_of.get(pod.key, ""), revision_of(pod), tuple(stands)


def _at(key: str, places: Mapping[str, _Place]) -> Sequence[_Place]:
    found = places.get(key)
    return () if found is None else (found,)


def _is_felt(cause: AnyCause) -> bool:
    """True if it can be the root of a cause that only reports the state of an object's parts.

    Not what stands in front of a workload: requests that do not arrive are counted by none of its engines. Nor how it
    is set up, where that is felt with the next fault only.
    """
    return not (cause.symptom or cause.of is SubjectKind.SERVICE or (cause.of is SubjectKind.SETUP and cause.runs_on))
