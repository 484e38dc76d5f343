"""Slim rows of Kubernetes objects: what the console shows and joins on, and no more.

A row is projected from the raw JSON of a list or watch as soon as it arrives (fleet/sources/kube/project); the JSON is
dropped. Times are Unix seconds. Strings that repeat over thousands of pods (images, arguments, labels) are shared.
Describe and YAML read the whole object again, on demand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache
from typing import Final, NamedTuple

from fleet.dataclass import dataclass

TEMPLATE_HASH: Final = "pod-template-hash"
"""Label of pods that names their template, set by links (ReplicaSets)."""
REVISION_HASH: Final = "controller-revision-hash"
"""The same of pods that their workload makes itself (StatefulSets, DaemonSets, LeaderWorkerSets)."""

UNSEEN: Final = "Unseen"
"""Kind of the synthetic workload for engines whose pods Kubernetes does not show, and their status."""
HIDDEN: Final = "Hidden"
"""Status of those whose namespace is not visible: their absence cannot be known."""
FINISHED: Final = frozenset({"Succeeded", "Failed"})
"""Phases of pods that no longer hold resources. A terminating pod holds its devices until the kubelet has finished
it.
"""


class ClusterId(NamedTuple):
    """The identity of a cluster as seen by one user.

    A server alone does not suffice: one proxy may front many clusters and select by the caller. Nor does a context: its
    file may point elsewhere tomorrow. Two contexts of one cluster count as two: that mixes nothing up.
    """

    context: str = ""
    server: str = ""

    @staticmethod
    @lru_cache(maxsize=64)
    def of(context: str, server: str) -> ClusterId:
        """Return the same object for the same cluster: its objects all hold a reference to it."""
        return ClusterId(context, server)

    def __str__(self) -> str:
        return " at ".join(filter(None, self)) or "this cluster"


SAME_CLUSTER: Final = ClusterId()
"""The cluster of the container that names an object: of its Snapshot, timeline or plan."""


class ObjectRef(NamedTuple):
    """An object by name; ``namespace`` is empty for cluster-scoped ones. The same name in another cluster is another
    object.
    """

    kind: str
    namespace: str
    name: str
    cluster: ClusterId = SAME_CLUSTER

    def __str__(self) -> str:
        return "/".join(part for part in (self.namespace, self.kind, self.name) if part)


class Owner(NamedTuple):
    """The controlling ownerReference of an object."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Condition:
    type: str
    status: str
    """True, False or Unknown."""
    reason: str = ""
    message: str = ""
    since: float | None = None


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """The model that a pod template runs, by its image, its arguments or, failing those, its environment."""

    image: str = ""
    digest: str = ""
    """Digest from status.imageID: the only proof of what runs; empty until the container has started once."""
    model: str = ""
    """--model, the positional of ``vllm serve``, --model-path, --model-id, or MODEL* in the environment."""
    served_name: str = ""
    """--served-model-name (the first one), else ``model``: the label model_name of the metrics."""
    revision: str = ""
    """--revision; empty means unpinned: two equal templates can run different weights."""


@dataclass(frozen=True, slots=True)
class Serving:
    """The model server in a pod and how it is reached, according to the pod's own description."""

    engine: str = ""
    """Name of the product (``fleet.metrics.products``); empty for one that is not known."""
    container: str = ""
    """The container that it runs in; empty where the pod runs none."""
    ports: tuple[int, ...] = ()
    """Ports in its command line, one per API server; empty if it has none."""
    tls: bool = False
    """True if it uses TLS there."""
    follows: bool = False
    """True if it starts no API server: it is a part of the engine that another pod of its group leads."""
    key: bool | None = None
    """True if it asks for a key, False if not; None where its description does not tell."""
    gateway: str = ""
    """Gateway that its command line or image starts, in place of an engine; empty for none that is read."""


@dataclass(frozen=True, slots=True)
class Container:
    name: str
    image: str
    ready: bool = False
    started: bool = False
    restarts: int = 0
    state: str = ""
    """running, waiting, terminated, or empty before the kubelet has reported."""
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    since: float | None = None
    last_reason: str = ""
    last_exit_code: int | None = None
    last_finished: float | None = None
    last_message: str = ""
    """The end of its output before it last ended, if the kubelet has kept some."""
    gpus: int = 0
    init: bool = False
    ports: tuple[tuple[str, int], ...] = ()
    """(name, containerPort)."""
    command: tuple[str, ...] = ()
    """command + args of the spec."""


