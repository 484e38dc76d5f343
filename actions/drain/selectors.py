"""Which labels a selector selects, as Kubernetes decides it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Of a LabelSelector (``matchLabels``, ``matchExpressions``): an empty one takes every pod, None takes none."""
    if selector is None:
        return False
    return includes(selector.get("matchLabels") or {}, labels) and all(
        _meets(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def includes(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether the labels have all those that are wanted."""
    return wanted.items() <= labels.items()


def keys_of(selector: Mapping[str, Any]) -> frozenset[str]:
    """The labels that a LabelSelector looks at."""
    expressions = (str(expression["key"]) for expression in selector.get("matchExpressions") or ())
    return frozenset((*(selector.get("matchLabels") or {}), *expressions))


def written(labels: Mapping[str, str]) -> str:
    """As a query's labelSelector."""
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _meets(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case operator:
            raise ValueError(f"no such operator in a selector: {operator}")
