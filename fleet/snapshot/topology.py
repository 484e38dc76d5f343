"""The structure of a fleet: the part of a Snapshot that only changes when objects come and go.

Rebuilt when the Kubernetes state or the set of engines and GPUs changes; in between, every tick reuses it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace

from fleet.dataclass import dataclass
from fleet.model.addresses import Addresses, pod_of_engine
from fleet.model.measurement import EngineId, GpuId, HistogramKey, Measurement
from fleet.model.objects import HIDDEN, UNSEEN, HorizontalPodAutoscaler, Pod, PodDisruptionBudget, Workload
from fleet.model.snapshot import GpuUse, ModelGroup, Origin, Structure
from fleet.snapshot.gateways import models_behind
from fleet.snapshot.gpu_accounting import free_gpus, uses
from fleet.snapshot.join import JoinMatches, match, pods_are_known
from fleet.snapshot.rows import FrameRows, ServingFleet, cards_of, rows_of
from fleet.snapshot.serving import models_of, products_of, served_by
from fleet.snapshot.unmatched import engines_alone, unmeasured_and_unheld
from fleet.snapshot.unmeasured import unmeasured
from fleet.sources.kube.owners import ownership
from fleet.sources.kube.state import KubeState

_NOTHING = Measurement("", 0.0, 0.0, 0.0)
"""Measurement before anything was measured."""
_OBJECTS = ("pods", "nodes", "workloads", "links", "autoscalers", "budgets", "services")
_MEASURED = ("source", "engines", "gpus", "unread", "gateways", "dialects", "sources")


@dataclass(frozen=True, slots=True)
class Touched:
    """The keys of the rows that are others than in the structure before; everything else of it is the same."""

    before: object
    """The ``version`` of that structure."""
    pods: Collection[str]
    workloads: Collection[str]
    nodes: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology(Structure):
    """The structure of a fleet, and its mapping to the rows of a measurement."""

    kube: KubeState
    """The objects that this was built from, without events, which affect no join."""
    measured: Measurement
    """The rows that this was built from, without values."""
    rows: FrameRows
    addresses: Addresses
    served: Mapping[str, tuple[str, ...]]
    """Workload key → the models that it serves, by number of engines."""
    failed: frozenset[str]
    """Keys of the pods that have failed."""
    version: object = field(default_factory=object)
    """No other structure has the same one."""
    touched: Touched | None = None
    """Changes to the previous structure, if there was no full join."""
    _pod_of_group: dict[HistogramKey, str] = field(default_factory=dict)

    def has(self, kube: KubeState) -> bool:
        """True if this was built from these objects: new events do not count."""
        ours = self.kube
        if ours.coverage != kube.coverage:
            return False
        return ours.generation == kube.generation or all(
            getattr(ours, name) is getattr(kube, name) for name in _OBJECTS
        )

    def has_rows_of(self, measurement: Measurement | None) -> bool:
        """True if a measurement has the rows that this was built from, whatever their values."""
        ours, theirs = self.measured, measurement or _NOTHING
        # Comparing equal tuples of thousands of items goes item by item, even with themselves.
        return all(
            (mine := getattr(ours, name)) is (other := getattr(theirs, name)) or mine == other for name in _MEASURED
        )

    def pod_of(self, group: HistogramKey) -> str:
        """The pod that a histogram's group belongs to, empty for none; joined as its engine is."""
        if group not in self._pod_of_group:
            engine = EngineId(group.namespace, group.pod, group.model, group.engine, group.instance)
            self._pod_of_group[group] = pod_of_engine(engine, self.pods, self.addresses)
        return self._pod_of_group[group]