@dataclass(frozen=True, slots=True)
class Pod:
    namespace: str
    name: str
    uid: str
    resource_version: str
    created: float
    phase: str
    status: str
    """State that kubectl prints: Running, Pending, CrashLoopBackOff, Init:0/1, Terminating …"""
    ready: bool
    """Condition Ready."""
    restarts: int
    node: str = ""
    ip: str = ""
    deleted: float | None = None
    """deletionTimestamp; not None means terminating."""
    owner: Owner | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Only those that the console reads (prometheus.io/*, model version notes)."""
    containers: tuple[Container, ...] = ()
    conditions: tuple[Condition, ...] = ()
    gpus: int = 0
    """GPUs (or MIG slices) that the pod holds: max(init, sum of containers)."""
    gpu_resource: str = ""
    """nvidia.com/gpu, nvidia.com/mig-1g.10gb, amd.com/gpu …"""
    devices: tuple[tuple[str, int], ...] = ()
    """Every extended resource that it holds, GPUs among them: (google.com/tpu, 4) …"""
    claims: bool = False
    """True if it gets devices by resource claims, in numbers that its spec does not have."""
    version: ModelVersion = ModelVersion()
    serving: Serving = Serving()
    message: str = ""
    """Reason, in the kubelet's words, why it was rejected, evicted or ended as a whole (status.message)."""
    volume_claims: tuple[str, ...] = ()
    """Names of the PersistentVolumeClaims that it mounts."""
    finalizers: tuple[str, ...] = ()
    """Names of the finalizers that hold it after it is deleted."""
    grace: float = 0.0
    """Seconds from the request to delete it to ``deleted``."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


def revision_of(pod: Pod) -> str:
    """Return the label that tells the pods of one template of its workload from those of another; empty for none."""
    return pod.labels.get(TEMPLATE_HASH) or pod.labels.get(REVISION_HASH) or ""


@dataclass(frozen=True, slots=True)
class Node:
    name: str
    uid: str
    resource_version: str
    created: float
    ready: str
    """Condition Ready: True, False or Unknown."""
    unschedulable: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[tuple[str, str, str], ...] = ()
    """(key, value, effect)."""
    conditions: tuple[Condition, ...] = ()
    gpus: Mapping[str, int] = field(default_factory=dict)
    """Allocatable GPU resources: resource name → count."""
    devices: Mapping[str, int] = field(default_factory=dict)
    """Allocatable extended resources, GPUs among them: resource name → count."""
    gpu_product: str = ""
    """Label nvidia.com/gpu.product, where node feature discovery wrote it."""
    address: str = ""
    kubelet: str = ""
    gpu_capacity: Mapping[str, int] = field(default_factory=dict)
    """GPU resources that it has, allocatable or not: resource name → count."""

    @property
    def key(self) -> str:
        return self.name


class TemplateWrite(NamedTuple):
    """The last write of a workload's template."""

    manager: str
    """The field manager, as the tool named itself."""
    at: float
    """Unix time."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload of one of ``fleet.kinds``: the top of a pod's owner chain, or a step of it."""

    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: str
    created: float
    desired: int
    ready: int = 0
    updated: int = 0
    available: int = 0
    generation: int = 0
    revision: str = ""
    paused: bool = False
    owner: Owner | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    selector: Mapping[str, str] = field(default_factory=dict)
    """matchLabels only."""
    conditions: tuple[Condition, ...] = ()
    strategy: str = ""
    gpus: int = 0
    """GPUs of one replica's pod template."""
    version: ModelVersion = ModelVersion()
    template_write: TemplateWrite | None = None
    observed: int | None = None
    """The generation that its controller has acted on; None for a kind that does not say."""
    ordered: bool = False
    """True if a pod of it that does not become ready holds up those after it, in rollouts of all pods, too."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class HorizontalPodAutoscaler:
    namespace: str
    name: str
    uid: str
    resource_version: str
    target: ObjectRef
    minimum: int
    maximum: int
    current: int
    desired: int
    conditions: tuple[Condition, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class PodDisruptionBudget:
    namespace: str
    name: str
    uid: str
    resource_version: str
    selector: Mapping[str, str]
    allowed: int
    current_healthy: int
    desired_healthy: int
    expected: int

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Service:
    namespace: str
    name: str
    uid: str
    resource_version: str
    type: str
    selector: Mapping[str, str]
    ports: tuple[tuple[str, int], ...]
    """(name, port)."""
    labels: Mapping[str, str] = field(default_factory=dict)
    guarded: bool = False
    """True if its load balancer is one of an inner network, lets in some networks alone, or does not exist yet."""
    targets: tuple[str, ...] = ()
    """The port of the pods to which each of ``ports`` leads: its number, or its name."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Event:
    namespace: str
    name: str
    uid: str
    resource_version: str
    involved: ObjectRef
    involved_uid: str
    type: str
    """Normal or Warning."""
    reason: str
    message: str
    count: int
    last: float
    """The first available of series.lastObservedTime, lastTimestamp, eventTime, creationTimestamp."""
    source: str = ""
    first: float = 0.0
    """Time of the first of ``count`` alike: firstTimestamp → eventTime → creationTimestamp; 0 where it is not known."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"
