"""The product that serves in a pod or a workload, in words."""

from __future__ import annotations

from fleet.model.snapshot import Snapshot
from widgets.untrusted import untrusted


def product_of(snapshot: Snapshot, pod: str) -> str:
    """Return the product by a pod's metrics, else by its own description; empty if unknown."""
    engines = (snapshot.origins.get(engine) for engine in snapshot.engines_of.get(pod, ()))
    products = dict.fromkeys(origin.product for origin in engines if origin is not None)
    described = snapshot.pods[pod].serving.engine if pod in snapshot.pods else ""
    return untrusted(", ".join(products) or described)


def products_of(snapshot: Snapshot, workload: str) -> str:
    """Return the products of a workload's pods, that of most first."""
    return untrusted(", ".join(snapshot.products.get(workload, ())))
