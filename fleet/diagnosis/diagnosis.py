"""Diagnosis of a fleet: turns the causes that hold into incidents, from Snapshot to Snapshot."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from fleet.diagnosis import registry
from fleet.diagnosis.active_causes import ActiveCause, ActiveCauses, BesideBefore, GpuGroups, Outliers, Reports
from fleet.diagnosis.cause import AutoscalerCause, MeasuringCause, ReplicaCause, ReportedCause, SourceCause
from fleet.diagnosis.causes.endings import OF_POD
from fleet.diagnosis.causes.symptoms import ENDED
from fleet.diagnosis.families.canary_cause import CanaryCause, RouteCanaryCause, canary_troubles
from fleet.diagnosis.families.endpoint_cause import EndpointCause, endpoint_causes
from fleet.diagnosis.families.fallbacks import without_needless
from fleet.diagnosis.families.frontend_cause import FrontendCause, frontend_causes
from fleet.diagnosis.families.gateway_cause import GatewayCause, gateway_causes
from fleet.diagnosis.families.leftover_cause import LeftAutoscalerCause, LeftServiceCause, leftover_causes
from fleet.diagnosis.families.lost_gpu_cause import LostGpuCause, lost_gpu_causes
from fleet.diagnosis.families.missed_objective_cause import MissedObjectiveCause, missed_objective_causes
from fleet.diagnosis.families.missing_pods_cause import MissingPods, MissingPodsCause
from fleet.diagnosis.families.node_report_cause import NodeReportCause, NodeReportSearch
from fleet.diagnosis.families.overdue_cause import Overdue, OverdueCause
from fleet.diagnosis.families.rank_cause import RankCause, RankSearch
from fleet.diagnosis.families.rollout_cause import RolloutCause, Rollouts
from fleet.diagnosis.families.route_cause import RouteCause
from fleet.diagnosis.families.serving_causes import GroupedGpuCause, PlacementCause, ServiceCause, TrafficCause
from fleet.diagnosis.families.setup_cause import SetupCause, Setups
from fleet.diagnosis.incidents.finding_words import FindingWords, WordedFindings, WordedRows
from fleet.diagnosis.incidents.grouping import Groups, IncidentGroup
from fleet.diagnosis.incidents.hysteresis import Hysteresis
from fleet.diagnosis.incidents.reach import RequestCounts
from fleet.diagnosis.precedence import Precedence
from fleet.diagnosis.subjects.autoscaler_subject import AutoscalerSubject
from fleet.diagnosis.subjects.subject import MeasuringSource, Subjects
from fleet.model.differences import are_same
from fleet.model.ending import Endings
from fleet.model.finding import Finding, Incident, Reach
from fleet.model.snapshot import ACKNOWLEDGEMENTS, CANARY, Health, ShownCertificate, Snapshot, SourceStatus

if TYPE_CHECKING:
    from fleet.diagnosis.incidents.acknowledging import Acknowledging

PEERS_EVERY = 15.0
"""Seconds between comparisons of replicas: they change slowly, and a comparison visits all of them."""

AGAIN = 5.0
"""Seconds after which the causes are looked for again where nothing is new: a pod becomes overdue by time alone."""


class Diagnosis:
    """The diagnosis of one fleet. Returns the same incident objects while nothing about them changes."""

    def __init__(self) -> None:
        self._causes = {cause.id: cause for cause in registry.CAUSES}
        self._outliers = Outliers(registry.causes_of(ReplicaCause))
        self._gpu_groups = GpuGroups(registry.causes_of(GroupedGpuCause))
        self._beside_before = BesideBefore(
            [
                *registry.causes_of(TrafficCause),
                *registry.causes_of(ServiceCause),
                *registry.causes_of(RouteCause),
                *registry.causes_of(PlacementCause),
            ]
        )
        self._overdue = Overdue(registry.causes_of(OverdueCause))
        self._canaries = registry.causes_of(CanaryCause)
        self._canary_routes = registry.causes_of(RouteCanaryCause)
        self._setups = Setups(registry.causes_of(SetupCause))
        self._endpoints = registry.causes_of(EndpointCause)
        self._gateways = registry.causes_of(GatewayCause)
        self._frontends = registry.causes_of(FrontendCause)
        self._late = registry.causes_of(MissedObjectiveCause)
        self._missing_pods = MissingPods(registry.causes_of(MissingPodsCause))
        self._rollouts = Rollouts(registry.causes_of(RolloutCause))
        self._ranks = RankSearch(registry.causes_of(RankCause))
        self._leftovers = (*registry.causes_of(LeftServiceCause), *registry.causes_of(LeftAutoscalerCause))
        self._lost_gpus = registry.causes_of(LostGpuCause)
        self._node_reports = NodeReportSearch(registry.causes_of(NodeReportCause))
        self._reports = Reports(registry.causes_of(ReportedCause))
        self._outlying: tuple[ActiveCause, ...] = ()
        self._compared = -math.inf
        self._hysteresis = Hysteresis()
        self._groups = Groups(self._causes)
        self._acknowledging: Acknowledging | None = None
        """None until an incident is acknowledged."""
        self._findings: Sequence[Finding] = ()
        self._all: Sequence[ActiveCause] = ()
        """All that held last, needless fallbacks included."""
        self._holds: Sequence[ActiveCause] = ()
        self._troubles: Sequence[ActiveCause] = ()
        self._with_endings: Sequence[ActiveCause] = ()
        """The troubles of pods whose containers have ended."""
        self._ground: tuple[object, ...] = ()
        self._rows = WordedRows(self._causes, ())
        self._words = FindingWords(self._causes)
        self._of_sources = Precedence[SourceStatus](registry.causes_of(SourceCause))
        self._of_autoscalers = Precedence[AutoscalerSubject](registry.causes_of(AutoscalerCause))
        self._of_endings = {row: self._causes[of.id] for row, of in OF_POD.items()}
        self._of_measuring = Precedence[MeasuringSource](registry.causes_of(MeasuringCause))
        self._healths: list[tuple[str, Health, tuple[ShownCertificate, ...]]] = []
        self._backfilled = 0
        self._of: tuple[object, ...] = ()
        self._at = 0.0
        self._incidents: tuple[Incident, ...] = ()

    @property
    def made(self) -> tuple[int, int]:
        """Findings and groups created so far: tests count what a tick costs."""
        return self._hysteresis.made, self._groups.made

    def incidents_at(self, snapshot: Snapshot, held: ActiveCauses) -> tuple[Incident, ...]:
        """The incidents at a Snapshot, the worst first."""
        acknowledged = snapshot.facts.by_source.get(ACKNOWLEDGEMENTS)
        of = (
            snapshot.assessments,
            snapshot.by_pod.columns,
            snapshot.by_gpu.columns,
            snapshot.before_models.columns,
            snapshot.pods,
            snapshot.workloads,
            snapshot.burning,
            snapshot.promised,
            snapshot.autoscalers,
            snapshot.usual,
            snapshot.departed,
            snapshot.rescaled,
            snapshot.lost_gpus,
            snapshot.empty_services,
            snapshot.dead_services,
            snapshot.exposure,
            *(one.value for one in snapshot.facts.of(Endings).values()),
            None if acknowledged is None else acknowledged.value,
            snapshot.facts.by_source.get(CANARY),
            snapshot.events,
        )
        same = are_same(self._of, of)
        healths = [(one.name, one.health, one.certificates) for one in snapshot.sources]
        same = same and healths == self._healths and snapshot.history.backfilled == self._backfilled
        if same and self._at <= snapshot.at < min(self._hysteresis.until, self._at + AGAIN):
            return self._incidents
        if not 0 <= snapshot.at - self._compared < PEERS_EVERY:
            self._outlying = (*self._outliers.at(snapshot), *self._gpu_groups.at(snapshot))
            self._compared = snapshot.at
        findings = self._hysteresis.findings_at(snapshot, self._holding(snapshot, held), self._words)
        if findings is not self._findings:
            if findings != self._findings:
                self._rows = WordedRows(self._causes, findings)
            self._findings = findings
        words = self._rows.at(snapshot)
        if not words.is_as(self._words):
            self._words = words
        found = _incidents(self._groups.of(snapshot, findings), RequestCounts(snapshot.by_pod), self._words)
        if acknowledged is not None:
            found = self._marked(snapshot, found)
        if found != self._incidents:
            self._incidents = found
        self._of, self._at, self._healths = of, snapshot.at, healths
        self._backfilled = snapshot.history.backfilled
        return self._incidents

    def _marked(self, snapshot: Snapshot, found: tuple[Incident, ...]) -> tuple[Incident, ...]:
        """The incidents with their acknowledgements; the module that marks them is imported with the first one."""
        if self._acknowledging is None:
            from fleet.diagnosis.incidents.acknowledging import Acknowledging

            self._acknowledging = Acknowledging()
        return self._acknowledging.marked(snapshot, found)

    def _holding(self, snapshot: Snapshot, held: ActiveCauses) -> Sequence[ActiveCause]:
        """All that holds: the same object while it is the same."""
        ground = (held, snapshot.pods, snapshot.gpus, snapshot.workload_of, snapshot.model_of, self._outlying)
        if not are_same(self._ground, ground):
            outlying_still = (one for one in self._outlying if one.key in snapshot.pods or one.key in snapshot.gpus)
            self._troubles, self._ground = [*held.troubles(snapshot), *outlying_still], ground
            self._with_endings = [one for one in self._troubles if one.cause.id in ENDED]
        holds: Sequence[ActiveCause] = [
            *self._silent(snapshot),
            *endpoint_causes(snapshot, self._endpoints),
            *self._troubles,
            *self._ended(snapshot),
            *self._reports.at(snapshot),
            *self._node_reports.at(snapshot),
            *lost_gpu_causes(snapshot, self._lost_gpus),
            *self._overdue.at(snapshot),
            *self._scaling(snapshot),
            *leftover_causes(snapshot, self._leftovers),
            *self._beside_before.at(snapshot),
            *gateway_causes(snapshot, self._gateways),
            *frontend_causes(snapshot, self._frontends),
            *self._setups.at(snapshot),
            *canary_troubles(snapshot, self._canaries, self._canary_routes),
            *missed_objective_causes(snapshot, self._late),
            *self._missing_pods.at(snapshot),
            *self._rollouts.at(snapshot),
            *self._ranks.at(snapshot),
            *self._burning(snapshot),
        ]
        if holds != self._all:
            self._all, needed = holds, without_needless(holds)
            if needed != self._holds:
                self._holds = needed
        return self._holds

    def _burning(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        """Yield the error budgets that burn fast enough to be reported."""
        for key, seen in snapshot.burning.items():
            yield ActiveCause(self._causes["budget-burns-fast" if seen.is_fast else "budget-burns"], key)

    def _ended(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        """Yield why the containers of pods ended, if their logs say so."""
        subjects = Subjects.of(snapshot)
        for trouble in self._with_endings:
            seen = subjects.ended(trouble.key)
            cause = None if seen is None else self._of_endings.get(seen.words.reason)
            if cause is not None:
                yield ActiveCause(cause, trouble.key)

    def _scaling(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        """Yield the causes that hold for the autoscalers of workloads."""
        subjects = Subjects.of(snapshot)
        for key in snapshot.autoscalers:
            seen = subjects.autoscaler(key)
            cause = None if seen is None else self._of_autoscalers.first(seen)
            if cause is not None:
                yield ActiveCause(cause, key)

    def _silent(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        """Yield the causes that hold for the sources: nothing can be found in data that they do not deliver."""
        for source in snapshot.sources:
            cause = self._of_sources.first(source)
            if cause is not None:
                yield ActiveCause(cause, source.name)
        measuring = Subjects.of(snapshot).measuring(snapshot.method)
        behind = None if measuring is None else self._of_measuring.first(measuring)
        if behind is not None:
            yield ActiveCause(behind, snapshot.method)


def _incidents(groups: Iterable[IncidentGroup], felt: RequestCounts, words: FindingWords) -> tuple[Incident, ...]:
    """The groups with their numbers, the worst first."""
    ordered = sorted(((group, felt.by(group.concerned)) for group in groups), key=_order)
    return tuple(
        Incident(
            one.key,
            one.about,
            one.sentence,
            WordedFindings(one.findings, words),
            one.severity,
            one.state,
            reach,
            one.objects,
            one.roots,
        )
        for one, reach in ordered
    )


def _order(of: tuple[IncidentGroup, Reach]) -> tuple[int, int, float, float, str]:
    group, reach = of
    state, severity = group.order
    felt = -reach.waiting if reach.waiting == reach.waiting else 0.0
    return state, severity, felt, group.findings[0].since, group.key
