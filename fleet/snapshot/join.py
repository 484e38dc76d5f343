"""Joins of the three worlds: engine metrics and GPU metrics to the pods and nodes of Kubernetes.

An engine is joined by its namespace and pod labels, else through its scrape address (host:port → pod IP). A GPU is
joined by the pod labels of its exporter, and to its node by host name or address.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fleet.dataclass import dataclass
from fleet.metrics.products import exports_gpus
from fleet.model.addresses import Addresses, pod_of_engine
from fleet.model.coverage import Coverage
from fleet.model.measurement import GpuId, Measurement
from fleet.model.objects import Node, Pod
from fleet.sources.kube.state import KubeState


def pods_of_gpu(gpu: GpuId, pods: Mapping[str, Pod]) -> tuple[str, ...]:
    """The keys of the pods that hold a GPU: several where it is shared in time."""
    if not gpu.sharers:
        key = f"{gpu.namespace}/{gpu.pod}"
        return (key,) if gpu.pod and key in pods else ()
    return tuple(key for namespace, pod in gpu.holders if (key := f"{namespace}/{pod}") in pods)


def node_of_gpu(gpu: GpuId, pod: Pod | None, names: Mapping[str, str]) -> str:
    """The node that a GPU sits in: of the pod that holds it, else by the exporter's host name or address."""
    if pod is not None and pod.node:
        return pod.node
    return names.get(gpu.node, gpu.node)


def node_names(nodes: Mapping[str, Node], pods: Mapping[str, Pod], wanted: Collection[str]) -> dict[str, str]:
    """Return every spelling that an exporter may use for a node → the node's name: the name, its first label, its
    address.

    An exporter that is not told its node's name uses its own pod's. ``wanted`` are the names to find.
    """
    strange = {name for name in wanted if name not in nodes}
    names = {pod.name: pod.node for pod in pods.values() if pod.name in strange and pod.node and exports_gpus(pod)}
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


@dataclass(frozen=True, slots=True)
class JoinMatches:
    """The object of the cluster that each row of a measurement was found to be."""

    addresses: Addresses
    engine_pods: tuple[str, ...]
    """The pod that runs each engine; empty if it is unknown."""
    gpu_pods: tuple[tuple[str, ...], ...]
    """The pods that hold each GPU."""
    gpu_nodes: tuple[str, ...]
    """The node of each GPU, according to its exporter."""


def match(kube: KubeState, measurement: Measurement) -> JoinMatches:
    """Find the pod of every engine, and the pods and the node of every GPU."""
    addresses = Addresses.of(kube.pods)
    names = node_names(kube.nodes, kube.pods, {gpu.node for gpu in measurement.gpus})
    holders = tuple(pods_of_gpu(gpu, kube.pods) for gpu in measurement.gpus)
    return JoinMatches(
        addresses,
        tuple(pod_of_engine(engine, kube.pods, addresses) for engine in measurement.engines),
        holders,
        tuple(
            node_of_gpu(gpu, kube.pods[pods[0]] if pods else None, names)
            for gpu, pods in zip(measurement.gpus, holders, strict=True)
        ),
    )


def pods_are_known(coverage: Coverage, namespace: str) -> bool:
    """True if a pod missing from those known does not exist; without a namespace, all pods must be known."""
    return coverage.sees("pods", namespace) if namespace else coverage.knows_all("pods")
