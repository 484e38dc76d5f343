"""The objects that an alert concerns, by its labels.

Labels name objects in several ways: a sidecar exporter puts its own name into ``pod`` and the name of the pod it
measures into ``exported_pod``; a node appears by name or by address; a GPU by UUID or by its index on a node. A label
that names an object missing from the cluster is reported as such, never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from fleet.dataclass import dataclass
from fleet.kinds.registry import KINDS
from fleet.model.alerts import Alert
from fleet.model.snapshot import Snapshot

_NAMESPACES = ("exported_namespace", "namespace", "kubernetes_namespace", "pod_namespace", "Namespace")
# The exported object comes before its exporter.
_PODS = ("exported_pod", "pod", "pod_name", "kubernetes_pod_name", "Pod")
_NODES = ("exported_node", "node", "nodename", "Hostname", "hostname", "kubernetes_node", "node_name", "host")
_GPUS = ("UUID", "uuid", "gpu_uuid", "GPU_UUID")
_ORDINALS = ("gpu", "GPU", "gpu_id", "minor_number")
_NUMBERED = re.compile(r"[a-z]*(\d+)")
"""A number on a node, or the name of a device that ends in it."""
_MODELS = ("model_name", "exported_model_name", "model", "served_model_name")
_WORKLOADS = (
    *((name, kind.kind) for kind in KINDS for name in (kind.kind.lower(), *kind.short)),
    ("workload", ""),
    ("created_by_name", ""),
    ("owner_name", ""),
    # The job of a ServiceMonitor, and the Service behind it, most often have the workload's name.
    ("service", ""),
    ("job", ""),
)
"""Labels that name a workload, and its kind; empty for any."""
LABELS = frozenset(
    (*_NAMESPACES, *_PODS, *_NODES, *_GPUS, *_ORDINALS, *_MODELS, *(label for label, _ in _WORKLOADS), "instance")
)
"""Every label that may name an object of an alert."""
_WEAK = frozenset({"service", "job"})
"""Labels that every series of a target has: one that names no workload is not missed."""


@dataclass(frozen=True, slots=True)
class AlertObjects:
    """The objects that an alert concerns, the closest first, by their keys in the Snapshot; or why none."""

    objects: tuple[str, ...] = ()
    unjoined: str = ""
    namespace: str = ""
    """The namespace that its labels name."""


class Index:
    """Index of a whole cluster's objects by the values that labels hold."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._all = snapshot.everything

    def concerned(self, alert: Alert) -> AlertObjects:
        """The objects of one alert."""
        labels = alert.labels
        namespace = _first(labels, _NAMESPACES)
        found = tuple(dict.fromkeys(self._found(labels)))
        if found:
            return AlertObjects(found, "", namespace)
        missing = ", ".join(f"{name}={value}" for name, value in self._missing(labels))
        if missing:
            return AlertObjects((), f"nothing here is {missing}", namespace)
        return AlertObjects((), "its labels name no object", namespace)

    def above(self, key: str) -> Iterator[str]:
        """The objects that an object is a part of: a GPU's pods, a pod's workload, a workload's model."""
        gpu = self._all.gpus.get(key)
        if gpu is not None:
            for namespace, pod in gpu.holders:
                yield f"{namespace}/{pod}"
                yield from self.above(f"{namespace}/{pod}")
        workload = self._all.workload_of.get(key)
        if workload is not None:
            yield workload
            yield from self.above(workload)
        model = self._all.model_of.get(key)
        if model is not None:
            yield model

    def _found(self, labels: Mapping[str, str]) -> Iterator[str]:
        yield from self._gpus(labels)
        yield from self._pods(labels)
        yield from self._workloads(labels)
        yield from self._models(labels)
        yield from self._nodes(labels)

    def _gpus(self, labels: Mapping[str, str]) -> Iterator[str]:
        gpus = self._all.gpus
        for uuid in _values(labels, _GPUS):
            if uuid in gpus:
                yield uuid
            else:
                # For a partitioned card, its parts.
                yield from (key for key in self._parts_of_gpus.get(uuid, ()))
        numbered = _NUMBERED.fullmatch(_first(labels, _ORDINALS))
        if numbered is not None:
            ordinal = numbered[1]
            for node in self._nodes(labels):
                yield from (key for key in self._all.gpus_on.get(node, ()) if gpus[key].ordinal == ordinal)

    def _pods(self, labels: Mapping[str, str]) -> Iterator[str]:
        for name in _values(labels, _PODS):
            for namespace in _values(labels, _NAMESPACES):
                if f"{namespace}/{name}" in self._all.pods:
                    yield f"{namespace}/{name}"
                    return
        if (pod := self._pods_by_address.get(_host(labels.get("instance", "")))) is not None:
            yield pod

    def _workloads(self, labels: Mapping[str, str]) -> Iterator[str]:
        for label, kind in _WORKLOADS:
            name = labels.get(label, "").rpartition("/")[2]
            for namespace in _values(labels, _NAMESPACES) if name else ():
                known = self._by_name.get((namespace, name), {})
                key = known.get(kind) if kind else next(iter(known.values()), None)
                if key is not None:
                    yield self._all.top(key)
                    return

    def _models(self, labels: Mapping[str, str]) -> Iterator[str]:
        for name in _values(labels, _MODELS):
            namespaces = list(_values(labels, _NAMESPACES))
            here = [key for namespace in namespaces if (key := f"{namespace}/{name}") in self._all.models]
            # Gateways and recording rules name no namespace: match if only one namespace serves a model of that name.
            every = here or (self._models_by_name.get(name, []) if not namespaces else [])
            if len(every) == 1:
                yield every[0]
                return

    def _nodes(self, labels: Mapping[str, str]) -> Iterator[str]:
        for name in _values(labels, _NODES):
            if name in self._all.nodes:
                yield name
                return
        instance = _host(labels.get("instance", ""))
        if instance in self._all.nodes:
            yield instance
        elif instance in self._nodes_by_address:
            yield self._nodes_by_address[instance]

    def _missing(self, labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """The labels that name something which is not there."""
        strong = (label for label, _ in _WORKLOADS if label not in _WEAK)
        for name in (*_GPUS, *_PODS, *strong, *_MODELS, *_NODES):
            if labels.get(name):
                yield name, labels[name]

    @cached_property
    def _pods_by_address(self) -> dict[str, str]:
        # Pods in the host network share its address, which does not identify one.
        addresses: dict[str, list[str]] = {}
        for pod in self._all.pods.values():
            if pod.ip:
                addresses.setdefault(pod.ip, []).append(pod.key)
        nodes = self._nodes_by_address
        return {ip: keys[0] for ip, keys in addresses.items() if len(keys) == 1 and ip not in nodes}

    @cached_property
    def _nodes_by_address(self) -> dict[str, str]:
        return {node.address: node.name for node in self._all.nodes.values() if node.address}

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], dict[str, str]]:
        found: dict[tuple[str, str], dict[str, str]] = {}
        for workload in (*self._all.workloads.values(), *self._all.parts.values()):
            found.setdefault((workload.namespace, workload.name), {})[workload.kind] = workload.key
        return found

    @cached_property
    def _models_by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for model in self._all.models.values():
            found.setdefault(model.name, []).append(model.key)
        return found

    @cached_property
    def _parts_of_gpus(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for gpu in self._all.gpus.values():
            if gpu.instance_id:
                found.setdefault(gpu.uuid, []).append(gpu.key)
        return found


def _values(labels: Mapping[str, str], names: tuple[str, ...]) -> Iterator[str]:
    return (labels[name] for name in names if labels.get(name))


def _first(labels: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next(_values(labels, names), "")


def _host(instance: str) -> str:
    """The host of ``10.1.2.3:8000``, ``[::1]:8000``, ``http://host:1/metrics`` or ``gpu-node-1``."""
    authority = instance.rpartition("://")[2].partition("/")[0]
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.rpartition(":")[0] if authority.count(":") == 1 else authority
