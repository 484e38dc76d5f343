"""The histograms of a fleet measured in parts by several sources: each request counts once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from fleet.model.histogram import Histogram, merge
from fleet.model.measurement import EngineId, HistogramKey, Measurement
from fleet.model.objects import Pod
from fleet.model.quantity import Family


class Share(NamedTuple):
    """The part of the fleet that is read from one measurement."""

    measurement: Measurement
    read: set[str]
    """The processes that are read from it."""
    processes: Mapping[EngineId, str]
    """The process of each of its engines, including those that are read from another source."""
    process: Callable[[EngineId], str]


class _Part(NamedTuple):
    """The part of a model that one source measures."""

    share: Share
    groups: set[HistogramKey]
    """The groups of its merged buckets: several if its namespaces differ from those of the pods."""
    processes: set[str]


def histograms_of(
    shares: Sequence[Share], pods: Mapping[str, Pod]
) -> tuple[dict[Family, dict[HistogramKey, Histogram]], frozenset[str]]:
    """Return the merged histograms, and the keys of pods whose own buckets are needed but missing."""
    families = dict.fromkeys(family for share in shares for family in share.measurement.histograms)
    own = [_own(share) for share in shares]
    models = _models(shares, pods)
    found: dict[Family, dict[HistogramKey, Histogram]] = {}
    lacking: set[str] = set()
    for family in families:
        each: dict[HistogramKey, Histogram] = {}
        for read in own:
            for histograms in read.get(family, {}).values():
                each.update(histograms)
        for model, parts in models.items():
            buckets: list[Histogram] = []
            for i, part in parts.items():
                part_buckets, short = _of_part(part, own[i].get(family, {}), family, model.model)
                buckets += part_buckets
                lacking |= short & pods.keys()
                if short:
                    # A part of a model is not its percentile.
                    buckets = []
                    break
            whole = buckets[0] if len(buckets) == 1 else merge(buckets)
            if whole is not None:
                each[model] = whole
        found[family] = each
    return found, frozenset(lacking)


def _own(share: Share) -> dict[Family, dict[str, dict[HistogramKey, Histogram]]]:
    """Family → process that is read from it → its own histograms."""
    found: dict[Family, dict[str, dict[HistogramKey, Histogram]]] = {}
    for family, groups in share.measurement.histograms.items():
        mine: dict[str, dict[HistogramKey, Histogram]] = defaultdict(dict)
        for group, histogram in groups.items():
            if group.pod or group.instance:
                engine = EngineId(group.namespace, group.pod, group.model, group.engine, group.instance)
                process = share.process(engine)
                if process in share.read:
                    mine[process][group] = histogram
        found[family] = mine
    return found


def _models(shares: Sequence[Share], pods: Mapping[str, Pod]) -> dict[HistogramKey, dict[int, _Part]]:
    """A model, as the namespaces of its pods name it → number of a source → its part, where any of it is read there."""
    found: dict[HistogramKey, dict[int, _Part]] = defaultdict(dict)
    for i, share in enumerate(shares):
        for engine, process in share.processes.items():
            pod = pods.get(process)
            namespace = pod.namespace if pod is not None else engine.namespace
            part = found[HistogramKey(namespace, engine.model)].setdefault(i, _Part(share, set(), set()))
            part.groups.add(HistogramKey(engine.namespace, engine.model))
            part.processes.add(process)
    return {
        model: read
        for model, parts in found.items()
        if (read := {i: part for i, part in parts.items() if part.processes & part.share.read})
    }


def _of_part(
    part: _Part, own: Mapping[str, Mapping[HistogramKey, Histogram]], family: Family, model: str
) -> tuple[list[Histogram], set[str]]:
    """Return the buckets of a model's requests that are read from this source, and the processes whose own buckets it
    lacks.
    """
    groups = part.share.measurement.histograms.get(family, {})
    read = part.processes & part.share.read
    whole = [groups[group] for group in part.groups if group in groups]
    if whole and read == part.processes:
        return whole, set()
    mine = [h for process in read for group, h in own.get(process, {}).items() if group.model in ("", model)]
    # A histogram without observations has none: its own buckets are used only if the source has merged ones.
    return mine, {process for process in read if process not in own} if whole else set()
