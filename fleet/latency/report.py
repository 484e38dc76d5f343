"""All the evidence on why an object is slow, and its conclusion in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.dataclass import dataclass
from fleet.latency.comparison import Growth, LastChange, LatencyComparison, compared, greatest_growth
from fleet.latency.hung_replicas import HungReplica, hung_replicas
from fleet.latency.phases import RequestPhase
from fleet.latency.separation import Separation, separations
from fleet.model.curve import Curve
from fleet.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class LatencyReport:
    """The explanation of why requests of one pod or workload take as long as they do."""

    key: str
    comparison: LatencyComparison
    growth: Growth | None
    separations: tuple[Separation, ...]
    """Replicas of the model by each measure; empty if there are too few to compare."""
    hung: tuple[HungReplica, ...] = ()
    """Replicas whose requests get no tokens at all: the times are those of other requests."""


def latency_report(
    snapshot: Snapshot, key: str, curves: Sequence[Curve] = (), change: LastChange | None = None
) -> LatencyReport:
    """Return the report of a pod or a workload. ``curves`` are the answers to ``comparison.questions``."""
    comparison = compared(snapshot, key, curves, change)
    workload = snapshot.workload_of.get(key, key)
    return LatencyReport(
        key, comparison, greatest_growth(comparison), separations(snapshot, workload), hung_replicas(snapshot, key)
    )


def dominant(report: LatencyReport) -> RequestPhase | None:
    """Return the phase that best explains the time: the one that has grown most, else the longest."""
    return report.growth.phase if report.growth is not None else report.comparison.now.longest
