"""The Snapshot: everything the screens show comes from exactly one of these.

Immutable, built once per tick off the UI path (fleet/snapshot/builder.py). Keys are strings: a pod ``namespace/name``,
a workload ``namespace/Kind/name``, a model ``namespace/served-name``, an engine ``namespace/pod#engine@model``, a row
of a gateway ``namespace/pod>backend@model``, a GPU its UUID (``UUID/GI`` for a MIG instance), a node its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from fleet.dataclass import dataclass
from fleet.model.before import Departed, Rescaled, Traffic, TrafficPoint
from fleet.model.coverage import Coverage
from fleet.model.error_budget import NOTHING_BURNS, BurningBudget
from fleet.model.exposure import Exposure
from fleet.model.facts import NO_FACTS, Facts
from fleet.model.frame import Frame
from fleet.model.measurement import EngineId, GatewayId, GpuId
from fleet.model.missed_objective import NOTHING_PROMISED, Promised
from fleet.model.naming import Naming
from fleet.model.objects import (
    TEMPLATE_HASH,
    ClusterId,
    Event,
    HorizontalPodAutoscaler,
    Node,
    ObjectRef,
    Pod,
    PodDisruptionBudget,
    Workload,
)
from fleet.model.profile import ALL_CHAT, WorkloadProfiles
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.shown_certificate import ShownCertificate

if TYPE_CHECKING:
    from fleet.model.finding import Incident

KUBERNETES: Final = "kubernetes"
"""The source of the objects where a cluster is in view."""
MACHINE: Final = "machine"
"""The source of the objects where this machine is in view."""
RECORDER: Final = "recorder"
"""The source that records observations. Nothing shown depends on it."""
CRASH_LOGS: Final = "crash-logs"
"""The source of the ends of logs of containers that failed."""
ACKNOWLEDGEMENTS: Final = "acknowledgements"
"""The source of acknowledgements of incidents."""
ROUTING: Final = "routing"
"""The source of routes to the Services of a cluster."""
CANARY: Final = "canary"
"""The source of engines' answers to a request for one token."""
OBJECTIVES: Final = "objectives"
"""The source that counts for the objectives."""
SERVER, CLIENT = "server", "client"


class Health(StrEnum):
    """The health of a source."""

    STARTING = "starting"
    LIVE = "live"
    DEGRADED = "degraded"
    """Answers, but something of it is missing (a forbidden resource, targets down, old data)."""
    DOWN = "down"
    OFF = "off"
    """Not configured, or not needed."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """The status of a source: shown in the header, explained in one or two lines on demand."""

    name: str
    """kubernetes or machine (OBJECTS), prometheus or scrape."""
    health: Health
    since: float
    """Unix time at which it entered this health."""
    last_ok: float | None = None
    """Unix time of its last good answer."""
    problem: str = ""
    """The fault and its meaning, in words; empty when live."""
    remedy: str = ""
    endpoint: str = ""
    """Address of the source, without credentials."""
    notes: tuple[str, ...] = ()
    """Lesser things: forbidden resources, targets that do not answer."""
    requests: int = 0
    """HTTP requests in the last tick."""
    progress: str = ""
    """Progress of its first read, in words (1,500 of ~5,000 pods); empty before it begins, and afterwards."""
    certificates: tuple[ShownCertificate, ...] = ()
    """Certificates of its endpoint that were seen."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster, and as whom it is read."""

    context: str = ""
    cluster: str = ""
    server: str = ""
    namespace: str = ""
    """The selected namespace; empty for all."""
    user: str = ""
    """User by the API server's word (SelfSubjectReview), else the kubeconfig's user entry."""
    groups: tuple[str, ...] = ()
    version: str = ""
    read_only: bool = False
    uid: str = ""
    """UID of the namespace kube-system, which no other cluster has; empty where it may not be read, or is not yet."""

    def is_another(self, than: Cluster) -> bool:
        """True if it is a different cluster, even at the same address: through a tunnel, or recreated."""
        return self.id != than.id or bool(self.uid and than.uid and self.uid != than.uid)

    @property
    def id(self) -> ClusterId:
        """Identity that distinguishes its objects from namesakes in another cluster."""
        return ClusterId.of(self.context, self.server)


class Assessment(NamedTuple):
    """The health of an object and, in a few words, why: ``(Severity.WARNING, "throttled")``."""

    severity: Severity
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ModelGroup:
    """A served model in a namespace and the workloads that serve it."""

    key: str
    namespace: str
    name: str
    workloads: tuple[str, ...]


class Origin(NamedTuple):
    """The product of an engine, and the products whose metrics it exposes, its own engine's included."""

    product: str
    dialects: tuple[str, ...] = ()


class Join(StrEnum):
    """The reason why an object of one world has no counterpart in the other."""

    POD_WITHOUT_METRICS = "pod without metrics"
    METRICS_WITHOUT_POD = "metrics without a pod"
    GPU_WITHOUT_POD = "GPU without a pod"
    POD_WITHOUT_GPU_METRICS = "pod without GPU metrics"


