"""Building of a Snapshot: the one place where the worlds meet.

Pure but for the caches: the same inputs give the same Snapshot. Runs off the UI path. Cost grows with pods and engines
in the fleet through array folds only; percentiles of single pods are computed for the pods in focus (those on the
screen), because quantiles of every pod of 5,000 would cost more than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fleet.diagnosis.profiles import ProfileChoice
from fleet.imports import imported
from fleet.model.differences import kept
from fleet.model.exposure import Exposure
from fleet.model.facts import NO_FACTS, Facts
from fleet.model.frame import Frame
from fleet.model.measurement import Measurement
from fleet.model.objects import Event
from fleet.model.past import Past
from fleet.model.quantity import Quantity
from fleet.model.snapshot import ROUTING, Cluster, Snapshot, SourceStatus
from fleet.snapshot.backfill import Step, steps
from fleet.snapshot.dead_services import DeadServices
from fleet.snapshot.departures import Departures
from fleet.snapshot.empty_services import EmptyServices
from fleet.snapshot.frames import Frames
from fleet.snapshot.history import RecentHistory
from fleet.snapshot.label_selectors import ServicePods
from fleet.snapshot.mixed_services import MixedServices
from fleet.snapshot.rescales import Rescales
from fleet.snapshot.status_changes import followed
from fleet.snapshot.topology import Topology
from fleet.snapshot.usual_traffic import UsualTraffic
from fleet.sources.kube.state import KubeState

if TYPE_CHECKING:
    from fleet.snapshot.exposure import ExposureJoin
    from fleet.snapshot.judgement import Judgement

EVENTS_KEPT = 500
_NO_REASONS: Mapping[str, tuple[str, ...]] = {}
_NO_FRONTS: Mapping[str, Exposure] = {}


class Builder:
    """Builds Snapshots and caches what does not change between them."""

    def __init__(self, history: RecentHistory | None = None, profiles: ProfileChoice | None = None) -> None:
        self._sequence = 0
        self._cluster: Cluster | None = None
        self._profiles = profiles or ProfileChoice()
        self._begin(history or RecentHistory())
        self.joined = 0
        """Number of full joins so far: tests count what a tick costs."""

    def _begin(self, history: RecentHistory) -> None:
        self._history = history
        self._topology: Topology | None = None
        self._events: tuple[Mapping[str, Event], tuple[Event, ...]] = ({}, ())
        self._unanswered: Mapping[str, str] = {}
        self._frames = Frames()
        self._judgement: Judgement | None = None
        """None until a Snapshot is judged: the causes are two hundred classes, which the first numbers do not need."""
        self._usual = UsualTraffic()
        self._departures = Departures()
        self._rescales = Rescales()
        self._behind = ServicePods()
        self._services = EmptyServices(self._behind)
        self._dead_services = DeadServices(self._behind)
        self._mixed_services = MixedServices(self._behind)
        self._fronts: ExposureJoin | None = None

    @property
    def measured(self) -> int:
        """Number of times that frames were made from a measurement."""
        return self._frames.measured

    @property
    def assessed(self) -> int:
        """Number of objects assessed."""
        return self._judgement.health.assessed if self._judgement is not None else 0

    @property
    def diagnosed(self) -> tuple[int, int]:
        """Number of findings made, and of groupings."""
        return self._judgement.diagnosis.made if self._judgement is not None else (0, 0)

    def build(
        self,
        kube: KubeState,
        measurement: Measurement | None,
        sources: Sequence[SourceStatus],
        now: float,
        focus: frozenset[str] | None = None,
        facts: Facts = NO_FACTS,
        *,
        judge: bool = True,
    ) -> Snapshot:
        """Return a Snapshot at ``now`` (Unix seconds, the console's clock); unassessed without ``judge``.

        ``measurement`` is the last one, however old; None if there never was one. ``focus`` are the keys of the pods
        whose own percentiles are wanted; None for all. ``facts`` are those of further sources.
        """
        if self._cluster is not None and kube.cluster.is_another(self._cluster):
            # A recording continues in another cluster, or an address leads to another: equal keys are different
            # objects.
            self._history.forget()
            self._begin(self._history)
        self._cluster = kube.cluster
        before = self._topology
        topology = self._topology = followed(before, kube, measurement)
        self.joined += before is None or before.addresses is not topology.addresses
        self._sequence += 1
        frames = self._frames.frames_at(topology, measurement, now, focus)
        profiles = self._profiles.at(topology)
        view = self._history.record(now, (frames["workload"], frames["pod"]))
        events = self._newest_events(kube)
        # Each measurement has its own, nearly always equal: what reads them looks again only where they differ.
        self._unanswered = kept(self._unanswered, measurement.unreachable if measurement else {})
        snapshot = Snapshot(
            sequence=self._sequence,
            at=now,
            cluster=kube.cluster,
            sources=tuple(sources),
            window=measurement.window if measurement else 0.0,
            method=measurement.source if measurement else "",
            naming=measurement.naming if measurement else {},
            measured_at=measurement.at if measurement else None,
            interval=measurement.interval if measurement else 0.0,
            clock_skew=measurement.clock_skew if measurement else 0.0,
            unanswered=self._unanswered,
            events=events,
            by_engine=frames["engine"],
            by_pod=frames["pod"],
            by_workload=frames["workload"],
            by_model=frames["model"],
            by_gateway=frames["gateway"],
            before_models=frames["before"],
            by_gpu=frames["gpu"],
            throttle_reasons=measurement.throttle_reasons if measurement else _NO_REASONS,
            profiles=profiles,
            history=view,
            facts=facts,
            usual=self._usual.at(frames["workload"], now),
            traffic_points=self._usual.points,
            departed=self._departures.at(topology, events, now),
            rescaled=self._rescales.at(topology, now),
            empty_services=self._services.at(topology),
            dead_services=self._dead_services.at(topology),
            mixed_services=self._mixed_services.at(topology),
            exposure=self._fronts_at(topology, facts, now, frames["workload"]),
            **topology.structure(),
        )
        if "objectives" in facts.by_source:
            # Not needed before objectives are counted.
            from fleet.objectives.fast_burns import burns_of, promises_of

            snapshot = replace(snapshot, burning=burns_of(snapshot), promised=promises_of(snapshot))
        return self._judged(snapshot, topology, frames) if judge else snapshot

    def _judged(self, snapshot: Snapshot, topology: Topology, frames: Mapping[str, Frame]) -> Snapshot:
        if self._judgement is None:
            imported("fleet.snapshot.judgement")
            from fleet.snapshot.judgement import Judgement

            self._judgement = Judgement()
        return self._judgement.of(snapshot, topology, frames)

    def shared(self) -> frozenset[str]:
        """Return the pods whose percentiles are needed to distinguish the workloads that serve one model."""
        return self._topology.rows.shared if self._topology is not None else frozenset()

    def remember(self, past: Iterable[Past], clock_skew: float = 0.0) -> None:
        """Fill the strips with a source's past. Requires a built Snapshot, for its joins.

        ``past`` is dated by the source's clock, which is ``clock_skew`` seconds ahead of the console's.
        """
        if self._topology is None:
            return
        for at, values in steps(past, self._topology, self._history.step, clock_skew):
            self._history.backfill(at, values)

    def recall(self, recalled: Mapping[float, Step]) -> None:
        """Fill the strips with recorded history, by the time of a step."""
        for at, values in sorted(recalled.items()):
            self._history.backfill(at, values)

    def _fronts_at(self, topology: Topology, facts: Facts, now: float, workloads: Frame) -> Mapping[str, Exposure]:
        if self._fronts is None:
            if ROUTING not in facts.by_source:
                return _NO_FRONTS
            # Not needed before routes have been listed.
            from fleet.snapshot.exposure import ExposureJoin

            self._fronts = ExposureJoin(self._behind)
        return self._fronts.at(topology, facts, now, lambda key: workloads.value(key, Quantity.RUNNING))

    def _newest_events(self, kube: KubeState) -> tuple[Event, ...]:
        if self._events[0] is not kube.events:
            newest = sorted(kube.events.values(), key=lambda e: e.last, reverse=True)[:EVENTS_KEPT]
            self._events = (kube.events, tuple(newest))
        return self._events[1]
