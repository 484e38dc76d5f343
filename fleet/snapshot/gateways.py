"""The model of a gateway's numbers: by the requested name, else by the backends.

A gateway may run anywhere: its namespace does not identify the model's. Ambiguous numbers (one name in several
namespaces, a gateway in front of several models) belong to no model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from fleet.model.addresses import Addresses
from fleet.model.measurement import GatewayId
from fleet.model.objects import Pod, Service
from fleet.model.snapshot import ModelGroup


def models_behind(
    gateways: Sequence[GatewayId],
    models: Mapping[str, ModelGroup],
    served_by_pod: Mapping[str, Collection[str]],
    pods: Mapping[str, Pod],
    addresses: Addresses,
    services: Iterable[Service],
) -> list[str]:
    """The key of the model that each row is about, empty for none. ``served_by_pod``: pod key → keys of its models."""
    named: dict[str, list[str]] = defaultdict(list)
    for key, model in models.items():
        named[model.name].append(key)
    by_name = {(service.namespace, service.name): service for service in services}

    def models_behind(row: GatewayId) -> set[str]:
        """The models of the servers behind a row."""
        if not row.backend:
            return set()
        pod = addresses.pod_at(row.backend)
        found = {pod} if pod else _pods_of_service(row, by_name, pods)
        return {model for key in found for model in served_by_pod.get(key, ())}

    def of(row: GatewayId) -> str:
        candidates: Collection[str] = named.get(row.model, ()) if row.model else models_behind(row)
        if len(candidates) > 1:
            candidates = models_behind(row).intersection(candidates) or {
                key for key in candidates if models[key].namespace == row.namespace
            }
        return next(iter(candidates)) if len(candidates) == 1 else ""

    keys = [of(row) for row in gateways]
    of_process: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row, key in zip(gateways, keys, strict=True):
        if row.model or row.backend:
            of_process[row.namespace, row.pod, row.instance].add(key)
    for i, row in enumerate(gateways):
        every = of_process[row.namespace, row.pod, row.instance] - {""}
        if not (row.model or row.backend) and len(every) == 1:
            keys[i] = next(iter(every))
    return keys


def _pods_of_service(row: GatewayId, services: Mapping[tuple[str, str], Service], pods: Mapping[str, Pod]) -> set[str]:
    """The pods of the Service that a backend's address names: ``name``, ``name.namespace`` and longer."""
    name, _, rest = row.backend.rpartition(":")[0].partition(".")
    if not name:
        name, _, rest = row.backend.partition(".")
    service = services.get((rest.partition(".")[0] or row.namespace, name))
    if service is None or not service.selector:
        return set()
    wanted = service.selector.items()
    return {k for k, pod in pods.items() if pod.namespace == service.namespace and wanted <= pod.labels.items()}
