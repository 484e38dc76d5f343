"""The histograms of each percentile: those of a measurement, by pod, workload and model.

The percentiles of a row cover exactly the requests that its sums count; if the source cannot separate them, there is no
percentile, rather than someone else's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from fleet.model.histogram import Histogram
from fleet.model.measurement import GatewayId, Measurement
from fleet.model.quantity import Family
from fleet.snapshot.fold import PerRow
from fleet.snapshot.topology import Topology


class _Part(NamedTuple):
    model: str
    """The served name of these requests; empty for everything that the pod serves."""
    histogram: Histogram


class LatencyParts:
    """The histograms of a measurement."""

    def __init__(self, measurement: Measurement, topology: Topology) -> None:
        self._topology = topology
        self._histograms = measurement.histograms
        self._pods: dict[Family, dict[str, list[_Part]]] = {}
        self._models: dict[Family, dict[str, list[Histogram]]] = {}
        for family, groups in measurement.histograms.items():
            pods: dict[str, list[_Part]] = defaultdict(list)
            models: dict[str, list[Histogram]] = defaultdict(list)
            for group, histogram in groups.items():
                if group.pod or group.instance:
                    pods[topology.pod_of(group)].append(_Part(group.model, histogram))
                else:
                    models[f"{group.namespace}/{group.model}"].append(histogram)
            pods.pop("", None)
            self._pods[family], self._models[family] = pods, models

    def of_pods(self, focus: frozenset[str]) -> dict[Family, PerRow]:
        """Per measured pod that is in ``focus``."""
        return {family: self._per_row(family, partial(self._of_focus, family, focus), focus) for family in self._pods}

    def of_workloads(self) -> dict[Family, PerRow]:
        """Per measured workload."""
        keys = self._topology.rows.measured_workloads
        return {
            family: self._per_row(family, partial(_numbered, keys, partial(self._of_workload, family)))
            for family in self._pods
        }

    def of_models(self) -> dict[Family, PerRow]:
        """Per model."""
        keys = tuple(self._topology.models)
        return {
            family: self._per_row(family, partial(_numbered, keys, partial(self._of_model, family)))
            for family in self._pods
        }

    def _per_row(
        self, family: Family, find: Callable[[], Mapping[int, list[Histogram]]], focus: object = None
    ) -> PerRow:
        return PerRow((self._histograms[family], self._topology.rows, focus), find)

    def _of_focus(self, family: Family, focus: frozenset[str]) -> dict[int, list[Histogram]]:
        rows, found = self._topology.rows.measured_pods, self._pods[family]
        return {row: _histograms_of(found[key]) for row, key in enumerate(rows) if key in focus and key in found}

    def _of_workload(self, family: Family, key: str) -> list[Histogram]:
        """Return the histograms of its own pods if all exist, else of its models if nothing else serves them."""
        own = self._of_pods_of(family, self._topology.rows.engine_pods[key])
        if own:
            return _histograms_of(own)
        if key not in self._topology.rows.alone:
            return []
        whole = self._models[family]
        return [histogram for model in self._topology.served[key] for histogram in whole.get(model, ())]

    def _of_model(self, family: Family, key: str) -> list[Histogram]:
        """Return the source's histogram, else those of the pods that serve the model: from each the requests for it."""
        if key in self._models[family]:
            return self._models[family][key]
        pods, name = self._topology.rows.model_pods[key], self._topology.models[key].name
        parts = self._of_pods_of(family, pods)
        if any(not part.model for part in parts) and any(self._serves_others(pod, name) for pod in pods):
            return []
        return _histograms_of(part for part in parts if part.model in ("", name))

    def _of_pods_of(self, family: Family, pods: Sequence[str]) -> list[_Part]:
        """Return the histograms of all these pods, or none: part of a fleet is not its percentile.

        A source without histograms of models has those of every engine; a pod without one has then observed nothing
        yet, for example just after its start.
        """
        found = self._pods[family]
        if self._models[family] and not all(pod in found for pod in pods):
            return []
        return [part for pod in pods for part in found.get(pod, ())]

    def _serves_others(self, pod: str, name: str) -> bool:
        topology = self._topology
        return any(topology.engines[key].model != name for key in topology.engines_of.get(pod, ()))


def _histograms_of(parts: Iterable[_Part]) -> list[Histogram]:
    return [part.histogram for part in parts]


def _numbered(keys: Sequence[str], of: Callable[[str], list[Histogram]]) -> dict[int, list[Histogram]]:
    return {row: of(key) for row, key in enumerate(keys)}


class GatewayParts:
    """The histograms of gateways: of one row of its table each."""

    def __init__(self, measurement: Measurement) -> None:
        self._gateways = measurement.gateways
        self._found = measurement.gateway_histograms

    def histograms(self, members: Sequence[Sequence[int]]) -> dict[Family, PerRow]:
        """Per row of a result; ``members`` are the rows that belong to it."""
        return {
            family: PerRow((found, self._gateways, members), partial(self._rows, found, members))
            for family, found in self._found.items()
        }

    def _rows(
        self, found: Mapping[GatewayId, Histogram], members: Sequence[Sequence[int]]
    ) -> dict[int, list[Histogram]]:
        return {
            row: [h for i in those if (h := found.get(self._gateways[i])) is not None]
            for row, those in enumerate(members)
        }
