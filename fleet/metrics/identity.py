"""The identity of engines and GPUs: label names differ by scrape configuration, exporter version and gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from fleet.metrics.dialect import Dialect, GpuLabels
from fleet.metrics.dialect_set import DialectSet
from fleet.model.measurement import EngineId, GatewayId, GpuId
from fleet.model.quantity import OF_CARD, Quantity

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
PROCESS_LABELS = (*NAMESPACE_LABELS, *POD_LABELS, "instance", "job")
"""Every label that a process may be named by."""
REPLICA_LABELS = ("prometheus_replica", "replica", "__replica__", "receive_replica", "rule_replica")
"""Labels by which a store without deduplication distinguishes the samples of redundant scrapers."""
CLUSTER_LABEL = "cluster"
"""The external label that names a cluster, where a store holds several."""
DEFAULT_ENGINE = "0"
"""The rank of an engine that has no label for it: the only one of its process."""


def engine_labels(dialects: DialectSet) -> tuple[str, ...]:
    """Every label that the identity of an engine may be read from."""
    return (*PROCESS_LABELS, *dialects.model_labels, *dialects.rank_labels)


def gateway_labels(dialects: DialectSet) -> tuple[str, ...]:
    """Every label that the identity of a gateway's row may be read from."""
    return (*PROCESS_LABELS, *dialects.model_labels, *dialects.backend_labels)


def gpu_labels(dialects: DialectSet) -> tuple[str, ...]:
    """Every label that the identity of a GPU may be read from."""
    own = dialects.gpu
    of_card = (*own.uuid, *own.node, *own.ordinal, *own.instance, *own.profile, *own.model)
    return (*NAMESPACE_LABELS, *POD_LABELS, *of_card)


def gpu_key_labels(dialects: DialectSet) -> tuple[str, ...]:
    """Return the labels that suffice to distinguish two GPUs."""
    own = dialects.gpu
    return (*own.uuid, *own.instance)


def counted_by(labels: tuple[str, ...], dialects: DialectSet, quantity: Quantity) -> tuple[str, ...]:
    """Return those of the labels of GPUs by which a quantity counts: one of a whole card counts once for all its
    parts.
    """
    cards = tuple(label for label in labels if label not in dialects.gpu.instance)
    return cards if cards and quantity in OF_CARD else labels


def first(labels: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return the value of the first of these labels that is set; empty if none is."""
    for name in names:
        value = labels.get(name)
        if value:
            return value
    return ""


def where_from(labels: Mapping[str, str]) -> tuple[str, str, str]:
    """Return namespace, pod and instance of the process behind a series of a metrics store.

    ``instance`` is kept only if namespace or pod is unknown, so that a process has the same identity whichever job
    scrapes it.
    """
    namespace, pod = first(labels, NAMESPACE_LABELS), first(labels, POD_LABELS)
    return namespace, pod, "" if namespace and pod else labels.get("instance", "")


def rank_of(labels: Mapping[str, str], names: tuple[str, ...]) -> str:
    """The rank of the engine that a series is about, by these labels."""
    return first(labels, names) or DEFAULT_ENGINE


def engine_id(labels: Mapping[str, str], dialect: Dialect) -> EngineId:
    """The engine that a series of a metrics store is about; its model is empty where the dialect's series name none."""
    namespace, pod, instance = where_from(labels)
    model, rank = first(labels, dialect.model_labels), rank_of(labels, dialect.rank_labels)
    return EngineId(namespace, pod, model, rank, instance)


def gateway_id(labels: Mapping[str, str], dialect: Dialect) -> GatewayId:
    """The row of a gateway that a series of a metrics store is about."""
    namespace, pod, instance = where_from(labels)
    return GatewayId(
        namespace, pod, dialect.name, first(labels, dialect.model_labels), backend_of(labels, dialect), instance
    )


def backend_of(labels: Mapping[str, str], dialect: Dialect) -> str:
    """Return host:port of the backend that a gateway's series is about; anything but a URL is returned unchanged."""
    address = first(labels, dialect.backend_labels)
    return address.partition("://")[2].partition("/")[0] if "://" in address else address


def gpu_key(labels: Mapping[str, str], names: GpuLabels) -> tuple[str, str]:
    """Return UUID and MIG instance, which all series of a GPU share, whatever scrapes them. The UUID is empty if there
    is none.
    """
    return first(labels, names.uuid), _part_of(labels, names)


def _part_of(labels: Mapping[str, str], names: GpuLabels) -> str:
    """Return which part of a split GPU it is; empty for a whole one."""
    label = next((name for name in names.instance if labels.get(name)), "")
    return "" if not label or (label, labels[label]) in names.whole else labels[label]


def gpu_id(labels: Mapping[str, str], names: GpuLabels, exporters: tuple[str, ...], *, exported: bool = False) -> GpuId:
    """Return the GPU (or part of one) that an exporter's series is about, and the pod that holds it.

    ``exporters`` are words in the names of the exporters' own pods, which every scrape configuration attaches if the
    exporter names no workload. ``exported`` says that this store renames the labels of the exporters in this namespace
    (some series there has ``exported_pod``): then a plain ``pod`` is the exporter's own, and a series with nothing else
    is about a free GPU.
    """
    pod = first(labels, POD_LABELS[:1] if exported else POD_LABELS)
    if any(word in pod for word in exporters):
        pod = ""
    return GpuId(
        uuid=first(labels, names.uuid),
        instance_id=_part_of(labels, names),
        node=first(labels, names.node),
        ordinal=first(labels, names.ordinal),
        namespace=first(labels, NAMESPACE_LABELS) if pod else "",
        pod=pod,
        model=first(labels, names.model),
        profile=first(labels, names.profile),
    )


def exporter_pods(dialects: DialectSet) -> tuple[str, ...]:
    """Words in the names of the exporters' own pods."""
    return tuple(app for product in dialects.products for app in product.apps)


def one_gpu(found: Iterable[GpuId]) -> GpuId:
    """Return the one GPU that these ids with the same UUID and MIG instance describe together.

    An exporter repeats a time-sliced card once per pod (its label ``vgpu``), and may omit the pod labels from some of a
    GPU's series (dcgm-exporter issues 342, 582).
    """
    ids = sorted(set(found))
    holders = sorted({holder for gpu in ids for holder in gpu.holders})
    namespace, pod = holders[0] if holders else ("", "")

    def first_of(read: Callable[[GpuId], str]) -> str:
        return next(filter(None, map(read, ids)), "")

    return ids[0]._replace(
        node=first_of(lambda gpu: gpu.node),
        ordinal=first_of(lambda gpu: gpu.ordinal),
        namespace=namespace,
        pod=pod,
        model=first_of(lambda gpu: gpu.model),
        profile=first_of(lambda gpu: gpu.profile),
        sharers=tuple(holders[1:]),
    )