class GpuUse(StrEnum):
    """The use of a GPU, according to the cluster's accounting and the exporter."""

    HELD = "held"
    """Held by the pod that its exporter names."""
    UNNAMED = "held, unnamed"
    """Held by a pod that its exporter does not name: nothing on its node is free."""
    FREE = "free"
    UNKNOWN = "not known"
    """Not all pods are known, or some GPUs of its node are held by unknown pods."""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A join that could not be made: shown as such, never dropped."""

    join: Join
    key: str
    """The unmatched pod, engine or GPU."""
    detail: str = ""


class History(Protocol):
    """Short histories for the strips."""

    @property
    def step(self) -> float:
        """Seconds between points."""
        ...

    @property
    def backfilled(self) -> int:
        """Number of backfills of the time before the console's start: each may add older values."""
        ...

    def strip(self, key: str, quantity: Quantity, points: int) -> tuple[float, ...]:
        """The last ``points`` values up to this Snapshot, oldest first, NaN for gaps; short when there is less."""
        ...


class NoHistory:
    """The history before the first tick."""

    step = 15.0
    backfilled = 0

    def strip(self, key: str, quantity: Quantity, points: int) -> tuple[float, ...]:
        del key, quantity, points
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """The joins of a fleet: the part that stays the same from tick to tick while no object comes or goes.

    Made by the joins of fleet/snapshot/topology.py, and shared by Snapshots until it changes.
    """

    nodes: Mapping[str, Node] = field(default_factory=dict)
    pods: Mapping[str, Pod] = field(default_factory=dict)
    workloads: Mapping[str, Workload] = field(default_factory=dict)
    """Tops of owner chains only."""
    models: Mapping[str, ModelGroup] = field(default_factory=dict)
    engines: Mapping[str, EngineId] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Engine key → which product it is."""
    products: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Workload key → the products that serve in it, most pods first: by its metrics, else by the pods' descriptions."""
    measured_by: Mapping[str, str] = field(default_factory=dict)
    """Key of an engine, gateway or GPU → name of the source that its numbers are of; empty where all are of one."""
    gateways: Mapping[str, GatewayId] = field(default_factory=dict)
    gateways_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Model key → keys of the rows of gateways that are about it."""
    gpus: Mapping[str, GpuId] = field(default_factory=dict)
    autoscalers: Mapping[str, HorizontalPodAutoscaler] = field(default_factory=dict)
    """Autoscalers by the key of the workload that they scale."""
    budgets: tuple[PodDisruptionBudget, ...] = ()

    pods_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Workload key → pod keys."""
    workload_of: Mapping[str, str] = field(default_factory=dict)
    """Pod key → workload key."""
    parts: Mapping[str, Workload] = field(default_factory=dict)
    """Workloads created by another one (the Deployment of an InferenceService), by key. No screen lists them."""
    part_of: Mapping[str, str] = field(default_factory=dict)
    """Key of a part → key of the workload at the top of its chain."""
    model_of: Mapping[str, str] = field(default_factory=dict)
    """Workload key → model key; only workloads that serve a model are in it."""
    engines_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Pod key → engine keys."""
    unmeasured: Mapping[str, str] = field(default_factory=dict)
    """Pod key → why it owes no engine metrics; only pods that owe none."""
    gpus_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Pod key → GPU keys."""
    gpus_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Node name → GPU keys."""
    free_gpus: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Node name → (free, allocatable), by the requests of all pods of the cluster; empty where not all are known."""
    gpu_use: Mapping[str, GpuUse] = field(default_factory=dict)
    """GPU key → its holder."""
    coverage: Coverage = field(default_factory=Coverage)
    """The part of the cluster that this Snapshot knows."""
    unmatched: tuple[Unmatched, ...] = ()

    def structure(self) -> dict[str, Any]:
        """Return the fields of Structure by name, and no others."""
        return {name: getattr(self, name) for name in _STRUCTURE}


_STRUCTURE: Final = tuple(one.name for one in fields(Structure))


