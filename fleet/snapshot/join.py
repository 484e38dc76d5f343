"""Joining the three worlds: engine metrics and GPU metrics to the pods and nodes of Kubernetes.

An engine is joined by its namespace and pod labels, else through the address it was scraped at (host:port → pod IP). A
GPU is joined by the pod labels of its exporter, and to its node by host name or address. What cannot be joined is kept
and named: a join that fails in silence is a pod that nobody watches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fleet.model.coverage import Coverage
from fleet.model.measurement import EngineId, GpuId
from fleet.model.objects import Node, Pod
from fleet.model.snapshot import GpuUse, Join, Unmatched, engine_key
from fleet.sources.scrape.targets import exports_gpus


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


def pods_are_known(coverage: Coverage, namespace: str) -> bool:
    """Whether a pod of a namespace that is not among those known is none; of an unnamed one, all must be known."""
    return coverage.sees("pods", namespace) if namespace else coverage.whole("pods")


def engines_alone(engines: Iterable[EngineId], coverage: Coverage) -> Iterator[Unmatched]:
    """Engines that are measured and have no known pod, where one would be known: out of sight is not unmatched."""
    for engine in engines:
        if pods_are_known(coverage, engine.namespace):
            yield Unmatched(
                Join.METRICS_WITHOUT_POD, engine_key(engine), "no pod of this name or address in the cluster"
            )


def pods_alone(
    serving: Sequence[Pod],
    measured: Collection[str],
    held: Collection[str],
    unmeasured: Collection[str] = (),
    *,
    gpus_measured: bool,
) -> Iterator[Unmatched]:
    """Serving pods that nothing is measured of. ``measured`` and ``held``: keys of pods with engines, and with GPUs;
    ``unmeasured``: of those that owe no engine metrics.
    """
    for pod in serving:
        if pod.phase != "Running" or pod.deleted is not None:
            continue
        if pod.ready and pod.key not in measured and pod.key not in unmeasured:
            yield Unmatched(Join.POD_WITHOUT_METRICS, pod.key, "ready, but no engine metrics name it")
        if pod.gpus and gpus_measured and pod.key not in held:
            yield Unmatched(Join.POD_WITHOUT_GPU_METRICS, pod.key, f"holds {pod.gpus}, no GPU metrics name it")


_IN_WORDS = {
    GpuUse.FREE: "free",
    GpuUse.UNNAMED: "held by a pod that its exporter does not name",
    GpuUse.UNKNOWN: "free or held, not known: its exporter names no pod",
}


def gpus_alone(gpus: Iterable[GpuId], use: Mapping[str, GpuUse], coverage: Coverage) -> Iterator[Unmatched]:
    """GPUs that no known pod holds, with what is known of them; one of a pod that may not be seen is none."""
    for gpu in gpus:
        if not gpu.pod:
            yield Unmatched(Join.GPU_WITHOUT_POD, gpu.key, _IN_WORDS[use.get(gpu.key, GpuUse.UNKNOWN)])
        elif pods_are_known(coverage, gpu.namespace):
            named = f"the exporter names {gpu.namespace}/{gpu.pod}, which is not in the cluster"
            yield Unmatched(Join.GPU_WITHOUT_POD, gpu.key, named)
