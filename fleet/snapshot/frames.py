"""The numbers of every row: from the columns of a measurement to those of the frames that screens read.

Made with every measurement, and when objects come or go; in between, a tick only updates ages. Pure but for the caches.
Percentiles of single pods are computed for those in focus (on the screen), because quantiles of every pod of 5,000
would cost more than all the rest.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import replace

from fleet.dataclass import dataclass
from fleet.model.differences import are_same
from fleet.model.frame import Frame
from fleet.model.measurement import Measurement
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.snapshot.aggregate import as_they_are, gauges_and_rates, means, percentiles
from fleet.snapshot.columns import Columns, Make
from fleet.snapshot.fold import Members, most_doubtful, oldest, possible
from fleet.snapshot.freshness import Aging
from fleet.snapshot.latency_parts import GatewayParts, LatencyParts
from fleet.snapshot.topology import Topology

FOCUS_ALL_BELOW = 200
"""Number of measured pods up to which each gets its percentiles on every tick."""
_NAMES = ("engine", "pod", "workload", "model", "gateway", "before", "gpu")
_UNKNOWN = {name: Frame(absent=State.UNKNOWN) for name in _NAMES}


class Frames:
    """Makes the frames of one Snapshot after the other."""

    def __init__(self) -> None:
        self._measured: _Measured | None = None
        self.measured = 0
        """Number of times that frames were made from a measurement: tests count what a tick costs."""

    def frames_at(
        self, topology: Topology, measurement: Measurement | None, now: float, focus: frozenset[str] | None
    ) -> Mapping[str, Frame]:
        """Return the frames at ``now`` (Unix seconds). ``focus``: the pods whose own percentiles are wanted, None for
        all.
        """
        if measurement is None:
            return _UNKNOWN
        made = self._measured
        if made is None or made.measurement is not measurement or made.rows is not topology.rows:
            made = self._measured = _Measured(topology, measurement, made)
            self.measured += 1
        return made.frames_at(now, focus)


@dataclass(frozen=True, slots=True)
class _Doubts:
    """The parts of a frame's rows: from ``own``, else from ``beside`` for a row without its own."""

    own: tuple[Aging, Members | None]
    beside: tuple[Aging, Members] | None = None
    keep_reset: bool = True

    def ages(self) -> array[float]:
        """Return the age of each row's measurement."""
        ages = _ages(*self.own)
        if self.beside is None or not any(map(math.isnan, ages)):
            return ages
        others = _ages(*self.beside)
        return array("d", (b if math.isnan(a) else a for a, b in zip(ages, others, strict=True)))

    def states(self, silence: float) -> bytes:
        """``silence`` seconds later."""
        states = self._states(*self.own, silence)
        if self.beside is None or State.MISSING not in states:
            return states
        others = self._states(*self.beside, silence)
        return bytes(b if a == State.MISSING else a for a, b in zip(states, others, strict=True))

    def _states(self, aging: Aging, members: Members | None, silence: float) -> bytes:
        states = aging.states(silence)
        return states if members is None else most_doubtful(states, members, keep_reset=self.keep_reset)


def _ages(aging: Aging, members: Members | None) -> array[float]:
    return aging.ages if members is None else oldest(aging.ages, members)


