"""The workloads that serve each model: requests are counted by served name, while workloads are what teams own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from fleet.kinds.registry import kind_of
from fleet.metrics.pod_roles import gateway_or_exporter
from fleet.model.objects import Pod, Workload
from fleet.model.snapshot import ModelGroup, Origin


def served_by(
    workloads: Mapping[str, Workload],
    pods_of: Mapping[str, Sequence[str]],
    pods: Mapping[str, Pod],
    names_of: Callable[[str], Iterable[str]],
) -> dict[str, tuple[str, ...]]:
    """Return workload key → keys of the models that it serves, most engines first: according to the engines, else the
    template, else the workload's own name if its pods hold GPUs. Workloads that serve none are left out.

    ``names_of``: from a pod's key to the model of each of its engines.
    """
    found: dict[str, tuple[str, ...]] = {}
    for key, workload in workloads.items():
        members = pods_of.get(key, ())
        counted = Counter(name for p in members for name in names_of(p))
        names = [name for name, _ in counted.most_common() if name]
        if (
            not names
            and not _stands_beside(members, pods)
            and (name := _by_template(workload, [pods[p] for p in members]))
        ):
            names = [name]
        if names:
            found[key] = tuple(f"{workload.namespace}/{name}" for name in names)
    return found


def _stands_beside(members: Sequence[str], pods: Mapping[str, Pod]) -> bool:
    """True if its pods are gateways or exporters: a model in their configuration is served by others."""
    return any(not pods[key].serving.engine and gateway_or_exporter(pods[key]) is not None for key in members)


def _by_template(workload: Workload, pods: Sequence[Pod]) -> str:
    versions = [workload.version, *(pod.version for pod in pods)]
    name = next((v.served_name or v.model for v in versions if v.served_name or v.model), "")
    if not name and not kind_of(workload.kind).per_node and (workload.gpus or any(pod.gpus for pod in pods)):
        return workload.name
    return name


def models_of(served: Mapping[str, Sequence[str]], workloads: Mapping[str, Workload]) -> dict[str, ModelGroup]:
    """Model key → the model, with the workloads that serve it."""
    members: dict[str, list[str]] = defaultdict(list)
    for workload_key, names in served.items():
        for model_key in names:
            members[model_key].append(workload_key)
    found = {}
    for key, keys in members.items():
        namespace = workloads[keys[0]].namespace
        found[key] = ModelGroup(key, namespace, key.removeprefix(f"{namespace}/"), tuple(keys))
    return found


def products_of(
    pods_of: Mapping[str, Sequence[str]],
    pods: Mapping[str, Pod],
    engines_of: Mapping[str, Sequence[str]],
    origins: Mapping[str, Origin],
) -> dict[str, tuple[str, ...]]:
    """Workload key → the products that serve in its pods."""
    found = {}
    for workload, members in pods_of.items():
        counted = Counter(
            product
            for key in members
            for product in {_product(origins.get(engine)) for engine in engines_of.get(key, ())}
            or {pods[key].serving.engine}
            if product
        )
        if counted:
            found[workload] = tuple(sorted(counted, key=lambda product: (-counted[product], product)))
    return found


def _product(origin: Origin | None) -> str:
    return origin.product if origin is not None else ""
