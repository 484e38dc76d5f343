"""Who belongs to whom: the part of a Snapshot that only changes when objects come and go.

Made anew when the Kubernetes state or the set of engines and GPUs changes; between that, every tick reuses it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fleet.model.coverage import Coverage
from fleet.model.measurement import EngineId, GatewayId, GpuId, Group, Measurement
from fleet.model.objects import HorizontalPodAutoscaler, Pod, PodDisruptionBudget, Workload
from fleet.model.snapshot import GpuUse, ModelGroup, Origin, Unmatched, engine_key
from fleet.snapshot.aggregate import Members
from fleet.snapshot.gateways import models_behind
from fleet.snapshot.gpu_accounting import free_gpus, uses
from fleet.snapshot.join import (
    Addresses,
    engines_alone,
    gpus_alone,
    node_names,
    node_of_gpu,
    pod_of_engine,
    pods_alone,
    pods_are_known,
    pods_of_gpu,
)
from fleet.snapshot.serving import models_of, served_by
from fleet.snapshot.unmeasured import unmeasured
from fleet.sources.kube.owners import ownership
from fleet.sources.kube.state import KubeState

UNSEEN = "Unseen"
"""The kind of the workload that is made up for engines whose pods Kubernetes does not show, and their status."""
HIDDEN = "Hidden"
"""The status of those whose namespace is not known: nobody can say that they are not there."""


@dataclass(frozen=True, slots=True)
class Topology:
    """The structure of a fleet. ``*_engines`` and ``*_gpus`` are rows of the measurement per row of the result."""

    generation: int
    coverage: Coverage
    engine_ids: tuple[EngineId, ...]
    dialects: tuple[tuple[str, ...], ...]
    gateway_ids: tuple[GatewayId, ...]
    gpu_ids: tuple[GpuId, ...]
    pods: Mapping[str, Pod]
    workloads: Mapping[str, Workload]
    pods_of: Mapping[str, tuple[str, ...]]
    workload_of: Mapping[str, str]
    parts: Mapping[str, Workload]
    part_of: Mapping[str, str]
    model_of: Mapping[str, str]
    models: Mapping[str, ModelGroup]
    autoscalers: Mapping[str, HorizontalPodAutoscaler]
    budgets: tuple[PodDisruptionBudget, ...]
    engines: Mapping[str, EngineId]
    origins: Mapping[str, Origin]
    products: Mapping[str, tuple[str, ...]]
    gateways: Mapping[str, GatewayId]
    gateways_of: Mapping[str, tuple[str, ...]]
    each_gateway: Members
    model_gateways: Members
    """By ``gateways_of``, in its order."""
    gpus: Mapping[str, GpuId]
    engines_of: Mapping[str, tuple[str, ...]]
    gpus_of: Mapping[str, tuple[str, ...]]
    gpus_on: Mapping[str, tuple[str, ...]]
    free_gpus: Mapping[str, tuple[int, int]]
    gpu_use: Mapping[str, GpuUse]
    unmatched: tuple[Unmatched, ...]
    addresses: Addresses
    each_engine: Members
    measured_pods: tuple[str, ...]
    pod_engines: Members
    pod_gpus: Members
    measured_workloads: tuple[str, ...]
    workload_engines: Members
    workload_gpus: Members
    engine_pods: Mapping[str, tuple[str, ...]]
    """Workload key → its pods that have engines."""
    model_engines: Members
    model_gpus: Members
    model_pods: Mapping[str, tuple[str, ...]]
    """Model key → the pods with engines that serve it."""
    served: Mapping[str, tuple[str, ...]]
    """Workload key → the models that it serves, the one that most of its engines serve first."""
    alone: frozenset[str]
    """Workloads that serve their models alone: the requests for these models are theirs, all of them and no others."""
    unmeasured: Mapping[str, str]
    """Pod key → why it owes no engine metrics (``fleet.snapshot.unmeasured``)."""
    unread: Mapping[str, str]
    """As the measurement has it."""
    shared: frozenset[str]
    """Pods with engines, of workloads that share a model: their requests are told apart by the pods alone."""
    _pod_of_group: dict[Group, str] = field(default_factory=dict)

    def fits(self, kube: KubeState, measurement: Measurement | None) -> bool:
        """True while nothing has come or gone since this layout was made."""
        engines = measurement.engines if measurement else ()
        gpus = measurement.gpus if measurement else ()
        unread = measurement.unread if measurement else {}
        gateways = measurement.gateways if measurement else ()
        dialects = measurement.dialects if measurement else ()
        same = self.engine_ids == engines and self.gpu_ids == gpus and self.unread == unread
        same = same and self.gateway_ids == gateways and self.dialects == dialects
        return self.generation == kube.generation and self.coverage == kube.coverage and same

    def pod_of(self, group: Group) -> str:
        """The pod that a histogram's group belongs to, empty for none; joined as its engine is."""
        if group not in self._pod_of_group:
            engine = EngineId(group.namespace, group.pod, group.model, group.engine, group.instance)
            self._pod_of_group[group] = pod_of_engine(engine, self.pods, self.addresses)
        return self._pod_of_group[group]


