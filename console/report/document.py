"""The document that ``quarterdeck snapshot --json`` prints: quarterdeck/snapshot/v1.

A field without a value is absent: one that does not apply, and a reading that no source gives. Numbers are exact, as
measured or computed. Within v1 fields may be added; none is removed and none changes its meaning.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from console.report.alerts import AlertPart
from console.report.document_part import DocumentPart, Judgement, Metrics, Readings, Reason
from fleet.model.snapshot import GpuUse, Health, Join

SCHEMA: Literal["quarterdeck/snapshot/v1"] = "quarterdeck/snapshot/v1"


class ClusterPart(DocumentPart):
    """The cluster, and as whom it was read."""

    context: str
    """Context of the kubeconfig; empty in a pod."""
    cluster: str
    """The kubeconfig's name for the cluster."""
    server: str
    """URL of the API server; empty where no kubeconfig could be used."""
    namespace: str | None = None
    """The selected namespace; absent for all."""
    user: str
    """User by the API server's word, else the kubeconfig's entry."""
    groups: tuple[str, ...] = ()
    """Groups of that user."""
    version: str
    """Version of Kubernetes; empty if unknown."""
    read_only: bool
    """True if no change of the cluster would have been allowed."""


class SourcePart(DocumentPart):
    """One source of the Snapshot."""

    name: str
    """kubernetes, prometheus, scrape, and further sources: alertmanager, rules, or with a name: prometheus/gpus."""
    health: Health
    """starting, live, degraded (something of it is missing), down, or off (not configured or not needed)."""
    since: float
    """Unix time at which it entered this health."""
    last_ok: float | None = None
    """Unix time of its last good answer."""
    endpoint: str | None = None
    """Address of the source, without credentials."""
    problem: str | None = None
    """The fault."""
    remedy: str | None = None
    """The remedy."""
    notes: tuple[str, ...] = ()
    """Lesser things: forbidden resources, targets that do not answer."""
    requests: int
    """HTTP requests in the last tick."""


class VersionPart(DocumentPart):
    """The model that a pod template runs; unspecified fields are absent."""

    image: str | None = None
    """Image with its tag."""
    digest: str | None = None
    """Digest from status.imageID: the only proof of what runs."""
    model: str | None = None
    """--model of the command line, or the value from the environment."""
    served_name: str | None = None
    """The label model_name of the metrics."""
    revision: str | None = None
    """Absent: unpinned."""


class ModelPart(DocumentPart):
    """A served model in a namespace."""

    key: str
    """namespace/served name."""
    namespace: str
    """Namespace of its workloads."""
    name: str
    """Served name, as in the metrics."""
    severity: Judgement = None
    reason: Reason = None
    workloads: tuple[str, ...]
    """Keys."""
    gateways: tuple[str, ...] = ()
    """Keys of the rows of gateways that are about it; their numbers are among its readings."""
    metrics: Metrics
    readings: Readings = {}


class Replicas(DocumentPart):
    """Pods of a workload."""

    desired: int
    """spec.replicas."""
    ready: int
    """Replicas among these that are ready."""
    updated: int
    """Replicas of the newest template."""
    available: int
    """Replicas that have been ready for minReadySeconds."""


class AutoscalerPart(DocumentPart):
    """The HorizontalPodAutoscaler of a workload."""

    name: str
    """Name of the HorizontalPodAutoscaler."""
    minimum: int
    """Replicas that it keeps at least."""
    maximum: int
    """Replicas that it makes at most."""
    current: int
    """Replicas that it sees."""
    desired: int
    """Replicas that it wants."""


