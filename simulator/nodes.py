"""Nodes of the simulated cluster, as their kubelets and device plugins report them."""

from __future__ import annotations

from simulator.cluster import Cluster
from simulator.gpu import Gpu
from simulator.objects import timestamp


def heartbeat(cluster: Cluster, now: float) -> None:
    """Every kubelet reports that its node is well."""
    at = timestamp(now)
    for name in cluster.machines:
        obj = cluster.store.get("v1", "Node", "", name)
        if obj:
            conditions = [c | {"lastHeartbeatTime": at} for c in obj["status"]["conditions"]]
            cluster.store.put(obj | {"status": obj["status"] | {"conditions": conditions}})


def lose_gpu(cluster: Cluster, gpu: Gpu, xid: int, now: float) -> None:
    """A GPU falls off the bus: the device plugin takes it out of what its node offers."""
    gpu.xid = xid
    gpu.lost = True
    cluster.machines[gpu.node].idle -= gpu.holder is None
    obj = cluster.store.get("v1", "Node", "", gpu.node)
    if obj:
        resource = cluster.machines[gpu.node].pool.resource
        left = sum(not other.lost for other in cluster.machines[gpu.node].gpus)
        allocatable = obj["status"]["allocatable"] | {resource: str(left)}
        cluster.store.put(obj | {"status": obj["status"] | {"allocatable": allocatable}})
        message = f"NVRM: Xid (PCI:{gpu.pci_bus_id}): {xid}, GPU has fallen off the bus."
        cluster.events.record(obj, "Warning", "XIDError", message, "node-problem-detector", now)
