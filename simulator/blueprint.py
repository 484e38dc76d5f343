"""The nodes, models and workloads of the simulated fleet."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from simulator.data import text
from simulator.engine import EngineSpec
from simulator.gpu import GPUS, GpuModel
from simulator.traffic import TrafficSpec

MAX_RATE = 8000.0
"""Requests simulated per second, which a core has to manage: a fleet that gets more is simulated by groups of them."""


class FleetSizeError(ValueError):
    """A fleet cannot have so few pods."""


@dataclass(frozen=True, slots=True)
class NodePool:
    """Nodes of one type. A pool with `mig` has that many instances of the profile on each GPU."""

    name: str
    nodes: int
    gpus: int
    gpu: GpuModel
    instance_type: str
    cpus: int
    memory_gib: int
    mig: str = ""
    mig_per_gpu: int = 0

    @property
    def resource(self) -> str:
        """The extended resource by which its GPUs are requested."""
        return f"nvidia.com/mig-{self.mig}" if self.mig else "nvidia.com/gpu"

    @property
    def slots(self) -> int:
        """GPUs or MIG instances on a node."""
        return self.gpus * (self.mig_per_gpu or 1)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model on its GPUs: its costs, and the duration of its start (seconds)."""

    repository: str
    engine: EngineSpec
    weights_gib: float
    pull: float = 40.0
    load: float = 45.0
    compile: float = 25.0
    pooling: bool = False


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """A Deployment, StatefulSet or LeaderWorkerSet of engines that serve `model` under the name `served`."""

    name: str
    namespace: str
    served: str
    model: ModelSpec
    pool: str
    gpus: int
    replicas: int
    traffic: TrafficSpec
    kind: str = "Deployment"
    version: str = "0.32.0"
    revision: str = "main"
    old_revision: str = ""
    """The model revision before this one, if the workload was rolled out more than once."""
    old_version: str = ""
    """The version of vLLM before this one, if that rollout changed it."""
    group: int = 1
    """Pods that share the GPUs of one replica: a leader and its workers in a LeaderWorkerSet."""
    managed_by: str = ""
    """Tool that applies its objects: argocd, flux or helm; empty for none in particular."""
    serving_label: bool = False
    """True if its Service selects a label that its controller does not, so that a pod can be taken out of it."""
    max_replicas: int = 0
    """Upper bound of its autoscaler; 0 for none."""
    keda: bool = False
    """True if that is KEDA's."""
    min_available: int = 0
    """``minAvailable`` of its PodDisruptionBudget; 0 for none."""
    asleep: bool = False
    weight: int = 1
    """Number of requests that one simulated request stands for."""

    @property
    def autoscaler(self) -> str:
        """Name of its HorizontalPodAutoscaler."""
        return f"keda-hpa-{self.name}" if self.keda else self.name


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A whole fleet."""

    pools: tuple[NodePool, ...]
    workloads: tuple[WorkloadSpec, ...]

    @property
    def pods(self) -> int:
        """Number of engine pods that it wants."""
        return sum(workload.replicas for workload in self.workloads)

    def scaled(self, pods: int) -> Blueprint:
        """The same fleet with `pods` engine pods and as many nodes as they need. Raises FleetSizeError below 1."""
        if pods < 1:
            raise FleetSizeError(f"a fleet needs at least 1 pod, not {pods}")
        shares = dict(zip((w.name for w in self.workloads), self._shares(pods), strict=True))
        workloads = [
            replace(
                w,
                replicas=shares[w.name],
                max_replicas=math.ceil(w.max_replicas * shares[w.name] / w.replicas),
                min_available=min(w.min_available, max(0, shares[w.name] - 1)),
            )
            for w in self.workloads
            if shares[w.name]
        ]
        _weigh(workloads)
        pools = tuple(
            replace(pool, nodes=max(1, math.ceil(need / pool.slots)))
            for pool in self.pools
            # whole nodes per workload: a pod's GPUs are all on one node
            for need in [sum(_padded(w, pool) for w in workloads if w.pool == pool.name)]
        )
        return Blueprint(pools, tuple(workloads))

    def _shares(self, pods: int) -> Iterator[int]:
        """Replicas of each workload: one for each as far as they go, the others as in this fleet."""
        count = len(self.workloads)
        extra, total = max(0, pods - count), max(1, self.pods - count)
        given, wanted = 0, 0
        for number, workload in enumerate(self.workloads):
            wanted += workload.replicas - 1
            share = round(extra * wanted / total) - given
            given += share
            yield share + (number < pods)


def _weigh(workloads: list[WorkloadSpec]) -> None:
    """Increase the weight of a request where engines get the most of them, until few enough are left to simulate."""
    while sum(w.traffic.rate * w.replicas / w.weight for w in workloads) > MAX_RATE:
        busiest = max(range(len(workloads)), key=lambda n: workloads[n].traffic.rate / workloads[n].weight)
        workloads[busiest] = replace(workloads[busiest], weight=workloads[busiest].weight + 1)


def _padded(workload: WorkloadSpec, pool: NodePool) -> int:
    per_node = pool.slots // workload.gpus
    return math.ceil(workload.replicas / per_node) * pool.slots


def _load(document: str) -> Blueprint:
    content = tomllib.loads(document)
    models = {
        name: ModelSpec(**model | {"engine": EngineSpec(**model["engine"])})
        for name, model in content["models"].items()
    }
    return Blueprint(
        tuple(NodePool(**pool | {"gpu": GPUS[pool["gpu"]]}) for pool in content["pools"]),
        tuple(
            WorkloadSpec(
                **workload | {"model": models[workload["model"]], "traffic": TrafficSpec(**workload["traffic"])}
            )
            for workload in content["workloads"]
        ),
    )


DEFAULT = _load(text("fleet.toml"))