def build_topology(kube: KubeState, measurement: Measurement | None) -> Topology:
    """Join everything with everything, each kind of thing once."""
    measured = _rows_alone(measurement or _NOTHING)
    matches = match(kube, measured)
    fleet = _place(kube, measured, matches)
    engine_rows = _grouped(fleet.engine_pods)
    served = served_by(
        fleet.workloads,
        fleet.pods_of,
        fleet.pods,
        lambda pod: [fleet.engines[i].model for i in engine_rows.get(pod, ())],
    )
    models = models_of(served, fleet.workloads)
    gpus = _placed_gpus(kube, measured.gpus, matches)
    gateway_rows = _gateway_rows(kube, measured, matches, fleet, served, models)
    excused = unmeasured(kube.pods, fleet.workload_of, fleet.pods_of, measured.unread)
    keys = [engine.key for engine in fleet.engines]
    origins = _origins(keys, measured.dialects, [fleet.pods[p] for p in fleet.engine_pods])
    engines_of = {p: tuple(dict.fromkeys(keys[i] for i in rows)) for p, rows in engine_rows.items()}
    unseen = [e for e, p in zip(fleet.engines, fleet.engine_pods, strict=True) if p not in kube.pods]
    serving = [fleet.pods[p] for w in served for p in fleet.pods_of.get(w, ())]
    return Topology(
        kube=replace(kube, events={}),
        coverage=kube.coverage,
        measured=measured,
        nodes=kube.nodes,
        pods=fleet.pods,
        workloads=fleet.workloads,
        pods_of=fleet.pods_of,
        workload_of=fleet.workload_of,
        parts=fleet.parts,
        part_of=fleet.part_of,
        model_of={workload: names[0] for workload, names in served.items()},
        models=models,
        autoscalers=by_target(kube),
        budgets=budgets_of(kube),
        engines=dict(zip(keys, fleet.engines, strict=True)),
        origins=origins,
        products=products_of(fleet.pods_of, fleet.pods, engines_of, origins),
        engines_of=engines_of,
        measured_by=_measured_by(measured, keys),
        gateways={row.key: row for row in measured.gateways},
        gateways_of={
            m: tuple(dict.fromkeys(measured.gateways[i].key for i in rows)) for m, rows in gateway_rows.items()
        },
        gpus=gpus.by_key,
        gpus_of=gpus.of_pod,
        gpus_on=gpus.on_node,
        free_gpus=gpus.free,
        gpu_use=gpus.use,
        unmatched=(
            *engines_alone(unseen, kube.coverage),
            *unmeasured_and_unheld(measured, kube, serving, engines_of, gpus.of_pod, excused, gpus.use),
        ),
        rows=rows_of(
            ServingFleet(
                pods=fleet.pods,
                pods_of=fleet.pods_of,
                workloads=fleet.workloads,
                served=served,
                models=models,
                engines=fleet.engines,
                each_engine=_grouped(keys).values(),
                each_gpu=[(row,) for row in gpus.row.values()],
                each_gateway=_grouped(row.key for row in measured.gateways).values(),
                engine_rows=engine_rows,
                gpu_rows={p: [gpus.row[key] for key in held] for p, held in gpus.of_pod.items()},
                gpus=len(measured.gpus),
                card_of=cards_of(measured.gpus),
                gateway_rows=gateway_rows,
                gateways=len(measured.gateways),
            )
        ),
        addresses=matches.addresses,
        served=served,
        unmeasured=excused,
        failed=frozenset(key for key, pod in kube.pods.items() if pod.phase == "Failed"),
    )


@dataclass(frozen=True, slots=True)
class _Placed:
    """Pods and workloads, including synthetic ones for unseen engines, and the engines in their pods."""

    pods: Mapping[str, Pod]
    workloads: Mapping[str, Workload]
    workload_of: Mapping[str, str]
    pods_of: Mapping[str, tuple[str, ...]]
    parts: Mapping[str, Workload]
    part_of: Mapping[str, str]
    engines: tuple[EngineId, ...]
    """Engines with their models, in the order of the measurement."""
    engine_pods: Sequence[str]
    """The pod of each engine."""


def _place(kube: KubeState, measured: Measurement, matches: JoinMatches) -> _Placed:
    """Every engine in a pod, every pod in a workload."""
    pods = dict(kube.pods)
    owners = ownership(kube.pods, kube.links, kube.workloads)
    workload_of, workloads = dict(owners.workload_of), dict(owners.workloads)
    engines = _with_models(measured, matches.engine_pods, pods, workload_of, workloads)
    engine_pods = list(matches.engine_pods)
    _add_unseen(engines, engine_pods, pods, workload_of, workloads, kube)
    pods_of: dict[str, list[str]] = defaultdict(list)
    for pod, workload in workload_of.items():
        pods_of[workload].append(pod)
    return _Placed(
        pods,
        workloads,
        workload_of,
        {workload: tuple(members) for workload, members in pods_of.items()},
        owners.parts,
        owners.part_of,
        engines,
        engine_pods,
    )


@dataclass(frozen=True, slots=True)
class _PlacedGpus:
    """GPUs by key, each with its last row, in their nodes and in the hands of their pods."""

    by_key: Mapping[str, GpuId]
    row: Mapping[str, int]
    held_by: Mapping[str, Collection[str]]
    on_node: Mapping[str, tuple[str, ...]]
    of_pod: Mapping[str, tuple[str, ...]]
    free: Mapping[str, tuple[int, int]]
    use: Mapping[str, GpuUse]


def _placed_gpus(kube: KubeState, gpus: Sequence[GpuId], matches: JoinMatches) -> _PlacedGpus:
    keys = [gpu.key for gpu in gpus]
    row = {key: i for i, key in enumerate(keys)}
    held_by = dict(zip(keys, matches.gpu_pods, strict=True))
    on_node: dict[str, list[str]] = defaultdict(list)
    of_pod: dict[str, list[str]] = defaultdict(list)
    for key, i in row.items():
        on_node[matches.gpu_nodes[i]].append(key)
        for holder in matches.gpu_pods[i]:
            of_pod[holder].append(key)
    free = free_gpus(kube)
    return _PlacedGpus(
        dict(zip(keys, gpus, strict=True)),
        row,
        held_by,
        {node: tuple(keys) for node, keys in on_node.items()},
        {pod: tuple(keys) for pod, keys in of_pod.items()},
        free,
        uses(kube, free, on_node, held_by),
    )


