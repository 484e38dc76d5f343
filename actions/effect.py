"""What users feel of a workload: the queue, TTFT and errors, at one moment."""

from __future__ import annotations

from actions.progress import Load
from actions.request import LOCAL_NODE, Target
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot


def load_of(snapshot: Snapshot, target: Target) -> Load:
    """Of the workload, or of the workload that a pod belongs to; nothing of a node."""
    key = snapshot.top(f"{target.namespace}/{target.kind}/{target.name}")
    if target.kind in ("Pod", LOCAL_NODE):
        key = snapshot.workload_of.get(f"{target.namespace}/{target.name}", "")

    def value(quantity: Quantity) -> float | None:
        reading = snapshot.by_workload.get(key, quantity)
        return reading.value if reading.known else None

    return Load(
        at=snapshot.measured_at or snapshot.at,
        waiting=value(Quantity.WAITING),
        ttft_p95=value(Quantity.TTFT_P95),
        error_ratio=value(Quantity.ERROR_RATIO),
    )