@dataclass(frozen=True, slots=True)
class Snapshot(Structure):
    """The fleet at one moment."""

    sequence: int
    at: float
    """Unix time of this Snapshot on the console's clock."""
    cluster: Cluster
    sources: tuple[SourceStatus, ...] = ()
    window: float = 60.0
    """Seconds over which rates and percentiles are taken."""
    method: str = ""
    """Name of the source of the numbers: prometheus, scrape, or empty for none."""
    measured_at: float | None = None
    """Evaluation time of the metrics (Unix): PromQL at this time gives the same numbers."""
    naming: Mapping[str, Naming] = field(default_factory=dict)
    """The naming of the series in each metrics store, by the name of the source."""
    interval: float = 0.0
    """Seconds between two scrapes of an engine; 0 where nothing is measured."""
    clock_skew: float = 0.0
    """Seconds that the clock of the metrics source is ahead of the console's."""

    unanswered: Mapping[str, str] = field(default_factory=dict)
    """Target of a scrape (namespace/pod, with :port where it has several) → what is wrong with its answer, in words."""
    events: tuple[Event, ...] = ()
    """Newest first, bounded."""
    throttle_reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """GPU key → what lowers its clocks now, in words; only GPUs whose exporter reports it."""

    by_engine: Frame = field(default_factory=Frame)
    by_pod: Frame = field(default_factory=Frame)
    by_workload: Frame = field(default_factory=Frame)
    by_model: Frame = field(default_factory=Frame)
    by_gateway: Frame = field(default_factory=Frame)
    before_models: Frame = field(default_factory=Frame)
    """Numbers of the gateways by model; a row for each model that has some."""
    by_gpu: Frame = field(default_factory=Frame)
    assessments: Mapping[str, Assessment] = field(default_factory=dict)
    """Pod key, workload key, node name or GPU key → its assessment."""
    burning: Mapping[str, BurningBudget] = field(default_factory=lambda: NOTHING_BURNS)
    """Workload key → the fastest-burning error budget of its model, if it burns fast enough to be reported."""
    promised: Mapping[str, Promised] = field(default_factory=lambda: NOTHING_PROMISED)
    """Workload key → the promises to users of its model; only workloads with a promise."""
    usual: Mapping[str, Traffic] = field(default_factory=dict)
    """Workload key → its usual traffic; only workloads that are measured."""
    traffic_points: tuple[TrafficPoint, ...] = ()
    """The traffic of all workloads at the last steps, 15 s apart, the oldest first."""
    departed: Mapping[str, tuple[Departed, ...]] = field(default_factory=dict)
    """Workload key → recent removals that took pods of it, latest first."""
    rescaled: Mapping[str, tuple[Rescaled, ...]] = field(default_factory=dict)
    """Workload key → the sizes that its autoscaler recently set."""
    lost_gpus: Mapping[str, tuple[GpuId, ...]] = field(default_factory=dict)
    """Node name → GPUs that its exporter no longer lists, although it lists others of the node."""
    empty_services: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Workload key → names of its Services that select no pod."""
    dead_services: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Workload key → its Services that lead to no port of their pods, with that port."""
    mixed_services: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Workload key → the Services of its name that select pods of other models, too, with those."""
    exposure: Mapping[str, Exposure] = field(default_factory=dict)
    """Workload key → the objects in front of it; empty if nobody lists them."""
    incidents: Sequence[Incident] = ()
    """Incidents that are pending, firing or not over yet, the worst first. They are put together when they are read."""
    profiles: WorkloadProfiles = ALL_CHAT
    """The profiles by which workloads are judged."""
    history: History = field(default_factory=NoHistory)
    facts: Facts = NO_FACTS
    """Facts of further sources; they have no namespace, so no view narrows them."""
    whole: Snapshot | None = field(default=None, repr=False, compare=False)
    """The cluster that this is a view of (fleet/snapshot/namespace_view.py); None if nothing is left out."""

    @property
    def everything(self) -> Snapshot:
        """The whole cluster, whatever the view: plans and calculations are based on it."""
        return self.whole or self

    @property
    def is_judged(self) -> bool:
        """False for the first numbers of a fleet, for which no cause has been looked for: nothing of it is well yet."""
        return bool(self.assessments) or not self.workloads

    def ref(self, kind: str, namespace: str, name: str) -> ObjectRef:
        """Return a reference to an object of this cluster; it stays valid when another cluster is selected."""
        return ObjectRef(kind, namespace, name, self.cluster.id)

    def use_of(self, gpu: str) -> GpuUse:
        """Return the holder of a GPU, by its key."""
        return self.gpu_use.get(gpu, GpuUse.UNKNOWN)

    def source(self, name: str) -> SourceStatus | None:
        """The status of a source by name."""
        return next((s for s in self.sources if s.name == name), None)

    def measured_from(self, key: str) -> str:
        """Return the name of the source that the numbers of an engine, gateway or GPU are of."""
        return self.measured_by.get(key, self.method)

    def top(self, workload: str) -> str:
        """Return the key under which a workload is measured and shown: its own, or its parent's."""
        return self.part_of.get(workload, workload)

    def members(self, workload: str) -> tuple[str, ...]:
        """Return the keys of a workload's pods; for a part only its own, not those of its siblings."""
        part = self.parts.get(workload)
        if part is None:
            return self.pods_of.get(workload, ())
        return tuple(key for key in self.pods_of.get(self.top(workload), ()) if _made_by(part, self.pods[key]))

    @property
    def of_objects(self) -> SourceStatus | None:
        """The status of the source that the objects come from: a cluster's API server, or this machine."""
        return self.source(KUBERNETES) or self.source(MACHINE)

    @property
    def is_machine(self) -> bool:
        """True if this machine is in view: its pods are processes, and cluster actions do not apply."""
        return self.source(MACHINE) is not None


def _made_by(part: Workload, pod: Pod) -> bool:
    """True if the part, or a link of it (a ReplicaSet: its name and the hash of the template), controls the pod."""
    owner, template = pod.owner, pod.labels.get(TEMPLATE_HASH, "")
    if owner is None:
        return False
    through_link = bool(template) and owner.kind != part.kind and owner.name == f"{part.name}-{template}"
    return owner.uid == part.uid or through_link
