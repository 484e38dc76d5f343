"""Health of a fleet: GPUs, then the pods that hold them, then their workloads, and the nodes.

Kept from one tick to the next: an object is assessed again if its row, or a sign of its metrics or GPUs, has changed,
as are the workloads of such pods. While no assessment changes, the mapping is the same object.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from fleet.dataclass import dataclass
from fleet.diagnosis.active_causes import ActiveCauses
from fleet.diagnosis.assessment.assessor import TROUBLED, Assessed, Assessor
from fleet.diagnosis.assessment.metrics_scan import CachedScan, Signs
from fleet.diagnosis.cause import AnyCause, EngineCause, GpuCause
from fleet.diagnosis.registry import causes_of
from fleet.diagnosis.subjects.replica_states import is_left_over
from fleet.diagnosis.subjects.row_profiles import ONE_PROFILE, RowProfiles
from fleet.diagnosis.subjects.subject import (
    NO_REASONS,
    WELL,
    MetricsTable,
    PodSubject,
    Subjects,
    ThrottleReasons,
)
from fleet.model.differences import are_same, changed_keys, unlike
from fleet.model.frame import Frame
from fleet.model.profile import ALL_CHAT, WorkloadProfiles
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment
from fleet.snapshot.topology import Topology

NOBODY_ASKED: Final[Mapping[str, Assessment]] = {}


class FleetHealth:
    """The assessments of one fleet."""

    def __init__(self) -> None:
        gpus = causes_of(GpuCause)
        self._engines = CachedScan(causes_of(EngineCause))
        self._cards = CachedScan(cause for cause in gpus if not cause.secondary)
        self._xids = CachedScan(cause for cause in gpus if cause.secondary)
        self._assessor = Assessor()
        self._before: _Seen | None = None
        self._profiles = ONE_PROFILE, ONE_PROFILE
        self._profiles_of: tuple[object, object, object] = (None, None, None)
        self._found: dict[str, Assessment] = {}
        self.held = ActiveCauses()
        """The causes behind the assessments: the same object while unchanged."""
        self.assessed = 0
        """Number of objects assessed so far: tests count what a tick costs."""

    def assess(
        self,
        topology: Topology,
        frames: Mapping[str, Frame],
        reasons: ThrottleReasons,
        now: float,
        profiles: WorkloadProfiles = ALL_CHAT,
        asked: Mapping[str, Assessment] = NOBODY_ASKED,
        *,
        awaited: bool = False,
    ) -> Mapping[str, Assessment]:
        """Return health by the keys of GPUs, pods and workloads, and the names of nodes; ``now`` is Unix time.

        ``reasons``: what lowers the clocks of GPUs; ``asked``: what the canary shows of pods;
        ``awaited``: True before the first measurement, while a source may still bring one.
        """
        pods, cards = self._tables(topology, frames, reasons, profiles)
        before, found = self._before, self._found
        seen = _Seen(
            topology,
            self._engines.of(pods),
            self._cards.of(cards),
            self._xids.of(cards),
            pods,
            cards,
            profiles,
            now,
            asked,
            awaited,
        )
        due = _everything(topology) if before is None else _differences(before, seen)
        causes = dict(self.held.own)
        assessed = _assess(self._assessor, seen, due, found, causes)
        self.assessed += len(assessed)
        news = {key: one for key, one in assessed.items() if found.get(key) != one}
        if due.gone:
            found = {key: one for key, one in found.items() if key not in due.gone}
            causes = {key: cause for key, cause in causes.items() if key not in due.gone}
        self._found = {**found, **news} if news else found
        self._before = seen
        self._hold(causes, _others_unwell(self.held.unwell, news, due.gone))
        return self._found

    def _tables(
        self, topology: Topology, frames: Mapping[str, Frame], reasons: ThrottleReasons, profiles: WorkloadProfiles
    ) -> tuple[MetricsTable, MetricsTable]:
        """The numbers of pods and of GPUs, with profiles that are the same objects while they are the same."""
        pods, gpus = frames["pod"], frames["gpu"]
        of = (profiles, pods.index, topology.workload_of)
        if not are_same(self._profiles_of, of):
            default = profiles.default
            self._profiles = RowProfiles.of(profiles, pods, topology.workload_of), RowProfiles(default, {}, (default,))
            self._profiles_of = of
        of_pods, of_gpus = self._profiles
        return MetricsTable(pods, NO_REASONS, of_pods), MetricsTable(gpus, reasons, of_gpus)

    def _hold(self, causes: Mapping[str, AnyCause], unwell: Collection[str]) -> None:
        """Store the causes that hold: the same object while unchanged."""
        before = self.held
        causes = causes if causes != before.own else before.own
        parts = (unwell, causes, self._engines.held, self._cards.held, self._xids.held)
        if not are_same((before.unwell, before.own, before.engines, before.gpus, before.beside), parts):
            self.held = ActiveCauses(*parts)


def _others_unwell(before: Collection[str], news: Mapping[str, Assessment], gone: Collection[str]) -> Collection[str]:
    """Return the keys that are not well now: the same object while unchanged."""
    worse = {key: None for key, one in news.items() if one.severity in TROUBLED and key not in before}
    better = {key for key, one in news.items() if one.severity not in TROUBLED and key in before}.union(gone)
    if not worse and better.isdisjoint(before):
        return before
    return dict.fromkeys(key for key in (*before, *worse) if key not in better)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The input of one tick's assessment; ``engines``, ``cards`` and ``xids`` are signs of its metrics."""

    topology: Topology
    engines: Signs
    cards: Signs
    xids: Signs
    pods: MetricsTable
    gpus: MetricsTable
    profiles: WorkloadProfiles
    now: float
    asked: Mapping[str, Assessment]
    """Trouble of pods by their answers to the canary."""
    awaited: bool

    def is_old(self, pod: str) -> bool:
        """True if a pod failed long enough ago that its successor would be visible."""
        return is_left_over(self.topology.pods[pod], self.now)

    def holders(self, gpu: str) -> list[str]:
        """The keys of the pods that hold a GPU."""
        held = self.topology.gpus[gpu].holders
        return [key for namespace, name in held if (key := f"{namespace}/{name}") in self.topology.pods]