def _rows_alone(measurement: Measurement) -> Measurement:
    """Outdated values are not kept to preserve their rows."""
    return replace(_NOTHING, **{name: getattr(measurement, name) for name in _MEASURED})


def _measured_by(measured: Measurement, engines: Sequence[str]) -> dict[str, str]:
    """Key of a row → the source that its numbers are of, where there are several."""
    named = measured.sources
    return {
        **dict(zip(engines, named.engines, strict=False)),
        **{row.key: name for row, name in zip(measured.gateways, named.gateways, strict=False)},
        **{row.key: name for row, name in zip(measured.gpus, named.gpus, strict=False)},
    }


def _grouped(keys: Iterable[str]) -> dict[str, list[int]]:
    """Return each key → its positions, in order; an empty key has none."""
    rows: dict[str, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        if key:
            rows[key].append(i)
    return dict(rows)


def by_target(kube: KubeState) -> dict[str, HorizontalPodAutoscaler]:
    """The autoscalers by the keys of the workloads that they scale."""
    found = kube.autoscalers.values()
    return {f"{h.target.namespace}/{h.target.kind}/{h.target.name}": h for h in found}


def budgets_of(kube: KubeState) -> tuple[PodDisruptionBudget, ...]:
    """The budgets of all namespaces."""
    return tuple(kube.budgets.values())


def _gateway_rows(
    kube: KubeState,
    measured: Measurement,
    matches: JoinMatches,
    fleet: _Placed,
    served: Mapping[str, Sequence[str]],
    models: Mapping[str, ModelGroup],
) -> dict[str, list[int]]:
    """Model key → rows of the gateways before it."""
    if not measured.gateways:
        return {}
    by_pod: dict[str, set[str]] = defaultdict(set)
    for engine, pod in zip(fleet.engines, fleet.engine_pods, strict=True):
        by_pod[pod].add(f"{fleet.pods[pod].namespace}/{engine.model}")
    with_engines = set(fleet.engine_pods)
    for workload, names in served.items():
        for pod in fleet.pods_of.get(workload, ()) if len(names) == 1 else ():
            by_pod[pod].update(() if pod in with_engines else names)
    services = kube.services.values()
    return _grouped(models_behind(measured.gateways, models, by_pod, kube.pods, matches.addresses, services))


def _with_models(
    measured: Measurement,
    engine_pod: Sequence[str],
    pods: Mapping[str, Pod],
    workload_of: Mapping[str, str],
    workloads: Mapping[str, Workload],
) -> tuple[EngineId, ...]:
    """Return the engines with their models: if no series names one, the model in the pod's template, else the name of
    its workload; for an engine with an unseen pod, the name of the product.
    """

    def model_of(i: int) -> str:
        pod = pods.get(engine_pod[i])
        if pod is None:
            return next(iter(measured.dialects[i]), "") if measured.dialects else ""
        workload = workloads.get(workload_of.get(pod.key, ""))
        return pod.version.served_name or pod.version.model or (workload.name if workload is not None else pod.name)

    return tuple(one if one.model else one._replace(model=model_of(i)) for i, one in enumerate(measured.engines))


def _origins(keys: Sequence[str], dialects: Sequence[tuple[str, ...]], pods: Sequence[Pod]) -> dict[str, Origin]:
    """Return engine key → its product: by its pod's description, else by its metrics."""
    found = {}
    for i, key in enumerate(keys):
        speaks = dialects[i] if dialects else ()
        product = pods[i].serving.engine or next(iter(speaks), "")
        if product:
            found[key] = Origin(product, speaks)
    return found


def _add_unseen(
    engines: Sequence[EngineId],
    engine_pod: list[str],
    pods: dict[str, Pod],
    workload_of: dict[str, str],
    workloads: dict[str, Workload],
    kube: KubeState,
) -> None:
    """Give engines without a pod a placeholder, so that they are on the screen with everything else.

    The placeholder has no uid and no phase: it claims nothing that Kubernetes has not reported.
    """
    members: dict[tuple[str, str], set[str]] = defaultdict(set)
    for i, engine in enumerate(engines):
        if engine_pod[i]:
            continue
        namespace, name = engine.namespace, engine.pod or engine.instance
        key = f"{namespace}/{name}"
        engine_pod[i] = key
        status = UNSEEN if pods_are_known(kube.coverage, namespace) else HIDDEN
        pods[key] = Pod(namespace, name, "", "", created=0.0, phase="", status=status, ready=False, restarts=0)
        members[namespace, engine.model].add(key)
    for (namespace, model), keys in members.items():
        workload = Workload(UNSEEN, namespace, model, "", "", created=0.0, desired=len(keys))
        workloads[workload.key] = workload
        workload_of.update(dict.fromkeys(keys, workload.key))
