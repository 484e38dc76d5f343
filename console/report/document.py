"""The document that ``quarterdeck snapshot --json`` prints: quarterdeck/snapshot/v1.

What has no value is absent: a field that does not apply, and a reading that no source gives. Numbers are exact, as they
were measured or computed. Within v1 fields may be added; none is removed and none changes its meaning.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from fleet.model.quantity import Quantity, Unit
from fleet.model.snapshot import Health, Join, Severity

SCHEMA: Literal["quarterdeck/snapshot/v1"] = "quarterdeck/snapshot/v1"

StateName = Literal["fresh", "reset", "stale", "missing", "unknown"]


class Part(BaseModel):
    """Base of everything in the document: its docstrings are the descriptions in the schema."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, serialize_by_alias=True)


class ReadingPart(Part):
    """One value."""

    value: float
    """In the unit beside it. For a bounded percentile: what Prometheus' histogram_quantile answers."""
    unit: Unit
    """Canonical: s, bytes, ratio (0-1), tokens, tokens/s, /s, °C, W, MHz; empty for a count."""
    state: StateName
    """fresh, reset (a counter behind it restarted within the window) or stale (older than three scrape intervals)."""
    age: float
    """Seconds since it was scraped, at the time of the Snapshot."""
    bound: Literal["at_most", "at_least"] | None = None
    """Of a percentile in the lowest or the highest bucket: the truth is at most, or at least, ``edge``."""
    edge: float | None = None
    """The edge of that bucket, in the same unit."""


class Measured(Part):
    """Something that has readings."""

    metrics: StateName
    """How far its readings can be trusted. missing: the source answers and has nothing of it; unknown: no source
    answers. In both cases there are no readings, which does not mean zero."""
    readings: dict[Quantity, ReadingPart] = {}
    """By quantity; docs/snapshot.md explains each. A quantity that is not here has no value now."""


class Assessed(Measured):
    """Something that is judged."""

    severity: Severity | None = None
    """How it stands."""
    reason: str | None = None
    """Why, in a few words."""


class ClusterPart(Part):
    """Which cluster, and as whom it was read."""

    context: str
    cluster: str
    server: str
    namespace: str | None = None
    """The one namespace in view; absent for all."""
    user: str
    groups: tuple[str, ...] = ()
    version: str
    read_only: bool


class SourcePart(Part):
    """One source of the Snapshot."""

    name: str
    """kubernetes, prometheus or scrape."""
    health: Health
    since: float
    """Unix time at which it entered this health."""
    last_ok: float | None = None
    """Unix time of its last good answer."""
    endpoint: str | None = None
    problem: str | None = None
    """What is wrong."""
    remedy: str | None = None
    """What to do about it."""
    notes: tuple[str, ...] = ()
    """Lesser things: forbidden resources, targets that do not answer."""
    requests: int
    """HTTP requests in the last tick."""


class VersionPart(Part):
    """Which model a pod template runs; what it does not say is absent."""

    image: str | None = None
    digest: str | None = None
    """From status.imageID: the only proof of what runs."""
    model: str | None = None
    served_name: str | None = None
    """The label model_name of the metrics."""
    revision: str | None = None
    """Absent: unpinned."""


class ModelPart(Assessed):
    """A served model in a namespace."""

    key: str
    """namespace/served name."""
    namespace: str
    name: str
    workloads: tuple[str, ...]
    """Keys."""


class Replicas(Part):
    """Pods of a workload."""

    desired: int
    ready: int
    updated: int
    available: int


class AutoscalerPart(Part):
    """The HorizontalPodAutoscaler of a workload."""

    name: str
    minimum: int
    maximum: int
    current: int
    desired: int


class WorkloadPart(Assessed):
    """The top of an owner chain: Deployment, StatefulSet, LeaderWorkerSet …"""

    key: str
    """namespace/Kind/name."""
    kind: str
    namespace: str
    name: str
    model: str | None = None
    """Key of the model that it serves; absent for one that serves none."""
    replicas: Replicas
    paused: bool
    revision: str | None = None
    version: VersionPart
    gpus_per_replica: int
    autoscaler: AutoscalerPart | None = None
    pods: tuple[str, ...]
    """Keys."""


class EnginePart(Measured):
    """One vLLM process, or one data-parallel rank of it."""

    key: str
    model: str
    """Label model_name."""
    engine: str
    """Label engine; empty where the engine has none."""
    instance: str | None = None
    """host:port of the scrape, where labels name no pod."""


class ContainerPart(Part):
    """One container of a pod."""

    name: str
    image: str
    init: bool
    ready: bool
    restarts: int
    state: str | None = None
    """running, waiting or terminated."""
    reason: str | None = None
    exit_code: int | None = None
    last_reason: str | None = None
    """Why its previous instance ended."""
    last_exit_code: int | None = None


class PodPart(Assessed):
    """One pod, measured or not."""

    key: str
    """namespace/name."""
    namespace: str
    name: str
    uid: str | None = None
    """Absent: the metrics name it and Kubernetes does not show it."""
    state: str
    """What kubectl prints: Running, CrashLoopBackOff, Init:0/1 …"""
    phase: str
    ready: bool
    restarts: int
    created: float
    """Unix time."""
    deleted: float | None = None
    """deletionTimestamp: it is terminating."""
    node: str | None = None
    ip: str | None = None
    workload: str | None = None
    """Key."""
    version: VersionPart
    gpu_resource: str | None = None
    """nvidia.com/gpu, nvidia.com/mig-1g.10gb …"""
    gpus_requested: int
    gpus: tuple[str, ...] = ()
    """Keys of those that the metrics say it holds."""
    containers: tuple[ContainerPart, ...] = ()
    engines: tuple[EnginePart, ...] = ()


class NodePart(Part):
    """One node."""

    name: str
    severity: Severity | None = None
    reason: str | None = None
    ready: str
    """Condition Ready: True, False or Unknown."""
    unschedulable: bool
    gpu_product: str | None = None
    allocatable: dict[str, int]
    """GPU resource → count."""
    gpus_allocatable: int
    gpus_free: int
    """Allocatable and requested by no pod."""
    gpus: tuple[str, ...]
    """Keys of those that the metrics see on it."""


class GpuPart(Assessed):
    """One GPU, or one MIG instance of it."""

    key: str
    """UUID, or UUID/instance."""
    uuid: str
    instance_id: str | None = None
    """GPU_I_ID; absent for a whole GPU."""
    profile: str | None = None
    node: str | None = None
    ordinal: str
    product: str | None = None
    pod: str | None = None
    """Key of the pod that holds it."""


class LoosePart(Part):
    """A join that could not be made."""

    join: Join
    key: str
    """The pod, engine or GPU that stands alone."""
    detail: str | None = None


class SnapshotDocument(Part):
    """The fleet at one moment."""

    schema_: Literal["quarterdeck/snapshot/v1"] = Field(default=SCHEMA, alias="schema")
    at: float
    """Unix time of the Snapshot."""
    measured_at: float | None = None
    """Evaluation time of the metrics: a PromQL query at this time gives the same numbers. Absent: never measured."""
    window: float
    """Seconds over which rates and percentiles are taken."""
    method: str | None = None
    """Where the metrics come from: prometheus or scrape."""
    cluster: ClusterPart
    sources: tuple[SourcePart, ...]
    models: tuple[ModelPart, ...]
    workloads: tuple[WorkloadPart, ...]
    pods: tuple[PodPart, ...]
    """Every pod in view."""
    nodes: tuple[NodePart, ...]
    gpus: tuple[GpuPart, ...]
    loose: tuple[LoosePart, ...]