def build_topology(kube: KubeState, measurement: Measurement | None) -> Topology:
    """Join everything with everything."""
    raw_ids = measurement.engines if measurement else ()
    dialects = measurement.dialects if measurement else ()
    gateway_ids = measurement.gateways if measurement else ()
    gpu_ids = measurement.gpus if measurement else ()
    addresses = Addresses.of(kube.pods)
    engine_pod = [pod_of_engine(engine, kube.pods, addresses) for engine in raw_ids]
    pods = dict(kube.pods)
    owners = ownership(kube.pods, kube.links, kube.workloads)
    workload_of, workloads = dict(owners.workload_of), dict(owners.workloads)
    engine_ids = _named(raw_ids, dialects, engine_pod, pods, workload_of, workloads)
    _add_unseen(engine_ids, engine_pod, pods, workload_of, workloads, kube.coverage)

    gpu_pods_of = [pods_of_gpu(gpu, kube.pods) for gpu in gpu_ids]
    gpus = {gpu.key: gpu for gpu in gpu_ids}
    row_of_gpu = {gpu.key: i for i, gpu in enumerate(gpu_ids)}
    names = node_names(kube.nodes, kube.pods)
    gpus_on: dict[str, list[str]] = defaultdict(list)
    gpus_of: dict[str, list[str]] = defaultdict(list)
    for key, gpu in gpus.items():
        holders = gpu_pods_of[row_of_gpu[key]]
        gpus_on[node_of_gpu(gpu, kube.pods[holders[0]] if holders else None, names)].append(key)
        for holder in holders:
            gpus_of[holder].append(key)

    free = free_gpus(kube)
    held_by = {gpu.key: holders for gpu, holders in zip(gpu_ids, gpu_pods_of, strict=True)}
    gpu_use = uses(kube, free, gpus_on, held_by)

    engine_rows: dict[str, list[int]] = defaultdict(list)
    for i, pod_key in enumerate(engine_pod):
        engine_rows[pod_key].append(i)
    gpu_rows = {pod_key: [row_of_gpu[k] for k in keys] for pod_key, keys in gpus_of.items()}

    pods_of: dict[str, list[str]] = defaultdict(list)
    for pod_key, workload_key in workload_of.items():
        pods_of[workload_key].append(pod_key)
    served = served_by(workloads, pods_of, pods, engine_rows, engine_ids)
    model_of = {workload_key: names[0] for workload_key, names in served.items()}
    models = models_of(served, workloads)

    measured_pods = tuple(key for key in pods if key in engine_rows or key in gpu_rows)
    engine_pods = {w: tuple(p for p in members if p in engine_rows) for w, members in pods_of.items()}
    gpu_pods = {w: tuple(p for p in members if p in gpu_rows) for w, members in pods_of.items()}
    measured_workloads = tuple(w for w in workloads if engine_pods.get(w) or gpu_pods.get(w))

    def rows(of: Mapping[str, Sequence[int]], members: Sequence[str]) -> list[int]:
        # A GPU that several of them share is one GPU.
        return list(dict.fromkeys(i for pod_key in members for i in of.get(pod_key, ())))

    def rows_of_model(model: ModelGroup, pod_key: str) -> list[int]:
        return [i for i in engine_rows.get(pod_key, ()) if engine_ids[i].model == model.name]

    def engine_pods_of(model: ModelGroup) -> tuple[str, ...]:
        """A workload may serve several names, in a rollout that changes it: only the pods that serve this one."""
        return tuple(p for w in model.workloads for p in engine_pods.get(w, ()) if rows_of_model(model, p))

    def pods_with_gpus_of(model: ModelGroup) -> tuple[str, ...]:
        """Workers of an engine on several hosts have GPUs and no engine: they count where nothing else is served."""
        return tuple(
            p for w in model.workloads for p in gpu_pods.get(w, ()) if len(served[w]) == 1 or rows_of_model(model, p)
        )

    def among_engines(members: Iterable[Sequence[int]]) -> Members:
        return Members.of(members, len(engine_ids))

    def among_gpus(members: Iterable[Sequence[int]]) -> Members:
        return Members.of(members, len(gpu_ids))

    serving = [pods[p] for w in model_of for p in pods_of.get(w, ())]
    answered = measurement.unread if measurement else {}
    excused = unmeasured(kube.pods, workload_of, pods_of, answered)
    keys = [engine_key(engine) for engine in engine_ids]
    origins = _origins(keys, dialects, [pods[p] for p in engine_pod])
    served_by_pod: dict[str, set[str]] = defaultdict(set)
    for engine, pod_key in zip(engine_ids, engine_pod, strict=True):
        served_by_pod[pod_key].add(f"{pods[pod_key].namespace}/{engine.model}")
    for workload_key, model_keys in served.items():
        for pod_key in pods_of[workload_key] if len(model_keys) == 1 else ():
            served_by_pod[pod_key].update(() if pod_key in engine_rows else model_keys)
    gateway_rows: dict[str, list[int]] = defaultdict(list)
    behind = models_behind(gateway_ids, models, served_by_pod, kube.pods, addresses, kube.services.values())
    for i, model_key in enumerate(behind):
        if model_key:
            gateway_rows[model_key].append(i)
    return Topology(
        generation=kube.generation,
        coverage=kube.coverage,
        engine_ids=raw_ids,
        dialects=dialects,
        gateway_ids=gateway_ids,
        gpu_ids=gpu_ids,
        pods=pods,
        workloads=workloads,
        pods_of={w: tuple(members) for w, members in pods_of.items()},
        workload_of=workload_of,
        parts=owners.parts,
        part_of=owners.part_of,
        model_of=model_of,
        models=models,
        autoscalers={f"{h.target.namespace}/{h.target.kind}/{h.target.name}": h for h in kube.autoscalers.values()},
        budgets=tuple(kube.budgets.values()),
        engines=dict(zip(keys, engine_ids, strict=True)),
        origins=origins,
        products=_products(
            pods_of, pods, engine_rows, [origins[key].product if key in origins else "" for key in keys]
        ),
        gateways={row.key: row for row in gateway_ids},
        gateways_of={m: tuple(gateway_ids[i].key for i in rows) for m, rows in gateway_rows.items()},
        each_gateway=Members.of(((i,) for i in range(len(gateway_ids))), len(gateway_ids)),
        model_gateways=Members.of(gateway_rows.values(), len(gateway_ids)),
        gpus=gpus,
        engines_of={p: tuple(keys[i] for i in indexes) for p, indexes in engine_rows.items()},
        gpus_of={p: tuple(members) for p, members in gpus_of.items()},
        gpus_on={n: tuple(members) for n, members in gpus_on.items()},
        free_gpus=free,
        gpu_use=gpu_use,
        unmatched=(
            *engines_alone(
                [e for e, p in zip(engine_ids, engine_pod, strict=True) if p not in kube.pods], kube.coverage
            ),
            *pods_alone(
                [p for p in serving if p.uid], set(engine_pod), set(gpus_of), excused, gpus_measured=bool(gpu_ids)
            ),
            *gpus_alone([gpu for gpu in gpu_ids if not held_by[gpu.key]], gpu_use, kube.coverage),
        ),
        unmeasured=excused,
        unread=answered,
        addresses=addresses,
        each_engine=among_engines((i,) for i in range(len(engine_ids))),
        measured_pods=measured_pods,
        pod_engines=among_engines(engine_rows.get(p, ()) for p in measured_pods),
        pod_gpus=among_gpus(gpu_rows.get(p, ()) for p in measured_pods),
        measured_workloads=measured_workloads,
        workload_engines=among_engines(rows(engine_rows, engine_pods[w]) for w in measured_workloads),
        workload_gpus=among_gpus(rows(gpu_rows, gpu_pods[w]) for w in measured_workloads),
        engine_pods=engine_pods,
        model_engines=among_engines(
            [i for p in engine_pods_of(m) for i in rows_of_model(m, p)] for m in models.values()
        ),
        model_gpus=among_gpus(rows(gpu_rows, pods_with_gpus_of(m)) for m in models.values()),
        model_pods={m.key: engine_pods_of(m) for m in models.values()},
        served=served,
        alone=frozenset(w for w, names in served.items() if all(len(models[m].workloads) == 1 for m in names)),
        shared=frozenset(
            p
            for w, names in served.items()
            if any(len(models[m].workloads) > 1 for m in names)
            for p in engine_pods.get(w, ())
        ),
    )


