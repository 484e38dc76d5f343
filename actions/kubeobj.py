"""Raw objects of Kubernetes: their labels, owners and readiness, selectors, and lists that may be forbidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.planning.plan_context import Reads
from actions.request import Target
from fleet.kinds.kind import WorkloadKind
from fleet.kinds.registry import kind_of
from fleet.sources.kube.errors import ForbiddenError, KubeError, NotFoundError


def kind_in(obj: Mapping[str, Any]) -> WorkloadKind:
    """Return the workload kind of an object; an object without a kind gets the minimal one."""
    return kind_of(str(obj.get("kind", "")))


def target_of(obj: Mapping[str, Any]) -> Target:
    """The object as the target of a request."""
    metadata = obj["metadata"]
    return Target(obj["kind"], metadata.get("namespace", ""), metadata["name"], metadata.get("uid", ""))


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
    """True if a raw pod is Ready, not being deleted and not finished: an evicted pod may still have the condition."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp") or status.get("phase") in ("Succeeded", "Failed"):
        return False
    conditions = status.get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """True if a LabelSelector (``matchLabels``, ``matchExpressions``) matches: an empty one every pod, None none."""
    if selector is None:
        return False
    return includes(selector.get("matchLabels") or {}, labels) and all(
        _meets(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def includes(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """True if the labels include all wanted ones."""
    return wanted.items() <= labels.items()


def keys_of(selector: Mapping[str, Any]) -> frozenset[str]:
    """Return the labels that a LabelSelector reads."""
    expressions = (str(expression["key"]) for expression in selector.get("matchExpressions") or ())
    return frozenset((*(selector.get("matchLabels") or {}), *expressions))


def written(labels: Mapping[str, str]) -> str:
    """Return labels as a query's labelSelector."""
    return ",".join(f"{key}={value}" for key, value in labels.items())


async def permitted(kind: str, namespace: str, reads: Reads) -> list[dict[str, Any]] | None:
    """Return all objects of a kind; empty if the cluster does not have it, None if listing is forbidden. Raises
    KubeError.
    """
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
