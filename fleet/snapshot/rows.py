"""The rows of a measurement that make up each pod, workload and model.

Here values are reordered from the source's rows to those of the screens; the frames fold them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from fleet.dataclass import dataclass
from fleet.model.measurement import EngineId, GpuId
from fleet.model.snapshot import ModelGroup
from fleet.snapshot.fold import Members


@dataclass(frozen=True, slots=True)
class FrameRows:
    """Rows of the measurement, per row of each frame."""

    each_engine: Members
    """All rows under one key: two processes of a pod may give their engine the same name."""
    each_gateway: Members
    each_gpu: Members
    """The last row of each: two exporters may report one GPU."""
    model_gateways: Members
    """Per model that has some, in the order of ``gateways_of``."""
    measured_pods: tuple[str, ...]
    pod_engines: Members
    pod_gpus: Members
    pod_cards: Members
    """The same of GPUs, of the parts of one card the first alone; the same object where no card is split."""
    measured_workloads: tuple[str, ...]
    workload_engines: Members
    workload_gpus: Members
    workload_cards: Members
    engine_pods: Mapping[str, tuple[str, ...]]
    """Workload key → its pods that have engines."""
    model_engines: Members
    model_gpus: Members
    model_cards: Members
    model_pods: Mapping[str, tuple[str, ...]]
    """Model key → the pods with engines that serve it."""
    alone: frozenset[str]
    """Workloads that serve their models alone: the requests for these models are theirs, all of them and no others."""
    shared: frozenset[str]
    """Pods with engines, of workloads that share a model: only the pods distinguish their requests."""


@dataclass(frozen=True, slots=True)
class ServingFleet:
    """Workloads and models, and their measurements."""

    pods: Iterable[str]
    pods_of: Mapping[str, Sequence[str]]
    """Workload key → pod keys, for every workload that has pods."""
    workloads: Iterable[str]
    served: Mapping[str, Sequence[str]]
    """Workload key → keys of the models that it serves."""
    models: Mapping[str, ModelGroup]
    engines: Sequence[EngineId]
    each_engine: Collection[Sequence[int]]
    """The rows of each engine."""
    each_gpu: Collection[Sequence[int]]
    each_gateway: Collection[Sequence[int]]
    engine_rows: Mapping[str, Sequence[int]]
    """Pod key → rows of its engines."""
    gpu_rows: Mapping[str, Sequence[int]]
    """Pod key → rows of its GPUs."""
    gpus: int
    card_of: Sequence[int]
    """Row of a GPU → the first row of its card; empty where no card is split."""
    gateway_rows: Mapping[str, Sequence[int]]
    """Model key → rows of the gateways before it."""
    gateways: int


def rows_of(fleet: ServingFleet) -> FrameRows:
    """The members of every row."""
    engine_rows, gpu_rows, engines = fleet.engine_rows, fleet.gpu_rows, len(fleet.engines)
    measured_pods = tuple(key for key in fleet.pods if key in engine_rows or key in gpu_rows)
    engine_pods = {w: tuple(p for p in members if p in engine_rows) for w, members in fleet.pods_of.items()}
    gpu_pods = {w: tuple(p for p in members if p in gpu_rows) for w, members in fleet.pods_of.items()}
    measured_workloads = tuple(w for w in fleet.workloads if engine_pods.get(w) or gpu_pods.get(w))
    model_rows = {key: _engines_of_model(model, engine_pods, fleet) for key, model in fleet.models.items()}
    pod_gpus = Members.of((gpu_rows.get(p, ()) for p in measured_pods), fleet.gpus)
    workload_gpus = Members.of([_rows_of_pods(gpu_rows, gpu_pods[w]) for w in measured_workloads], fleet.gpus)
    model_gpus = Members.of(
        [
            _rows_of_pods(gpu_rows, _with_gpus(model, gpu_pods, model_rows[key], fleet.served))
            for key, model in fleet.models.items()
        ],
        fleet.gpus,
    )
    return FrameRows(
        each_engine=Members.of(fleet.each_engine, engines),
        each_gateway=Members.of(fleet.each_gateway, fleet.gateways),
        each_gpu=Members.of(fleet.each_gpu, fleet.gpus),
        model_gateways=Members.of(fleet.gateway_rows.values(), fleet.gateways),
        measured_pods=measured_pods,
        pod_engines=Members.of((engine_rows.get(p, ()) for p in measured_pods), engines),
        pod_gpus=pod_gpus,
        pod_cards=_cards(pod_gpus, fleet.card_of),
        measured_workloads=measured_workloads,
        workload_engines=Members.of([_rows_of_pods(engine_rows, engine_pods[w]) for w in measured_workloads], engines),
        workload_gpus=workload_gpus,
        workload_cards=_cards(workload_gpus, fleet.card_of),
        engine_pods=engine_pods,
        model_engines=Members.of(
            ([i for rows in by_pod.values() for i in rows] for by_pod in model_rows.values()), engines
        ),
        model_gpus=model_gpus,
        model_cards=_cards(model_gpus, fleet.card_of),
        model_pods={key: tuple(by_pod) for key, by_pod in model_rows.items()},
        alone=frozenset(w for w, names in fleet.served.items() if not _shares(names, fleet.models)),
        shared=frozenset(
            p for w, names in fleet.served.items() if _shares(names, fleet.models) for p in engine_pods.get(w, ())
        ),
    )


def cards_of(gpus: Sequence[GpuId]) -> Sequence[int]:
    """Return the first row of each GPU's card; nothing where no card is split into parts."""
    if not any(gpu.instance_id for gpu in gpus):
        return ()
    first: dict[str, int] = {}
    return [first.setdefault(gpu.uuid or gpu.key, row) for row, gpu in enumerate(gpus)]


def _cards(members: Members, card_of: Sequence[int]) -> Members:
    """The same members, of the parts of one card the first alone."""
    if not card_of:
        return members
    return Members.of(
        [list({card_of[row]: row for row in reversed(rows)}.values()) for rows in members.rows], members.source
    )


def _rows_of_pods(rows: Mapping[str, Sequence[int]], pods: Iterable[str]) -> list[int]:
    """The rows of several pods. A GPU that several of them share is one GPU."""
    return list(dict.fromkeys(i for pod in pods for i in rows.get(pod, ())))


def _engines_of_model(
    model: ModelGroup, engine_pods: Mapping[str, Sequence[str]], fleet: ServingFleet
) -> dict[str, list[int]]:
    """Pod → its engines that serve this model. A workload may serve several names, in a rollout that changes it: only
    the pods that serve this one.
    """
    found = {}
    for workload in model.workloads:
        for pod in engine_pods.get(workload, ()):
            if rows := [i for i in fleet.engine_rows[pod] if fleet.engines[i].model == model.name]:
                found[pod] = rows
    return found


def _with_gpus(
    model: ModelGroup,
    gpu_pods: Mapping[str, Sequence[str]],
    engines: Mapping[str, Sequence[int]],
    served: Mapping[str, Sequence[str]],
) -> Iterable[str]:
    """Yield its pods with GPUs. Workers of a multi-host engine have GPUs and no engine: they count if they serve
    nothing else.
    """
    return (p for w in model.workloads for p in gpu_pods.get(w, ()) if len(served[w]) == 1 or p in engines)


def _shares(names: Iterable[str], models: Mapping[str, ModelGroup]) -> bool:
    """True if another workload serves one of these models too."""
    return any(len(models[name].workloads) > 1 for name in names)