def _named(
    engines: Sequence[EngineId],
    dialects: Sequence[tuple[str, ...]],
    engine_pod: Sequence[str],
    pods: Mapping[str, Pod],
    workload_of: Mapping[str, str],
    workloads: Mapping[str, Workload],
) -> tuple[EngineId, ...]:
    """The engines with their models: where no series names one, what the pod's template says that it serves, else the
    name of its workload; of one whose pod nobody sees, the name of the product.
    """

    def model_of(i: int) -> str:
        pod = pods.get(engine_pod[i])
        if pod is None:
            return next(iter(dialects[i]), "") if dialects else ""
        workload = workloads.get(workload_of.get(pod.key, ""))
        return pod.version.served_name or pod.version.model or (workload.name if workload is not None else pod.name)

    return tuple(one if one.model else one._replace(model=model_of(i)) for i, one in enumerate(engines))


def _origins(keys: Sequence[str], dialects: Sequence[tuple[str, ...]], pods: Sequence[Pod]) -> dict[str, Origin]:
    """Engine key → what it is: as its pod's own description says, else by the metrics that it answers."""
    found = {}
    for i, key in enumerate(keys):
        speaks = dialects[i] if dialects else ()
        product = pods[i].serving.engine or next(iter(speaks), "")
        if product:
            found[key] = Origin(product, speaks)
    return found


