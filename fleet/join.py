"""Joining the three worlds: engine metrics and GPU metrics to the pods and nodes of Kubernetes.

An engine is joined by its namespace and pod labels, else through the address it was scraped at (host:port → pod IP). A
GPU is joined by the pod labels of its exporter, and to its node by host name or address. What cannot be joined is kept
and named: a join that fails in silence is a pod that nobody watches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from fleet.model.measurement import EngineId, GpuId
from fleet.model.objects import Node, Pod
from fleet.model.snapshot import Join, Loose
from fleet.targets import exports_gpus


@dataclass(frozen=True, slots=True)
class Addresses:
    """Pods by IP. An IP that several pods share (hostNetwork) is only used where exactly one of them holds GPUs."""

    by_ip: Mapping[str, str]

    @staticmethod
    def of(pods: Mapping[str, Pod]) -> Addresses:
        """Index the pods that can be behind an address: finished ones have given theirs back."""
        seen: dict[str, list[str]] = defaultdict(list)
        for key, pod in pods.items():
            if pod.ip and pod.phase not in ("Succeeded", "Failed"):
                seen[pod.ip].append(key)
        found = {}
        for ip, keys in seen.items():
            candidates = keys if len(keys) == 1 else [k for k in keys if pods[k].gpus]
            if len(candidates) == 1:
                found[ip] = candidates[0]
        return Addresses(found)

    def pod_at(self, instance: str) -> str:
        """The key of the pod at ``host:port`` (IPv6 in brackets), or an empty string."""
        host = instance.rpartition(":")[0] or instance
        return self.by_ip.get(host.strip("[]"), "")


def pod_of_engine(engine: EngineId, pods: Mapping[str, Pod], addresses: Addresses) -> str:
    """The key of the pod that runs an engine, or an empty string."""
    key = f"{engine.namespace}/{engine.pod}"
    if engine.pod and key in pods:
        return key
    return addresses.pod_at(engine.instance) if engine.instance else ""


def pods_of_gpu(gpu: GpuId, pods: Mapping[str, Pod]) -> tuple[str, ...]:
    """The keys of the pods that hold a GPU: several where it is shared in time."""
    return tuple(key for namespace, pod in gpu.holders if (key := f"{namespace}/{pod}") in pods)


def node_of_gpu(gpu: GpuId, pod: Pod | None, names: Mapping[str, str]) -> str:
    """The node that a GPU sits in: of the pod that holds it, else by the exporter's host name or address."""
    if pod is not None and pod.node:
        return pod.node
    return names.get(gpu.node, gpu.node)


def node_names(nodes: Mapping[str, Node], pods: Mapping[str, Pod]) -> dict[str, str]:
    """Everything an exporter may call a node → the node's name: the name, its first label, its address.

    Where nobody tells an exporter its node's name, it takes that of its own pod for it.
    """
    names = {pod.name: pod.node for pod in pods.values() if exports_gpus(pod) and pod.node}
    for node in nodes.values():
        short = node.name.partition(".")[0]
        names.setdefault(short, node.name)
        if node.address:
            names[node.address] = node.name
        hostname = node.labels.get("kubernetes.io/hostname")
        if hostname:
            names[hostname] = node.name
    names.update({name: name for name in nodes})
    return names


def loose_ends(
    serving: Sequence[Pod],
    engines: Mapping[str, str],
    gpus: Mapping[str, tuple[str, ...]],
    gpu_ids: Mapping[str, GpuId],
    taken: Collection[str] = (),
    unmeasured: Collection[str] = (),
) -> tuple[Loose, ...]:
    """Name every join that could not be made.

    ``engines`` maps an engine's key to its pod's key (empty for none), ``gpus`` a GPU's to those of its pods. ``taken``
    are the keys of GPUs that sit in a node without a free one: what their exporter does not say is then not that they
    are free. ``unmeasured`` are pods that owe no engine metrics.
    """
    measured = set(engines.values())
    held = {pod for pods in gpus.values() for pod in pods}
    found = [
        Loose(Join.METRICS_WITHOUT_POD, key, "no pod of this name or address in the cluster")
        for key, pod in engines.items()
        if not pod
    ]
    for pod in serving:
        if pod.phase != "Running" or pod.deleted is not None:
            continue
        if pod.ready and pod.key not in measured and pod.key not in unmeasured:
            found.append(Loose(Join.POD_WITHOUT_METRICS, pod.key, "ready, but no engine metrics name it"))
        if pod.gpus and gpu_ids and pod.key not in held:
            found.append(Loose(Join.POD_WITHOUT_GPU_METRICS, pod.key, f"holds {pod.gpus}, no GPU metrics name it"))
    for key, pod_keys in gpus.items():
        if not pod_keys:
            gpu = gpu_ids[key]
            known = "held by a pod that its exporter does not name" if key in taken else "free"
            if gpu.pod:
                known = f"the exporter names {gpu.namespace}/{gpu.pod}, which is not in the cluster"
            found.append(Loose(Join.GPU_WITHOUT_POD, key, known))
    return tuple(found)
