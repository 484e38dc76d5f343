"""The objects of a fleet that has been up for days, as users and operators applied them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simulator import objects
from simulator.blueprint import Blueprint, WorkloadSpec
from simulator.machines import Machine
from simulator.objects import DCGM_PORT, ENGINE_PORT, ROUTER_PORT, SERVING, Object, manifest
from simulator.owners import as_applied_by
from simulator.pods import Place
from simulator.store import Store
from simulator.templates import NAME_LABEL

AGE = 6 * 86400.0
"""Age of the fleet in seconds when the simulation starts."""
EXPORTER = ("gpu-operator", "dcgm-exporter")
GATEWAY = ("serving", "gateway")
CHANGE_CAUSE = "kubernetes.io/change-cause"
_QUARTER = {"max_surge": "25%", "max_unavailable": "25%"}


def put(store: Store, blueprint: Blueprint, machines: Mapping[str, Machine], origin: float) -> None:
    """Store namespaces, nodes, workloads and their Services; they are `AGE` old at `origin` (unix seconds)."""
    born = origin - AGE
    for name in ("default", "kube-system", "serving", "batch", EXPORTER[0]):
        store.put(manifest("Namespace", name, born))
    for machine in machines.values():
        store.put(objects.node(machine.pool, machine.name, machine.number, born))
    resources = {pool.name: pool.resource for pool in blueprint.pools}
    for number, workload in enumerate(blueprint.workloads):
        _put_workload(store, workload, resources[workload.pool], f"10.96.0.{number + 20}", born)
    _put_system(store, born)


def _put_workload(store: Store, workload: WorkloadSpec, resource: str, address: str, born: float) -> None:
    place = (workload.namespace, workload.name)
    # One with several GPUs per replica frees them before it starts the next.
    limits = {"max_surge": 0, "max_unavailable": 1} if workload.gpus > 1 else _QUARTER
    template = objects.engine_template(workload, workload.revision, resource)
    values: dict[str, Any] = {"replicas": workload.replicas, "template": template, "size": workload.group, **limits}
    values["worker_template"] = objects.worker_template(template)
    obj = manifest(workload.kind, place[1], born, namespace=place[0], **values)
    obj = objects.annotated(obj, CHANGE_CAUSE, cause(workload.version, workload.revision))
    store.put(as_applied_by(obj, workload.managed_by))
    if workload.old_revision:
        before = replace(workload, version=workload.old_version or workload.version)
        old = objects.engine_template(before, workload.old_revision, resource)
        _put_history(store, obj, old, cause(before.version, workload.old_revision), born - AGE)
    selector = {NAME_LABEL: workload.name} | (SERVING if workload.serving_label else {})
    if workload.group > 1:
        selector["app.kubernetes.io/component"] = "engine"
    values = {"port": ENGINE_PORT, "address": address, "selector": selector}
    store.put(as_applied_by(manifest("Service", place[1], born, namespace=place[0], **values), workload.managed_by))
    if workload.max_replicas:
        kind = "ScaledObject" if workload.keda else "HorizontalPodAutoscaler"
        span = {"low": workload.replicas, "high": workload.max_replicas, "target": workload.name}
        _put(store, kind, place, born, kind=workload.kind, served=workload.served, **span)
    if workload.min_available:
        _put(store, "PodDisruptionBudget", place, born, min_available=workload.min_available)


def _put_history(store: Store, obj: Object, template: Object, why: str, born: float) -> None:
    """The revision that a workload had before."""
    if obj["kind"] == "Deployment":
        store.put(objects.annotated(objects.replica_set(obj, 1, template, born), CHANGE_CAUSE, why))
    elif obj["kind"] == "StatefulSet":
        store.put(objects.annotated(objects.controller_revision(obj, 1, template, born), CHANGE_CAUSE, why))


def _put_system(store: Store, born: float) -> None:
    image = "nvcr.io/nvidia/k8s/dcgm-exporter:4.5.2-4.8.1-distroless"
    exporter = objects.system_template(EXPORTER[1], "exporter", image, DCGM_PORT)
    _put(store, "DaemonSet", EXPORTER, born, template=exporter)
    router = objects.system_template(GATEWAY[1], "router", "ghcr.io/example/llm-router:1.8.2", ROUTER_PORT)
    _put(store, "Deployment", GATEWAY, born, template=router, replicas=2, **_QUARTER)
    for (namespace, name), port, address in ((EXPORTER, DCGM_PORT, "10.96.0.11"), (GATEWAY, ROUTER_PORT, "10.96.0.12")):
        _put(store, "Service", (namespace, name), born, port=port, address=address, selector={NAME_LABEL: name})


def _put(store: Store, kind: str, place: Place, born: float, /, **values: Any) -> None:
    store.put(manifest(kind, place[1], born, namespace=place[0], **values))


def cause(version: str, revision: str) -> str:
    """Return the reason for a change, as its author writes it."""
    return f"vLLM {version}, model revision {revision}"