def _product(origin: Origin | None) -> str:
    return origin.product if origin is not None else ""


def _products(
    pods_of: Mapping[str, Sequence[str]],
    pods: Mapping[str, Pod],
    engine_rows: Mapping[str, Sequence[int]],
    product_of_row: Sequence[str],
) -> dict[str, tuple[str, ...]]:
    """Workload key → the products that serve in its pods."""
    found = {}
    for workload, members in pods_of.items():
        said = Counter(
            product
            for key in members
            for product in {product_of_row[i] for i in engine_rows.get(key, ())} or {pods[key].serving.engine}
            if product
        )
        if said:
            found[workload] = tuple(sorted(said, key=lambda product: (-said[product], product)))
    return found


def _add_unseen(
    engines: Sequence[EngineId],
    engine_pod: list[str],
    pods: dict[str, Pod],
    workload_of: dict[str, str],
    workloads: dict[str, Workload],
    coverage: Coverage,
) -> None:
    """Give engines without a pod a stand-in, so that they are on the screen with everything else.

    The stand-in has no uid and no phase: it claims nothing that Kubernetes has not said.
    """
    members: dict[tuple[str, str], set[str]] = defaultdict(set)
    for i, engine in enumerate(engines):
        if engine_pod[i]:
            continue
        namespace, name = engine.namespace, engine.pod or engine.instance
        key = f"{namespace}/{name}"
        engine_pod[i] = key
        status = UNSEEN if pods_are_known(coverage, namespace) else HIDDEN
        pods[key] = Pod(namespace, name, "", "", created=0.0, phase="", status=status, ready=False, restarts=0)
        members[namespace, engine.model].add(key)
    for (namespace, model), keys in members.items():
        workload = Workload(UNSEEN, namespace, model, "", "", created=0.0, desired=len(keys))
        workloads[workload.key] = workload
        workload_of.update(dict.fromkeys(keys, workload.key))
