"""The searches for causes: a new class of causes is a module of ``families/`` and one line here."""

from __future__ import annotations

from typing import Any

from fleet.diagnosis.cause_search import CauseSearch
from fleet.diagnosis.families.autoscaler_cause import AutoscalerCause, TroubledAutoscalers
from fleet.diagnosis.families.budget_cause import BudgetCause, BurningBudgets
from fleet.diagnosis.families.canary_cause import CanaryCause, RouteCanaryCause, SilentPods, SilentRoutes
from fleet.diagnosis.families.endpoint_cause import EndpointCause, ShownCertificates
from fleet.diagnosis.families.frontend_cause import FrontendCause, LateFrontends
from fleet.diagnosis.families.gateway_cause import GatewayCause, GatewaysOfModels
from fleet.diagnosis.families.grouped_gpu_cause import GroupedGpuCause, OutlyingGpus
from fleet.diagnosis.families.leftover_cause import (
    LeftAutoscalerCause,
    LeftAutoscalers,
    LeftServiceCause,
    LeftServices,
)
from fleet.diagnosis.families.lost_gpu_cause import LostGpuCause, NodesWithLostGpus
from fleet.diagnosis.families.missed_objective_cause import MissedObjectiveCause, MissedPromises
from fleet.diagnosis.families.missing_pods_cause import MissingPods, MissingPodsCause
from fleet.diagnosis.families.node_report_cause import NodeReportCause, NodesInEvents
from fleet.diagnosis.families.overdue_cause import OverdueCause, OverduePods
from fleet.diagnosis.families.placement_cause import LostPlaces, PlacementCause
from fleet.diagnosis.families.rank_cause import HungRanks, RankCause
from fleet.diagnosis.families.replica_cause import Outliers, ReplicaCause
from fleet.diagnosis.families.reported_cause import PodsInEvents, ReportedCause
from fleet.diagnosis.families.rollout_cause import RolloutCause, StuckRollouts
from fleet.diagnosis.families.route_cause import FaultyRoutes, RouteCause
from fleet.diagnosis.families.service_cause import BrokenServices, ServiceCause
from fleet.diagnosis.families.setup_cause import FaultySetups, SetupCause
from fleet.diagnosis.families.signal_cause import NodeSignalCause, ObjectsWithSignals, PodSignalCause
from fleet.diagnosis.families.source_causes import MeasuringCause, OldMeasurements, SilentSources, SourceCause
from fleet.diagnosis.families.traffic_cause import TrafficCause, UnusualTraffic
from fleet.diagnosis.families.workload_report_cause import WorkloadReportCause, WorkloadsInEvents
from fleet.diagnosis.registry import causes_of


def searches() -> tuple[CauseSearch[Any], ...]:
    """Return a new search for each class of causes that no assessment of an object looks for already."""
    return (
        SilentSources(causes_of(SourceCause)),
        OldMeasurements(causes_of(MeasuringCause)),
        ShownCertificates(causes_of(EndpointCause)),
        Outliers(causes_of(ReplicaCause)),
        OutlyingGpus(causes_of(GroupedGpuCause)),
        PodsInEvents(causes_of(ReportedCause)),
        NodesInEvents(causes_of(NodeReportCause)),
        WorkloadsInEvents(causes_of(WorkloadReportCause)),
        ObjectsWithSignals((*causes_of(NodeSignalCause), *causes_of(PodSignalCause))),
        NodesWithLostGpus(causes_of(LostGpuCause)),
        OverduePods(causes_of(OverdueCause)),
        TroubledAutoscalers(causes_of(AutoscalerCause)),
        LeftServices(causes_of(LeftServiceCause)),
        LeftAutoscalers(causes_of(LeftAutoscalerCause)),
        UnusualTraffic(causes_of(TrafficCause)),
        BrokenServices(causes_of(ServiceCause)),
        FaultyRoutes(causes_of(RouteCause)),
        LostPlaces(causes_of(PlacementCause)),
        GatewaysOfModels(causes_of(GatewayCause)),
        LateFrontends(causes_of(FrontendCause)),
        FaultySetups(causes_of(SetupCause)),
        SilentPods(causes_of(CanaryCause)),
        SilentRoutes(causes_of(RouteCanaryCause)),
        MissedPromises(causes_of(MissedObjectiveCause)),
        MissingPods(causes_of(MissingPodsCause)),
        StuckRollouts(causes_of(RolloutCause)),
        HungRanks(causes_of(RankCause)),
        BurningBudgets(causes_of(BudgetCause)),
    )
