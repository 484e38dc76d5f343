"""Which engine or GPU a series is about: label names differ by scrape configuration, exporter version and gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from fleet.model.measurement import EngineId, GpuId

# exported_* first: where the scraper attached the exporter's own pod (honor_labels off), that is where the workload's
# pod went. The others are spellings of old exporters, of community scrape configurations, and of OpenTelemetry's
# collector (k8s.pod.name, as Prometheus writes it).
POD_LABELS = ("exported_pod", "pod", "pod_name", "kubernetes_pod_name", "k8s_pod_name")
NAMESPACE_LABELS = (
    "exported_namespace",
    "namespace",
    "pod_namespace",
    "kubernetes_namespace",
    "kubernetes_namespace_name",
    "k8s_namespace_name",
)
MODEL_LABELS = ("model_name", "model")
UUID_LABELS = ("UUID", "uuid", "gpu_uuid")
NODE_LABELS = ("Hostname", "hostname", "node", "kubernetes_node", "k8s_node_name")

ENGINE_LABELS = (*NAMESPACE_LABELS, *POD_LABELS, "instance", "job", *MODEL_LABELS, "engine")
"""Every label that an engine's identity may be read from."""
PROCESS_LABELS = (*NAMESPACE_LABELS, *POD_LABELS, "instance", "job")
"""Those that name the process alone."""
GPU_LABELS = (
    *NAMESPACE_LABELS,
    *POD_LABELS,
    *UUID_LABELS,
    *NODE_LABELS,
    "gpu",
    "GPU_I_ID",
    "GPU_I_PROFILE",
    "modelName",
)
"""Every label that a GPU's identity may be read from."""
REPLICA_LABELS = ("prometheus_replica", "replica", "__replica__", "receive_replica", "rule_replica")
"""Labels by which a store that does not deduplicate tells apart the samples of scrapers that see the same."""
CLUSTER_LABEL = "cluster"
"""The external label that names a cluster, where a store holds several."""
GPU_KEY_LABELS = (*UUID_LABELS, "GPU_I_ID")
"""Those that are enough to tell two GPUs apart."""

_EXPORTER = "dcgm-exporter"
"""In the name of the exporter's own pod, which every scrape configuration attaches where DCGM names no workload."""

DEFAULT_ENGINE = "0"
"""V0 and vLLM 0.8.0 have no label ``engine``: they have one engine, which later releases call 0."""


def first(labels: Mapping[str, str], names: tuple[str, ...]) -> str:
    """The first of these labels that is there; empty for none."""
    for name in names:
        value = labels.get(name)
        if value:
            return value
    return ""


def engine_id(labels: Mapping[str, str]) -> EngineId:
    """The engine that a series of a metrics store is about.

    ``instance`` is kept only where namespace or pod are unknown, so that an engine has the same identity whoever
    scrapes it.
    """
    namespace, pod = first(labels, NAMESPACE_LABELS), first(labels, POD_LABELS)
    instance = "" if namespace and pod else labels.get("instance", "")
    return EngineId(namespace, pod, first(labels, MODEL_LABELS), labels.get("engine") or DEFAULT_ENGINE, instance)


def gpu_key(labels: Mapping[str, str]) -> tuple[str, str]:
    """UUID and MIG instance: what all series of a GPU share, whoever scrapes them. The UUID is empty for none."""
    return first(labels, UUID_LABELS), labels.get("GPU_I_ID", "")


def gpu_id(labels: Mapping[str, str], *, exported: bool = False) -> GpuId:
    """The GPU (or MIG instance) that a DCGM series is about, and the pod that holds it.

    ``exported`` says that this store renames the exporter's labels (some series of it has ``exported_pod``): then a
    plain ``pod`` is the exporter's own, and a series that has nothing else is about a free GPU.
    """
    pod = first(labels, POD_LABELS[:1] if exported else POD_LABELS)
    if _EXPORTER in pod:
        pod = ""
    return GpuId(
        uuid=first(labels, UUID_LABELS),
        instance_id=labels.get("GPU_I_ID", ""),
        node=first(labels, NODE_LABELS),
        ordinal=labels.get("gpu", ""),
        namespace=first(labels, NAMESPACE_LABELS) if pod else "",
        pod=pod,
        model=labels.get("modelName", ""),
        profile=labels.get("GPU_I_PROFILE", ""),
    )


def one_gpu(found: Iterable[GpuId]) -> GpuId:
    """The one GPU that these ids of the same UUID and MIG instance describe, none of which need say all of it.

    An exporter repeats a card that is shared in time once per pod (its label ``vgpu``), and may leave the labels of
    the pod out of some of a GPU's series (dcgm-exporter issues 342, 582).
    """
    ids = sorted(set(found))
    holders = sorted({holder for gpu in ids for holder in gpu.holders})
    namespace, pod = holders[0] if holders else ("", "")

    def said(read: Callable[[GpuId], str]) -> str:
        return next(filter(None, map(read, ids)), "")

    return ids[0]._replace(
        node=said(lambda gpu: gpu.node),
        ordinal=said(lambda gpu: gpu.ordinal),
        namespace=namespace,
        pod=pod,
        model=said(lambda gpu: gpu.model),
        profile=said(lambda gpu: gpu.profile),
        sharers=tuple(holders[1:]),
    )
