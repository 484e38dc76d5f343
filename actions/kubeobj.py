"""Raw objects of Kubernetes: their labels, owners and readiness, what a selector selects, lists that may be closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.plan_context import Reads
from fleet.kinds.kind import WorkloadKind
from fleet.kinds.registry import kind_of
from fleet.sources.kube.errors import ForbiddenError, KubeError, NotFoundError


def kind_in(obj: Mapping[str, Any]) -> WorkloadKind:
    """The kind of workload that an object is; of one that does not say, the least that any has."""
    return kind_of(str(obj.get("kind", "")))


def labels_of(obj: Mapping[str, Any]) -> dict[str, str]:
    """The labels of a raw object."""
    return dict((obj.get("metadata") or {}).get("labels") or {})


def controller_of(obj: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Kind, name and uid of the controlling ownerReference; None for none."""
    for reference in (obj.get("metadata") or {}).get("ownerReferences") or ():
        if reference.get("controller"):
            return str(reference["kind"]), str(reference["name"]), str(reference.get("uid", ""))
    return None


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Condition Ready of a raw pod that is not being deleted and has not ended: an evicted one may still say so."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp") or status.get("phase") in ("Succeeded", "Failed"):
        return False
    conditions = status.get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector (``matchLabels``, ``matchExpressions``) selects: an empty one every pod, None none."""
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
    """Return labels as a query's labelSelector."""
    return ",".join(f"{key}={value}" for key, value in labels.items())


async def permitted(kind: str, namespace: str, reads: Reads) -> list[dict[str, Any]] | None:
    """All of a kind; none where the cluster does not know it, None where we may not look. Raises KubeError."""
    try:
        return await reads.list_raw(kind, namespace)
    except NotFoundError:
        return []
    except ForbiddenError:
        return None
    except KubeError as error:
        if error.status == 404:
            return []
        raise


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