@dataclass(frozen=True, slots=True)
class _Due:
    """Keys of objects to assess, and of removed ones."""

    gpus: Collection[str]
    pods: Collection[str]
    workloads: Collection[str]
    nodes: Collection[str]
    gone: Collection[str] = ()


def _everything(topology: Topology) -> _Due:
    return _Due(topology.gpus, topology.pods, topology.workloads, topology.nodes)


_OF_A_POD = ("workload_of", "engines_of", "gpus_of", "unmeasured")
"""Inputs of a pod's assessment, beside its row and the signs of its metrics."""


def _differences(before: _Seen, seen: _Seen) -> _Due:
    """Return the objects whose assessment may have changed."""
    was, topology = before.topology, seen.topology
    gpus = {*unlike(before.cards, seen.cards), *unlike(before.xids, seen.xids)}
    pods, workloads, nodes = {*unlike(before.engines, seen.engines)}, set[str](), set[str]()
    pods.update(unlike(before.asked, seen.asked))
    pods.update(topology.pods if before.awaited != seen.awaited else ())
    gone = set[str]()
    touched = topology.touched
    if touched is not None and touched.before is was.version:
        pods.update(touched.pods)
        workloads.update(touched.workloads)
        nodes.update(touched.nodes)
    elif topology is not was:
        gpus.update(unlike(was.gpus, topology.gpus))
        pods.update(_others_joined(was, topology))
        workloads.update(changed_keys(was.workloads, topology.workloads), unlike(was.pods_of, topology.pods_of))
        workloads.update(topology.workloads if was.coverage != topology.coverage else ())
        nodes.update(changed_keys(was.nodes, topology.nodes))
        gone = _keys(was) - _keys(topology)
    gpus = {key for key in gpus if key in topology.gpus}
    pods.update(pod for gpu in gpus for pod in seen.holders(gpu))
    pods.update(key for key in topology.failed & was.failed if seen.is_old(key) != before.is_old(key))
    pods = {key for key in pods if key in topology.pods}
    workloads.update(topology.workload_of[key] for key in pods)
    # Whether a failed pod was replaced is seen in the other pods.
    pods.update(key for key in topology.failed if topology.workload_of[key] in workloads)
    return _Due(gpus, pods, workloads, nodes, gone)


def _others_joined(was: Topology, topology: Topology) -> Iterator[str]:
    """Yield the pods with another row or other relations."""
    yield from changed_keys(was.pods, topology.pods)
    for name in _OF_A_POD:
        yield from unlike(getattr(was, name), getattr(topology, name))
    for workload in unlike(was.model_of, topology.model_of):
        yield from topology.pods_of.get(workload, ())


def _keys(topology: Topology) -> set[str]:
    return {*topology.gpus, *topology.pods, *topology.workloads, *topology.nodes}


def _assess(
    assessor: Assessor, seen: _Seen, due: _Due, kept: dict[str, Assessment], causes: dict[str, AnyCause]
) -> dict[str, Assessment]:
    """Assess all due objects; ``kept`` are the assessments of the others. Store the deciding causes in ``causes``."""
    topology = seen.topology
    found: dict[str, Assessment] = {}

    stands = ChainMap(found, kept)

    def note(key: str, judged: Assessed) -> None:
        found[key] = judged.assessment
        # Before the first measurement silence is no finding yet.
        unheard = seen.awaited and judged.assessment.severity is Severity.UNKNOWN
        if judged.cause is not None and not unheard:
            causes[key] = judged.cause
        else:
            causes.pop(key, None)

    subjects = Subjects(
        topology,
        seen.now,
        stands,
        by_pod=seen.pods.frame,
        by_gpu=seen.gpus.frame,
        profiles=seen.profiles,
        awaited=seen.awaited,
    )
    for key in due.pods:
        note(key, _of_pod(assessor, seen, subjects, key))
    for key in due.gpus:
        found[key] = seen.cards.get(key, WELL)
    for key, xid in seen.xids.items():
        # An application's XID is shown on the GPU if its pod has a problem.
        own = seen.cards.get(key, WELL)
        troubled = any(stands[pod].severity in TROUBLED for pod in seen.holders(key))
        found[key] = xid if troubled and own.severity not in TROUBLED else own
    for key in due.workloads:
        workload = subjects.workload(key)
        if workload is not None:
            note(key, assessor.of_workload(workload))
    for key in due.nodes:
        note(key, assessor.of_node(topology.nodes[key]))
    return found


def _of_pod(assessor: Assessor, seen: _Seen, subjects: Subjects, key: str) -> Assessed:
    subject = subjects.pod(key)
    gpus = seen.topology.gpus_of.get(key, ())
    return assessor.of_pod(
        subject or PodSubject(seen.topology.pods[key]),
        seen.engines.get(key, WELL),
        [seen.cards[gpu] for gpu in gpus if gpu in seen.cards],
        [seen.xids[gpu] for gpu in gpus if gpu in seen.xids],
        seen.asked.get(key),
    )