class WorkloadPart(DocumentPart):
    """The top of an owner chain: Deployment, StatefulSet, LeaderWorkerSet …"""

    key: str
    """namespace/Kind/name."""
    kind: str
    """Deployment, StatefulSet …"""
    namespace: str
    """Namespace of the workload."""
    name: str
    """Unique among objects of its kind in its namespace."""
    severity: Judgement = None
    reason: Reason = None
    model: str | None = None
    """Key of the model that it serves; absent if it serves none."""
    replicas: Replicas
    """Desired and existing replicas."""
    paused: bool
    """True while its rollout is paused."""
    revision: str | None = None
    """A number for Deployments, a hash for the other kinds."""
    version: VersionPart
    """Version in the template; its pods show what runs."""
    gpus_per_replica: int
    """GPUs or MIG instances of one pod."""
    autoscaler: AutoscalerPart | None = None
    """Absent where none scales it."""
    pods: tuple[str, ...]
    """Keys."""
    metrics: Metrics
    readings: Readings = {}


class EnginePart(DocumentPart):
    """One server of models, or one data-parallel rank of it."""

    key: str
    """namespace/pod#engine@model."""
    product: str | None = None
    """Product: vLLM …; absent if neither its pod nor its metrics show it."""
    dialects: tuple[str, ...] = ()
    """The products whose metrics it exposes: its own, or that of an engine which it runs."""
    model: str
    """Model as its metrics name it; where they name none, as its pod's template does."""
    engine: str
    """Rank in its process; 0 where it is the only one."""
    instance: str | None = None
    """host:port of the scrape, where labels name no pod."""
    source: str | None = None
    """Name of the source that its numbers are read from, where there are several; absent where all are of one."""
    metrics: Metrics
    readings: Readings = {}


class ContainerPart(DocumentPart):
    """One container of a pod."""

    name: str
    """Unique within its pod."""
    image: str
    """Image as the template names it."""
    init: bool
    """True if it runs before the others."""
    ready: bool
    """True if its readiness probe succeeds."""
    restarts: int
    """Restarts since the pod was created."""
    state: str | None = None
    """running, waiting or terminated."""
    reason: str | None = None
    """The reason why it is waiting or has ended."""
    exit_code: int | None = None
    """Exit code, if it has ended."""
    last_reason: str | None = None
    """The reason why its previous instance ended."""
    last_exit_code: int | None = None
    """Exit code of its previous instance."""


class PodPart(DocumentPart):
    """One pod, measured or not."""

    key: str
    """namespace/name."""
    namespace: str
    """Namespace of the pod."""
    name: str
    """Unique within its namespace."""
    severity: Judgement = None
    reason: Reason = None
    uid: str | None = None
    """Absent: the metrics name it and Kubernetes does not show it."""
    state: str
    """State that kubectl prints: Running, CrashLoopBackOff, Init:0/1 …"""
    phase: str
    """status.phase: Pending, Running, Succeeded, Failed or Unknown."""
    ready: bool
    """Condition Ready."""
    restarts: int
    """Restarts of all its containers."""
    created: float
    """Unix time."""
    deleted: float | None = None
    """deletionTimestamp: it is terminating."""
    node: str | None = None
    """Name; absent until it is scheduled."""
    ip: str | None = None
    """Absent until it has one."""
    workload: str | None = None
    """Key."""
    version: VersionPart
    """Version that runs."""
    gpu_resource: str | None = None
    """nvidia.com/gpu, nvidia.com/mig-1g.10gb …"""
    gpus_requested: int
    """GPUs or MIG instances."""
    gpus: tuple[str, ...] = ()
    """Keys of the GPUs that it holds according to the metrics."""
    containers: tuple[ContainerPart, ...] = ()
    """Init containers too."""
    engines: tuple[EnginePart, ...] = ()
    """Engines that the metrics name it for."""
    metrics: Metrics
    readings: Readings = {}


class NodePart(DocumentPart):
    """One node."""

    name: str
    """Unique within the cluster."""
    severity: Judgement = None
    reason: Reason = None
    ready: str
    """Condition Ready: True, False or Unknown."""
    unschedulable: bool
    """True if it is cordoned."""
    gpu_product: str | None = None
    """Label nvidia.com/gpu.product."""
    allocatable: dict[str, int]
    """GPU resource → count."""
    gpus_allocatable: int
    """Allocatable GPUs of all GPU resources together."""
    gpus_free: int | None = None
    """Allocatable and requested by no pod of the cluster; absent where not all pods may be seen."""
    gpus: tuple[str, ...]
    """Keys of the GPUs on it according to the metrics."""


