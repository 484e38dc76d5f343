"""Building a Snapshot: the one place where the worlds meet.

Pure but for the caches: the same inputs give the same Snapshot. Runs off the UI path. Cost grows with pods and engines
in the fleet through array folds only; percentiles of single pods are computed for the pods in focus (those on the
screen), because quantiles of every pod of 5,000 would cost more than all the rest.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence

from fleet.model.facts import NO_FACTS, Facts
from fleet.model.frame import Column, Frame
from fleet.model.histogram import Histogram
from fleet.model.measurement import Measurement, Table
from fleet.model.objects import Event
from fleet.model.quantity import Family, Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot, SourceStatus
from fleet.snapshot.aggregate import Members, ages_and_states, gauges_and_rates, means, percentiles, possible, ratios
from fleet.snapshot.backfill import steps
from fleet.snapshot.fleet_health import assessments
from fleet.snapshot.health import LOOKBACK
from fleet.snapshot.history import Recorder
from fleet.snapshot.latency_parts import Parts
from fleet.snapshot.topology import Topology, build_topology
from fleet.sources.kube.state import KubeState
from fleet.sources.prometheus.past import Past

STALE_INTERVALS = 3.0
"""A sample older than this many scrape intervals is stale: one missed scrape is weather, three are news."""
FOCUS_ALL_BELOW = 200
"""Up to this many measured pods, every pod gets its percentiles on every tick."""
EVENTS_KEPT = 500
_FRAMES = ("engine", "pod", "workload", "model", "gateway", "before", "gpu")


class Builder:
    """Builds Snapshots and keeps what does not change between them."""

    def __init__(self, recorder: Recorder | None = None) -> None:
        self._recorder = recorder or Recorder()
        self._sequence = 0
        self._topology: Topology | None = None
        self._events: tuple[int, tuple[Event, ...]] = (-1, ())
        self._indexes: dict[str, Frame] = {}

    def build(
        self,
        kube: KubeState,
        measurement: Measurement | None,
        sources: Sequence[SourceStatus],
        now: float,
        focus: frozenset[str] | None = None,
        facts: Facts = NO_FACTS,
    ) -> Snapshot:
        """One Snapshot at ``now`` (Unix seconds, the console's clock).

        ``measurement`` is the last one, however old; None if there never was one. ``focus`` are the keys of the pods
        whose own percentiles are wanted; None for all. ``facts`` are those of other sources.
        """
        if self._topology is None or not self._topology.fits(kube, measurement):
            self._topology = build_topology(kube, measurement)
        topology = self._topology
        self._sequence += 1
        if measurement is None:
            frames = {name: Frame(absent=State.UNKNOWN) for name in _FRAMES}
        else:
            if focus is None or len(topology.measured_pods) <= FOCUS_ALL_BELOW:
                focus = frozenset(topology.measured_pods)
            frames = self._frames(topology, measurement, now, focus)
        reasons = measurement.throttle_reasons if measurement else {}
        view = self._recorder.record(now, (frames["workload"], frames["pod"]))
        return Snapshot(
            sequence=self._sequence,
            at=now,
            cluster=kube.cluster,
            sources=tuple(sources),
            window=measurement.window if measurement else 0.0,
            method=measurement.source if measurement else "",
            measured_at=measurement.at if measurement else None,
            nodes=kube.nodes,
            pods=topology.pods,
            workloads=topology.workloads,
            models=topology.models,
            engines=topology.engines,
            origins=topology.origins,
            products=topology.products,
            gateways=topology.gateways,
            gateways_of=topology.gateways_of,
            gpus=topology.gpus,
            autoscalers=topology.autoscalers,
            budgets=topology.budgets,
            events=self._newest_events(kube),
            pods_of=topology.pods_of,
            workload_of=topology.workload_of,
            parts=topology.parts,
            part_of=topology.part_of,
            model_of=topology.model_of,
            engines_of=topology.engines_of,
            gpus_of=topology.gpus_of,
            gpus_on=topology.gpus_on,
            free_gpus=topology.free_gpus,
            gpu_use=topology.gpu_use,
            coverage=kube.coverage,
            by_engine=frames["engine"],
            by_pod=frames["pod"],
            by_workload=frames["workload"],
            by_model=frames["model"],
            by_gateway=frames["gateway"],
            before_models=frames["before"],
            by_gpu=frames["gpu"],
            unmatched=topology.unmatched,
            throttle_reasons=reasons,
            assessments=assessments(topology, kube, frames, reasons, now),
            history=view,
            facts=facts,
        )

    def shared(self) -> frozenset[str]:
        """Pods whose percentiles are needed to tell apart the workloads that serve one model."""
        return self._topology.shared if self._topology is not None else frozenset()

    def remember(self, past: Iterable[Past], clock_skew: float = 0.0) -> None:
        """Fill the strips with what was before the console's time. Needs a Snapshot to have been built: its joins.

        ``past`` is dated by the source's clock, which is ``clock_skew`` seconds ahead of the console's.
        """
        if self._topology is None:
            return
        for at, values in sorted(steps(past, self._topology, self._recorder.step, clock_skew).items()):
            self._recorder.backfill(at, values)

    def _frames(
        self, topology: Topology, measurement: Measurement, now: float, focus: frozenset[str]
    ) -> dict[str, Frame]:
        silence = max(0.0, now + measurement.clock_skew - measurement.at)
        engine_ages, engine_states = _rows(measurement.engine_table, silence, measurement.interval, resets=True)
        gpu_ages, gpu_states = _rows(measurement.gpu_table, silence, measurement.gpu_interval or measurement.interval)
        parts = Parts(measurement, topology)
        gpu_columns = {quantity: possible(quantity, v) for quantity, v in measurement.gpu_table.columns.items()}

        by_engine = self._frame(
            "engine",
            tuple(topology.engines),
            ratios(measurement.engine_table.columns) | means(measurement.means, topology.each_engine),
            engine_ages,
            engine_states,
        )
        by_gpu = self._frame(
            "gpu",
            tuple(topology.gpus),
            {quantity: Column(values) for quantity, values in gpu_columns.items()},
            gpu_ages,
            gpu_states,
        )

        def group(
            name: str,
            keys: tuple[str, ...],
            engines: Members,
            gpus: Members,
            histograms: Mapping[Family, Sequence[Iterable[Histogram]]],
        ) -> Frame:
            to_pod = name == "pod"
            columns = gauges_and_rates(measurement.engine_table.columns, engines, to_pod=to_pod)
            columns |= means(measurement.means, engines)
            columns |= gauges_and_rates(gpu_columns, gpus, to_pod=to_pod)
            columns |= percentiles(histograms, len(keys))
            ages, states = ages_and_states(engine_ages, engine_states, engines, keep_reset=to_pod)
            only_gpu_ages, only_gpu_states = ages_and_states(gpu_ages, gpu_states, gpus, keep_reset=to_pod)
            states_out = bytearray(states)
            for i, rows in enumerate(engines.rows):
                if not rows:
                    ages[i], states_out[i] = only_gpu_ages[i], only_gpu_states[i]
            return self._frame(name, keys, columns, ages, bytes(states_out))

        return self._gateways(topology, measurement, silence) | {
            "engine": by_engine,
            "gpu": by_gpu,
            "pod": group("pod", topology.measured_pods, topology.pod_engines, topology.pod_gpus, parts.of_pods(focus)),
            "workload": group(
                "workload",
                topology.measured_workloads,
                topology.workload_engines,
                topology.workload_gpus,
                parts.of_workloads(),
            ),
            "model": group(
                "model", tuple(topology.models), topology.model_engines, topology.model_gpus, parts.of_models()
            ),
        }

    def _gateways(self, topology: Topology, measurement: Measurement, silence: float) -> dict[str, Frame]:
        """What gateways say: row by row, and by model."""
        columns = measurement.gateway_table.columns
        ages, states = _rows(measurement.gateway_table, silence, measurement.interval)
        own = measurement.gateway_histograms

        def frame(name: str, keys: tuple[str, ...], members: Members) -> Frame:
            histograms = {
                family: [
                    [h for i in rows if (h := found.get(topology.gateway_ids[i])) is not None] for rows in members.rows
                ]
                for family, found in own.items()
            }
            folded = gauges_and_rates(columns, members, to_pod=False) | percentiles(histograms, len(keys))
            return self._frame(name, keys, folded, *ages_and_states(ages, states, members, keep_reset=False))

        return {
            "gateway": frame("gateway", tuple(topology.gateways), topology.each_gateway),
            "before": frame("before", tuple(topology.gateways_of), topology.model_gateways),
        }

    def _frame(
        self,
        name: str,
        keys: tuple[str, ...],
        columns: Mapping[Quantity, Column],
        ages: array[float],
        states: bytes,
    ) -> Frame:
        """A frame that shares the index of the last one while the keys are the same."""
        last = self._indexes.get(name)
        if last is not None and last.keys == keys:
            frame = Frame(last.keys, columns, ages, states, last.index)
        else:
            frame = Frame.of(keys, columns, ages, states)
        self._indexes[name] = frame
        return frame

    def _newest_events(self, kube: KubeState) -> tuple[Event, ...]:
        if self._events[0] != kube.generation:
            newest = sorted(kube.events.values(), key=lambda e: e.last, reverse=True)[:EVENTS_KEPT]
            self._events = (kube.generation, tuple(newest))
        return self._events[1]


def _rows(table: Table, silence: float, interval: float, *, resets: bool = False) -> tuple[array[float], bytes]:
    """Age and state of every row: the sample's own age when it was measured plus the silence since.

    A source that answers with samples that are days old has them: they are stale. Unknown is what nobody says any more.
    """
    out, states = array("d"), bytearray()
    reset = table.reset if resets else frozenset[int]()
    limit = STALE_INTERVALS * max(interval, 1.0)
    for i, age in enumerate(table.ages):
        total = (0.0 if math.isnan(age) else age) + silence
        out.append(total)
        if silence > LOOKBACK:
            states.append(State.UNKNOWN)
        elif total > limit:
            states.append(State.STALE)
        else:
            states.append(State.RESET if i in reset else State.FRESH)
    return out, bytes(states)
