"""The time series of a metrics store for the object under the cursor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from fleet.diagnosis.subjects.serving import pods_in
from fleet.metrics.promql import pattern
from fleet.model.curve import GatewaySeries, Series
from fleet.model.measurement import GatewayId
from fleet.model.objects import TEMPLATE_HASH, Pod, Workload
from fleet.model.snapshot import ModelGroup, Snapshot

_RANDOM = "bcdfghjklmnpqrstvwxz2456789"
"""The letters that Kubernetes makes names of (k8s.io/apimachinery, ``rand.String``)."""
_SUFFIX = f"[{_RANDOM}]{{5}}"
_HASH = f"[{_RANDOM}]{{1,10}}"


def series_of(snapshot: Snapshot, key: str) -> Series | None:
    """Return the series of a pod, a workload or model with all the pods that it ever had, a GPU, or all GPUs of a node.

    None if it has none.
    """
    whole = snapshot.everything
    if (model := whole.models.get(key)) is not None:
        return _of_model(whole, model)
    if cards := whole.gpus_on.get(key):
        uuids = tuple(sorted({whole.gpus[card].uuid for card in cards}))
        return Series(cards=uuids, cluster=whole.cluster.id)
    pod, workload, gpu = whole.pods.get(key), whole.workloads.get(key), whole.gpus.get(key)
    if pod is not None:
        return _of_pods(whole, pod.namespace, pattern([pod.name]), [pod], is_one=True)
    if workload is not None:
        members = pods_in(whole, key)
        return _of_pods(whole, workload.namespace, "|".join(sorted(_names(whole, workload))), members)
    if gpu is not None:
        read = frozenset({whole.measured_from(key)})
        return Series(gpu=(gpu.uuid, gpu.instance_id), is_one=True, cluster=whole.cluster.id, gpu_sources=read)
    return None


_MOST_NAMED = 50
"""Pods of which a query names each."""


def now_of(snapshot: Snapshot, key: str, series: Series) -> Series:
    """Return the series of the pods that it has now, by their names: those that are gone have rates for a while."""
    names = sorted({pod.name for pod in pods_in(snapshot, key)})
    if not 0 < len(names) <= _MOST_NAMED:
        return series
    same = takewhile(lambda pair: pair[0] == pair[1], zip(names[0], names[-1], strict=False))
    stem = "".join(letter for letter, _ in same).rpartition("-")[0]
    rest = [name.removeprefix(f"{stem}-") if stem else name for name in names]
    several = f"({pattern(rest)})" if len(rest) > 1 else pattern(rest)
    return replace(series, pods=f"{pattern([stem])}-{several}" if stem else pattern(rest))


def _names(snapshot: Snapshot, workload: Workload) -> set[str]:
    members = pods_in(snapshot, workload.key)
    return {_generalized(member, workload.name) for member in members} or _usual(workload.name)


def _of_model(snapshot: Snapshot, model: ModelGroup) -> Series:
    serving = [snapshot.workloads[key] for key in model.workloads if key in snapshot.workloads]
    names = {name for workload in serving for name in _names(snapshot, workload)}
    members = [pod for workload in serving for pod in pods_in(snapshot, workload.key)]
    before = snapshot.gateways_of.get(model.key, ())
    return replace(
        _of_pods(snapshot, model.namespace, "|".join(sorted(names)), members),
        gateways=tuple(_gateway_parts(snapshot, frozenset(before))),
        gateway_sources=frozenset(map(snapshot.measured_from, before)),
    )


def _gateway_parts(snapshot: Snapshot, before: frozenset[str]) -> Iterator[GatewaySeries]:
    """Yield the series of a model at its gateways. Series by the address of a removed server are not found again."""
    others = {(*row.process, row.model) for key, row in snapshot.gateways.items() if key not in before}
    parts: dict[tuple[str, str, bool, bool], list[GatewayId]] = defaultdict(list)
    for row in (snapshot.gateways[key] for key in sorted(before)):
        # The name is enough if the process serves no other model.
        by_server = bool(row.backend) and (not row.model or (*row.process, row.model) in others)
        parts[row.dialect, row.namespace, bool(row.model), by_server].append(row)
    for (dialect, namespace, _, by_server), rows in parts.items():
        yield GatewaySeries(
            dialect,
            namespace,
            "|".join(sorted({_gateway_name(snapshot, row) for row in rows if row.pod})),
            tuple(sorted({row.instance for row in rows if row.instance})),
            tuple(sorted({row.model for row in rows if row.model})),
            tuple(sorted({row.backend for row in rows})) if by_server else (),
        )


def _gateway_name(snapshot: Snapshot, row: GatewayId) -> str:
    key = f"{row.namespace}/{row.pod}"
    workload = snapshot.workloads.get(snapshot.workload_of.get(key, ""))
    pod = snapshot.pods.get(key)
    return pattern([row.pod]) if pod is None or workload is None else _generalized(pod, workload.name)


def _of_pods(snapshot: Snapshot, namespace: str, names: str, pods: Sequence[Pod], *, is_one: bool = False) -> Series:
    engines = [key for pod in pods for key in snapshot.engines_of.get(pod.key, ())]
    ids = [snapshot.engines[key] for key in engines if key in snapshot.engines]
    spoken = (snapshot.origins[key].dialects for key in engines if key in snapshot.origins)
    return Series(
        namespace,
        names,
        tuple(sorted({engine.instance for engine in ids if engine.instance and not engine.pod})),
        products=frozenset(name for names in spoken for name in names),
        is_one=is_one,
        cluster=snapshot.cluster.id,
        sources=frozenset(map(snapshot.measured_from, engines)),
        gpu_sources=frozenset(snapshot.measured_from(gpu) for pod in pods for gpu in snapshot.gpus_of.get(pod.key, ())),
    )


def _generalized(pod: Pod, workload: str) -> str:
    """Return a pattern of a pod's name, with its random or numbered parts generalised."""
    stem, rest = (workload, pod.name.removeprefix(f"{workload}-")) if pod.name.startswith(f"{workload}-") else ("", "")
    if not rest:
        stem, _, rest = pod.name.rpartition("-")
    template = pod.labels.get(TEMPLATE_HASH, "")
    out = [pattern([stem])] if stem else []
    for part in rest.split("-"):
        if template and part == template:
            out.append(_HASH)
        elif part.isdigit():
            out.append("[0-9]+")
        elif len(part) == 5 and not set(part) - set(_RANDOM):
            out.append(_SUFFIX)
        else:
            out.append(pattern([part]))
    return "-".join(out)


def _usual(name: str) -> set[str]:
    """Return patterns for the pods of a workload that has none now: of Deployments, of sets, and of the others."""
    stem = pattern([name])
    return {f"{stem}-{_HASH}-{_SUFFIX}", f"{stem}-[0-9]+", f"{stem}-{_SUFFIX}"}
