"""The numbers of every row: from the columns of a measurement to those of the frames that screens read.

Pure but for the indexes that are kept while the keys stay the same. Percentiles of single pods are
computed for those in focus (on the screen), because quantiles of every pod of 5,000 would cost more than all the rest.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence

from fleet.model.frame import Column, Frame
from fleet.model.histogram import Histogram
from fleet.model.measurement import Measurement, Table
from fleet.model.quantity import Family, Quantity
from fleet.model.reading import State
from fleet.snapshot.aggregate import Members, ages_and_states, gauges_and_rates, means, percentiles, possible, ratios
from fleet.snapshot.health import LOOKBACK
from fleet.snapshot.latency_parts import Parts
from fleet.snapshot.topology import Topology

STALE_INTERVALS = 3.0
"""A sample older than this many scrape intervals is stale: one missed scrape is weather, three are news."""
FOCUS_ALL_BELOW = 200
"""Up to this many measured pods, every pod gets its percentiles on every tick."""
_NAMES = ("engine", "pod", "workload", "model", "gateway", "before", "gpu")


class Frames:
    """Makes the frames of one Snapshot after the other."""

    def __init__(self) -> None:
        self._indexes: dict[str, Frame] = {}

    def of(
        self, topology: Topology, measurement: Measurement | None, now: float, focus: frozenset[str] | None
    ) -> dict[str, Frame]:
        """The frames at ``now`` (Unix seconds). ``focus``: the pods whose own percentiles are wanted, None for all."""
        if measurement is None:
            return {name: Frame(absent=State.UNKNOWN) for name in _NAMES}
        pods = topology.rows.measured_pods
        if focus is None or len(pods) <= FOCUS_ALL_BELOW:
            focus = frozenset(pods)
        return self._measured(topology, measurement, now, focus)

    def _measured(
        self, topology: Topology, measurement: Measurement, now: float, focus: frozenset[str]
    ) -> dict[str, Frame]:
        silence = max(0.0, now + measurement.clock_skew - measurement.at)
        engine_ages, engine_states = _rows(measurement.engine_table, silence, measurement.interval, resets=True)
        gpu_ages, gpu_states = _rows(measurement.gpu_table, silence, measurement.gpu_interval or measurement.interval)
        parts, rows = Parts(measurement, topology), topology.rows
        gpu_columns = {quantity: possible(quantity, v) for quantity, v in measurement.gpu_table.columns.items()}

        by_engine = self._frame(
            "engine",
            tuple(topology.engines),
            ratios(measurement.engine_table.columns) | means(measurement.means, rows.each_engine),
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
            for i, members in enumerate(engines.rows):
                if not members:
                    ages[i], states_out[i] = only_gpu_ages[i], only_gpu_states[i]
            return self._frame(name, keys, columns, ages, bytes(states_out))

        return self._gateways(topology, measurement, silence) | {
            "engine": by_engine,
            "gpu": by_gpu,
            "pod": group("pod", rows.measured_pods, rows.pod_engines, rows.pod_gpus, parts.of_pods(focus)),
            "workload": group(
                "workload",
                rows.measured_workloads,
                rows.workload_engines,
                rows.workload_gpus,
                parts.of_workloads(),
            ),
            "model": group("model", tuple(topology.models), rows.model_engines, rows.model_gpus, parts.of_models()),
        }

    def _gateways(self, topology: Topology, measurement: Measurement, silence: float) -> dict[str, Frame]:
        """What gateways say: row by row, and by model."""
        columns = measurement.gateway_table.columns
        ages, states = _rows(measurement.gateway_table, silence, measurement.interval)
        own, rows = measurement.gateway_histograms, topology.rows

        def frame(name: str, keys: tuple[str, ...], members: Members) -> Frame:
            histograms = {
                family: [
                    [h for i in those if (h := found.get(topology.measured.gateways[i])) is not None]
                    for those in members.rows
                ]
                for family, found in own.items()
            }
            folded = gauges_and_rates(columns, members, to_pod=False) | percentiles(histograms, len(keys))
            return self._frame(name, keys, folded, *ages_and_states(ages, states, members, keep_reset=False))

        return {
            "gateway": frame("gateway", tuple(topology.gateways), rows.each_gateway),
            "before": frame("before", tuple(topology.gateways_of), rows.model_gateways),
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
