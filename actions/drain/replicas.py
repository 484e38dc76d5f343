"""Ready replicas of a pod's owner: by the pods themselves, and by the owner that counts them.

Most owners at the top of a chain (an InferenceService, a RayService, the kind of some operator) have no
``readyReplicas``: a field omitted because it is 0 and one that a kind does not have look the same. So readiness is
taken from the kinds whose descriptor says where they count it, and if none is in the chain the pods of the pod's own
controller are counted. The pods are counted in any case: a status is written after they have changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from actions.drain.unit import DrainUnit
from actions.kubeobj import controller_of, is_ready, kind_in, labels_of, selects, written
from actions.planning.plan_context import Reads
from actions.request import Target
from fleet.kinds.kind import Replicas, count_at
from fleet.kinds.registry import kind_of

Raw = Mapping[str, Any]


class Ready(NamedTuple):
    """The readiness of a unit's replicas."""

    ready: int
    desired: int | None
    """Desired replicas; None if no owner says."""


async def ready_of(unit: DrainUnit, reads: Reads) -> Ready:
    """Return the ready replicas. Raises NotFoundError if the owner that counts them is gone, and KubeError."""
    if unit.controller is None:
        return Ready(0, 0)
    if unit.keeper is None:
        return Ready(ready_among(await reads.list_raw("Pod", unit.front.namespace), None, unit.controller), None)
    raw = await reads.get_raw(unit.keeper.kind, unit.keeper.namespace, unit.keeper.name)
    pods = await reads.list_raw("Pod", unit.keeper.namespace, selector_of(raw))
    counts = kind_of(unit.keeper.kind).replicas or Replicas()
    return Ready(min(count_at(raw, counts.ready), ready_among(pods, raw, unit.controller)), counts.wanted(raw))


def ready_among(pods: Iterable[Raw], keeper: Raw | None, controller: Target) -> int:
    """Return the number of ready replicas of ``keeper`` among the pods; without one, of ``controller``.

    A group counts by its leader.
    """
    return sum(is_ready(pod) and _counts(pod, keeper, controller) for pod in pods)


def selector_of(keeper: Raw) -> str:
    """The labels of its pods, as a query's labelSelector; more pods than its own may have them."""
    return written(kind_in(keeper).selector(keeper))


def _counts(pod: Raw, keeper: Raw | None, controller: Target) -> bool:
    """True if the pod is one of its replicas."""
    owner = controller_of(pod)
    if owner is None:
        return False
    if keeper is None:
        return owner[2] == controller.uid
    kind, labels = kind_in(keeper), labels_of(pod)
    if kind.replica is not None:
        return labels.get(kind.replica.workload) == keeper["metadata"]["name"] and kind.replica.leads(labels)
    if kind.through:
        # Intermediate owners are replaced over time: the pods of all of them count.
        return owner[0] == kind.through and selects((keeper.get("spec") or {}).get("selector"), labels)
    return owner[2] == str(keeper["metadata"].get("uid", ""))
