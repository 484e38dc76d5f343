"""Refusals of an API server, in its words: those that operators commonly meet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from simulator.api import errors
from simulator.api.resources import Resource
from simulator.api.shapes import misshapen
from simulator.selection import matches

Obj = dict[str, Any]
Problem = tuple[str, str]
"""The field, and what is wrong with its value."""

_COST = "controller.kubernetes.io/pod-deletion-cost"
_FIELDS = {
    "Deployment": "replicas selector template strategy minReadySeconds revisionHistoryLimit paused"
    " progressDeadlineSeconds",
    "StatefulSet": "replicas selector template volumeClaimTemplates serviceName podManagementPolicy updateStrategy"
    " revisionHistoryLimit minReadySeconds persistentVolumeClaimRetentionPolicy ordinals",
    "HorizontalPodAutoscaler": "scaleTargetRef minReplicas maxReplicas metrics behavior",
    "PodDisruptionBudget": "minAvailable maxUnavailable selector unhealthyPodEvictionPolicy",
    "Node": "podCIDR podCIDRs providerID unschedulable taints configSource externalID",
    "Scale": "replicas",
}
"""The fields of spec, for strict validation."""
_WITHOUT_SPEC = {
    "ClusterRole": "rules aggregationRule",
    "ClusterRoleBinding": "roleRef subjects",
    "Role": "rules",
    "RoleBinding": "roleRef subjects",
}
"""The fields, beside those of every object, of kinds that have no spec."""
_EVERY = ("apiVersion", "kind", "metadata")
_IMMUTABLE = {"Deployment": ("selector",), "StatefulSet": ("selector", "serviceName", "podManagementPolicy")}


def unknown_fields(kind: str, sent: Any) -> list[str]:
    """Return the paths in a body that no field of this kind has."""
    if isinstance(sent, dict) and kind in _WITHOUT_SPEC:
        own = (*_EVERY, *_WITHOUT_SPEC[kind].split())
        return [name for name in sent if name not in own and name[0] != "$"]
    if not isinstance(sent, dict) or kind not in _FIELDS:
        return []
    spec = sent.get("spec")
    known = _FIELDS[kind].split()
    return [f"spec.{name}" for name in spec if name not in known and name[0] != "$"] if isinstance(spec, dict) else []


def validate(resource: Resource, old: Obj | None, new: Obj) -> None:
    """Raises ApiError 422 for an object that cannot be."""
    problems = list(misshapen(resource.kind, new)) or list(_problems(resource, old or {}, new))
    if problems:
        raise errors.invalid(resource.kind, resource.group, new["metadata"]["name"], problems)


def validate_scale(replicas: Any, name: str) -> int:
    """The replicas of a Scale. Raises ApiError 422."""
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        text = f"json: cannot unmarshal {_go_type(replicas)} into Go struct field ScaleSpec.spec.replicas of type int32"
        raise errors.invalid("", "", "", [("patch", text)])
    if replicas < 0:
        field = ("spec.replicas", f"Invalid value: {replicas}: must be greater than or equal to 0")
        raise errors.invalid("Scale", "autoscaling", name, [field])
    return replicas


def _problems(resource: Resource, old: Obj, new: Obj) -> Iterator[Problem]:
    spec: Obj = new.get("spec") or {}
    before: Obj = old.get("spec") or {}
    kind = resource.kind
    replicas = spec.get("replicas", 0)
    if isinstance(replicas, int) and replicas < 0:
        yield "spec.replicas", f"Invalid value: {replicas}: must be greater than or equal to 0"
    if resource.custom and resource.maximum is not None and replicas > resource.maximum:
        limit = f"spec.replicas in body should be less than or equal to {resource.maximum}"
        yield "spec.replicas", f"Invalid value: {replicas}: {limit}"
    if kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"):
        labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
        if not matches(spec.get("selector"), labels):
            yield (
                "spec.template.metadata.labels",
                f"Invalid value: {_go(labels)}: `selector` does not match template `labels`",
            )
    if old:
        for name in _IMMUTABLE.get(kind, ()):
            if spec.get(name) != before.get(name):
                yield f"spec.{name}", f"Invalid value: {_go(spec.get(name))}: field is immutable"
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    if kind == "Deployment" and _is_zero(rolling.get("maxSurge")) and _is_zero(rolling.get("maxUnavailable")):
        yield "spec.strategy.rollingUpdate.maxUnavailable", "Invalid value: 0: may not be 0 when `maxSurge` is 0"
    if kind == "HorizontalPodAutoscaler" and spec.get("minReplicas", 1) > spec.get("maxReplicas", 0):
        text = f"Invalid value: {spec.get('maxReplicas', 0)}: must be greater than or equal to `minReplicas`"
        yield "spec.maxReplicas", text
    cost = (new["metadata"].get("annotations") or {}).get(_COST, "0")
    if kind == "Pod" and not cost.removeprefix("-").isdecimal():
        yield f"metadata.annotations[{_COST}]", f'Invalid value: "{cost}": must be a 32bit integer'


def _is_zero(value: Any) -> bool:
    return value in (0, "0", "0%")


def _go(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _go_type(value: Any) -> str:
    return {str: "string", bool: "bool", float: "number", list: "array", dict: "object"}.get(type(value), "null")