class _Measured:
    """The frames of one measurement on one structure; ``before`` are the previous ones, whose indexes are reused."""

    def __init__(self, topology: Topology, measurement: Measurement, before: _Measured | None) -> None:
        self.measurement = measurement
        self.rows = topology.rows
        self._engines = Aging(measurement.engine_table, measurement.interval, resets=True)
        self._gpus = Aging(measurement.gpu_table, measurement.gpu_interval or measurement.interval)
        self._gateways = Aging(measurement.gateway_table, measurement.interval)
        gpus = measurement.gpu_table.columns
        self._gpu_columns = {quantity: possible(quantity, values) for quantity, values in gpus.items()}
        self._parts = LatencyParts(measurement, topology)
        self._focus: frozenset[str] = before._focus if before is not None else frozenset()
        self._seen: tuple[bytes, ...] = ()
        self._doubts: dict[str, _Doubts] = {}
        self._columns: dict[str, Columns] = {}
        self._frames: dict[str, Frame] = {}
        self._before = before
        self._add_single_rows(topology)
        self._add_groups(topology)
        self._add_gateways(topology)
        self._before = None

    def frames_at(self, now: float, focus: frozenset[str] | None) -> Mapping[str, Frame]:
        """Return the frames at a moment. Unchanged parts are reused: keys, columns, ages and states."""
        measured_pods = self.rows.measured_pods
        whole = focus is None or len(measured_pods) <= FOCUS_ALL_BELOW
        self._look_at(frozenset(measured_pods) if whole or focus is None else focus)
        silence = now + self.measurement.clock_skew - self.measurement.at
        seen = tuple(aging.states(silence) for aging in (self._engines, self._gpus, self._gateways))
        if not are_same(seen, self._seen):
            self._seen = seen
            for name, frame in self._frames.items():
                self._frames[name] = replace(frame, states=self._doubts[name].states(silence))
        return {name: replace(frame, since=max(0.0, silence)) for name, frame in self._frames.items()}

    def _look_at(self, focus: frozenset[str]) -> None:
        if focus == self._focus:
            return
        self._focus = focus
        frame, before = self._frames["pod"], self._columns["pod"]
        columns = before.with_makers(percentiles(self._parts.of_pods(focus), len(frame.keys)))
        columns.prepare(before.read)
        self._columns["pod"], self._frames["pod"] = columns, replace(frame, columns=columns)

    def _add_single_rows(self, topology: Topology) -> None:
        def add(
            name: str, keys: Iterable[str], table: Mapping[Quantity, array[float]], ages: Aging, own: Members
        ) -> None:
            makers = as_they_are(table) if own.same else gauges_and_rates(table, own, to_pod=True)
            if name == "engine":
                makers |= means(self.measurement.means, own)
            self._add(name, tuple(keys), makers, _Doubts((ages, None if own.same else own)))

        rows = self.rows
        add("engine", topology.engines, self.measurement.engine_table.columns, self._engines, rows.each_engine)
        add("gpu", topology.gpus, self._gpu_columns, self._gpus, rows.each_gpu)

    def _add_groups(self, topology: Topology) -> None:
        measurement, rows, parts = self.measurement, self.rows, self._parts

        def add(
            name: str,
            keys: tuple[str, ...],
            engines: Members,
            gpus: Members,
            cards: Members,
            latency: dict[Quantity, Make],
        ) -> None:
            to_pod = name == "pod"
            makers = gauges_and_rates(measurement.engine_table.columns, engines, to_pod=to_pod)
            makers |= means(measurement.means, engines)
            makers |= gauges_and_rates(self._gpu_columns, gpus, to_pod=to_pod, cards=cards)
            doubts = _Doubts((self._engines, engines), (self._gpus, gpus), keep_reset=to_pod)
            self._add(name, keys, makers | latency, doubts)

        pods, workloads, models = rows.measured_pods, rows.measured_workloads, tuple(topology.models)
        of_pods = percentiles(parts.of_pods(self._focus), len(pods))
        of_workloads = percentiles(parts.of_workloads(), len(workloads))
        add("pod", pods, rows.pod_engines, rows.pod_gpus, rows.pod_cards, of_pods)
        add("workload", workloads, rows.workload_engines, rows.workload_gpus, rows.workload_cards, of_workloads)
        of_models = percentiles(parts.of_models(), len(models))
        add("model", models, rows.model_engines, rows.model_gpus, rows.model_cards, of_models)

    def _add_gateways(self, topology: Topology) -> None:
        """Add the numbers of gateways: row by row, and by model."""
        columns, parts = self.measurement.gateway_table.columns, GatewayParts(self.measurement)

        def add(name: str, keys: tuple[str, ...], members: Members) -> None:
            makers = gauges_and_rates(columns, members, to_pod=False)
            makers |= percentiles(parts.histograms(members.rows), len(keys))
            self._add(name, keys, makers, _Doubts((self._gateways, members), keep_reset=False))

        add("gateway", tuple(topology.gateways), self.rows.each_gateway)
        add("before", tuple(topology.gateways_of), self.rows.model_gateways)

    def _add(self, name: str, keys: tuple[str, ...], makers: dict[Quantity, Make], doubts: _Doubts) -> None:
        """Add a frame that shares the index of the previous one while the keys are equal, with the columns prepared
        that were read from it.
        """
        columns, ages = Columns(makers), doubts.ages()
        frame = None
        if self._before is not None:
            last = self._before._frames[name]
            columns.keep(self._before._columns[name])
            columns.prepare(self._before._columns[name].read)
            if last.keys == keys:
                frame = Frame(last.keys, columns, ages, b"", last.index)
        self._columns[name], self._doubts[name] = columns, doubts
        self._frames[name] = frame or Frame.of(keys, columns, ages, b"")
