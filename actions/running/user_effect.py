"""The effect on users of a workload: the queue, TTFT and errors, at one moment.

The same workload is read before and after an action, since a pod that is gone belongs to none.
"""

from __future__ import annotations

from actions.request import LOCAL_SERVER, Target
from actions.running.progress import Load
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot


def affected_workload(snapshot: Snapshot, target: Target) -> str:
    """Return the key of the workload whose users feel an action on a target: for a pod, its workload.

    Empty if there is none: a node, a pod that is gone.
    """
    if target.kind in ("Pod", LOCAL_SERVER):
        return snapshot.workload_of.get(f"{target.namespace}/{target.name}", "")
    return snapshot.top(f"{target.namespace}/{target.kind}/{target.name}")


def load_of(snapshot: Snapshot, workload: str) -> Load:
    """Return the load of a workload by its key; None everywhere where it is not measured."""

    def value(quantity: Quantity) -> float | None:
        reading = snapshot.by_workload.get(workload, quantity)
        return reading.value if reading.known else None

    return Load(
        at=snapshot.measured_at or snapshot.at,
        waiting=value(Quantity.WAITING),
        ttft_p95=value(Quantity.TTFT_P95),
        error_ratio=value(Quantity.ERROR_RATIO),
    )
