"""Nodes of the simulated cluster, as their kubelets and device plugins report them."""

from __future__ import annotations

from simulator.cluster import Cluster
from simulator.gpu import Gpu
from simulator.machines import follow_nodes
from simulator.objects import timestamp


def heartbeat(cluster: Cluster, now: float) -> None:
    """Every kubelet reports that its node is well."""
    at = timestamp(now)
    for name in cluster.machines:
        obj = cluster.store.get("v1", "Node", "", name)
        if obj:
            conditions = [c | {"lastHeartbeatTime": at} for c in obj["status"]["conditions"]]
            cluster.store.put(obj | {"status": obj["status"] | {"conditions": conditions}})


def follow(cluster: Cluster, now: float) -> None:
    """Read the Node objects that changed; a kubelet reports that its node was cordoned, or no longer is."""
    for obj in follow_nodes(cluster.machines, cluster.store, now):
        name = obj["metadata"]["name"]
        reason = "NodeNotSchedulable" if obj["spec"].get("unschedulable") else "NodeSchedulable"
        cluster.events.record(obj, "Normal", reason, f"Node {name} status is now: {reason}", "kubelet", now)


def lose_gpu(cluster: Cluster, gpu: Gpu, xid: int, now: float) -> None:
    """Drop a GPU off the bus: the device plugin removes it from its node's capacity."""
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