class GpuPart(DocumentPart):
    """One GPU, or one MIG instance of it."""

    key: str
    """UUID, or UUID/instance."""
    severity: Judgement = None
    reason: Reason = None
    uuid: str
    """UUID as the driver has it."""
    instance_id: str | None = None
    """GPU_I_ID; absent for a whole GPU."""
    profile: str | None = None
    """Profile of a MIG instance: 1g.10gb …"""
    node: str | None = None
    """Name."""
    ordinal: str
    """Number on the node."""
    use: GpuUse | None = None
    """Holder: by the pod that its exporter names, else by the requests of all pods on its node."""
    product: str | None = None
    """Product as the driver calls it: NVIDIA H100 80GB HBM3 …"""
    pod: str | None = None
    """Key of the pod that holds it; of several (time slicing, MPS) the first."""
    pods: tuple[str, ...] = ()
    """Keys of all pods that hold it."""
    source: str | None = None
    """Name of the source that its numbers are read from, where there are several; absent where all are of one."""
    metrics: Metrics
    readings: Readings = {}


class GatewayPart(DocumentPart):
    """The counts of a gateway that belong together: of one model, one server behind it, both, or all that it does."""

    key: str
    """namespace/pod>backend@model."""
    product: str
    """LiteLLM, a router …"""
    namespace: str | None = None
    """Namespace of its pod, where labels name one."""
    pod: str | None = None
    """Name of its pod, where labels name one."""
    instance: str | None = None
    """host:port of the scrape, where labels name no pod."""
    backend: str | None = None
    """host:port of the server behind it; absent where the numbers are of all of them."""
    asked_for: str | None = None
    """The model as the gateway calls it; absent where the numbers are of all of them."""
    model: str | None = None
    """Key of the model that the numbers are about; absent if ambiguous."""
    source: str | None = None
    """Name of the source that its numbers are read from, where there are several; absent where all are of one."""
    metrics: Metrics
    readings: Readings = {}


class LoosePart(DocumentPart):
    """A join that could not be made."""

    join: Join
    """The failed join: which object has no counterpart."""
    key: str
    """The unmatched pod, engine or GPU."""
    detail: str | None = None
    """Detail of the reason, as far as it is known."""


class SnapshotDocument(DocumentPart):
    """The fleet at one moment."""

    schema_: Literal["quarterdeck/snapshot/v1"] = Field(default=SCHEMA, alias="schema")
    """Name of this document, and its version."""
    at: float
    """Unix time of the Snapshot."""
    measured_at: float | None = None
    """Evaluation time of the metrics: a PromQL query at this time gives the same numbers. Absent: never measured."""
    window: float
    """Seconds over which rates and percentiles are taken."""
    method: str | None = None
    """Source of the metrics: prometheus or scrape."""
    cluster: ClusterPart
    """The cluster where this was seen, and as whom."""
    sources: tuple[SourcePart, ...]
    """Sources of this document: one that is not live explains what is missing."""
    models: tuple[ModelPart, ...]
    """Served models, by key."""
    workloads: tuple[WorkloadPart, ...]
    """Every workload in view, by key."""
    pods: tuple[PodPart, ...]
    """Every pod in view."""
    nodes: tuple[NodePart, ...]
    """Every node that may be read, by name."""
    gpus: tuple[GpuPart, ...]
    """Every GPU that is measured, by key."""
    gateways: tuple[GatewayPart, ...] = ()
    """Gateways before the engines, by key."""
    loose: tuple[LoosePart, ...]
    """Objects known in one world and not in another."""
    alerts: tuple[AlertPart, ...] = ()
    """Alerts that are pending or fire, the worst first."""
