"""Validation of objects before controllers act on them: required fields, types, quantities.

Covers the part of the API's schema that the controllers of the simulator read; other fields are not checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Problem = tuple[str, str]
"""The field, and what is wrong with its value."""

_COUNT = re.compile(r"\d+")
_SHARE = re.compile(r"\d+%")
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_AVERAGE = re.compile(r"0*[1-9]\d*m?")
"""The quantities that our autoscalers divide by."""

Shape = Any
"""A type; a pattern of text; `{name: shape}`, where `name!` is required and `*` any other; `[shape]`, not empty with
`...` after it; a tuple of alternatives.
"""

_TEXTS: Shape = {"*": str}
_PORTION: Shape = (int, _SHARE)
_SELECTOR: Shape = {
    "matchLabels": _TEXTS,
    "matchExpressions": [{"key!": str, "operator!": re.compile("In|NotIn|Exists|DoesNotExist"), "values": [str]}],
}
_CONTAINER: Shape = {
    "name!": str,
    "image!": str,
    "command": [str],
    "args": [str],
    "ports": [{"containerPort!": int}],
    "resources": {"limits": {"*": (int, _QUANTITY), "nvidia.com/gpu": (int, _COUNT)}},
}
_POD: Shape = {
    "containers!": [_CONTAINER, ...],
    "nodeSelector": _TEXTS,
    "tolerations": [{"key": str, "operator": str, "value": str, "effect": str}],
    "terminationGracePeriodSeconds": int,
}
_TEMPLATE: Shape = {"metadata": {"labels": _TEXTS, "annotations": _TEXTS}, "spec!": _POD}
_TARGET: Shape = {"apiVersion": str, "kind": str, "name!": str}
_GROUP: Shape = {"size": int, "leaderTemplate": _TEMPLATE, "workerTemplate!": _TEMPLATE}
_METRIC: Shape = {"target!": {"averageValue": _AVERAGE}}

_SPECS: Mapping[str, Shape] = {
    "Deployment": {
        "replicas": int,
        "selector!": _SELECTOR,
        "template!": _TEMPLATE,
        "strategy": {"type": str, "rollingUpdate": {"maxSurge": _PORTION, "maxUnavailable": _PORTION}},
        "minReadySeconds": int,
        "revisionHistoryLimit": int,
        "progressDeadlineSeconds": int,
        "paused": bool,
    },
    "ReplicaSet": {"replicas": int, "selector!": _SELECTOR, "template!": _TEMPLATE, "minReadySeconds": int},
    "StatefulSet": {
        "replicas": int,
        "selector!": _SELECTOR,
        "template!": _TEMPLATE,
        "updateStrategy": {"type": str, "rollingUpdate": {"partition": int}},
        "ordinals": {"start": int},
        "minReadySeconds": int,
        "revisionHistoryLimit": int,
    },
    "DaemonSet": {"selector!": _SELECTOR, "template!": _TEMPLATE},
    "LeaderWorkerSet": {"replicas": int, "leaderWorkerTemplate!": _GROUP},
    "Pod": _POD,
    "Service": {"selector": _TEXTS, "ports": [{"port!": int}]},
    "PodDisruptionBudget": {"minAvailable": _PORTION, "maxUnavailable": _PORTION, "selector": _SELECTOR},
    "HorizontalPodAutoscaler": {
        "scaleTargetRef!": _TARGET | {"kind!": str},
        "minReplicas": int,
        "maxReplicas!": int,
        "metrics": [{"type!": str, "pods": _METRIC, "external": _METRIC}],
    },
    "ScaledObject": {
        "scaleTargetRef!": _TARGET,
        "minReplicaCount": int,
        "maxReplicaCount": int,
        "triggers!": [{"type!": str, "metadata!": {"threshold": _AVERAGE}}, ...],
    },
    "Node": {"unschedulable": bool, "taints": [{"key!": str, "value": str, "effect!": str}]},
}


def misshapen(kind: str, obj: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problems of an object; nothing for a kind that no controller reads."""
    yield from _problems("metadata", obj["metadata"], {"labels": _TEXTS, "annotations": _TEXTS})
    if kind in _SPECS and obj.get("spec") is None:
        yield "spec", "Required value"
    elif kind in _SPECS:
        yield from _problems("spec", obj["spec"], _SPECS[kind])


def _problems(field: str, value: Any, shape: Shape) -> Iterator[Problem]:
    if isinstance(shape, tuple):
        found = [list(_problems(field, value, one)) for one in shape]
        if all(found):
            yield found[-1][0]
    elif isinstance(shape, dict):
        yield from _wrong_fields(field, value, shape) if isinstance(value, dict) else [_invalid(field, value, "object")]
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield _invalid(field, value, "array")
        elif not value and len(shape) > 1:
            yield field, "Required value"
        else:
            for number, item in enumerate(value):
                yield from _problems(f"{field}[{number}]", item, shape[0])
    elif isinstance(shape, re.Pattern):
        if not isinstance(value, str) or not shape.fullmatch(value):
            yield _invalid(field, value, f"text like {shape.pattern}")
    elif not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
        yield _invalid(field, value, "integer" if shape is int else "boolean" if shape is bool else "string")


def _wrong_fields(field: str, value: Mapping[str, Any], shape: Mapping[str, Shape]) -> Iterator[Problem]:
    for name, inner in shape.items():
        if name.endswith("!") and value.get(name[:-1]) is None:
            yield f"{field}.{name[:-1]}", "Required value"
        elif name != "*" and value.get(name.rstrip("!")) is not None:
            yield from _problems(f"{field}.{name.rstrip('!')}", value[name.rstrip("!")], inner)
    if "*" in shape:
        for name in value.keys() - shape.keys():
            yield from _problems(f"{field}.{name}", value[name], shape["*"])


def _invalid(field: str, value: Any, wanted: str) -> Problem:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return field, f"Invalid value: {shown}: must be {wanted}"
