"""Which nodes, models and workloads the simulated fleet is made of."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from simulator.engine import EngineSpec
from simulator.gpu import A100, H100, L40S, GpuModel
from simulator.traffic import TrafficSpec


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
        """The extended resource by which its GPUs are asked for."""
        return f"nvidia.com/mig-{self.mig}" if self.mig else "nvidia.com/gpu"

    @property
    def slots(self) -> int:
        """GPUs or MIG instances on a node."""
        return self.gpus * (self.mig_per_gpu or 1)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model on its GPUs: what it costs to run and how long it takes to start (seconds)."""

    repository: str
    engine: EngineSpec
    weights_gib: float
    pull: float = 40.0
    load: float = 45.0
    compile: float = 25.0
    pooling: bool = False


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """A Deployment or StatefulSet of engines that serve `model` under the name `served`."""

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
    max_replicas: int = 0
    """Where an autoscaler stops; 0 for none."""
    min_available: int = 0
    """Of a PodDisruptionBudget; 0 for none."""
    asleep: bool = False


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A whole fleet."""

    pools: tuple[NodePool, ...]
    workloads: tuple[WorkloadSpec, ...]

    @property
    def pods(self) -> int:
        """How many engine pods it wants."""
        return sum(workload.replicas for workload in self.workloads)

    def scaled(self, pods: int) -> Blueprint:
        """The same fleet with `pods` engine pods and as many nodes as they need. Raises FleetSizeError below 1."""
        if pods < 1:
            raise FleetSizeError(f"a fleet needs at least 1 pod, not {pods}")
        shares = dict(zip((w.name for w in self.workloads), self._shares(pods), strict=True))
        workloads = tuple(
            replace(
                w,
                replicas=shares[w.name],
                max_replicas=math.ceil(w.max_replicas * shares[w.name] / w.replicas),
                min_available=min(w.min_available, max(0, shares[w.name] - 1)),
            )
            for w in self.workloads
            if shares[w.name]
        )
        pools = tuple(
            replace(pool, nodes=max(1, math.ceil(need / pool.slots)))
            for pool in self.pools
            # whole nodes per workload: a pod's GPUs are all on one node
            for need in [sum(_padded(w, pool) for w in workloads if w.pool == pool.name)]
        )
        return Blueprint(pools, workloads)

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


def _padded(workload: WorkloadSpec, pool: NodePool) -> int:
    per_node = pool.slots // workload.gpus
    return math.ceil(workload.replicas / per_node) * pool.slots


LLAMA_70B = ModelSpec(
    "meta-llama/Llama-3.3-70B-Instruct",
    EngineSpec(
        max_model_len=32768,
        num_blocks=29_400,
        step_base=0.019,
        step_per_seq=1.1e-4,
        step_per_kv_token=9e-9,
        prefill_rate=16_000,
    ),
    weights_gib=131.4,
    load=70.0,
    compile=40.0,
)
LLAMA_8B = ModelSpec(
    "meta-llama/Llama-3.1-8B-Instruct",
    EngineSpec(
        max_model_len=16384,
        num_blocks=12_200,
        step_base=0.021,
        step_per_seq=1.6e-4,
        step_per_kv_token=3e-8,
        prefill_rate=9_000,
        max_num_seqs=128,
        max_num_batched_tokens=4096,
    ),
    weights_gib=14.99,
    load=18.0,
)
QWEN_32B = ModelSpec(
    "Qwen/Qwen2.5-Coder-32B-Instruct",
    EngineSpec(
        max_model_len=32768,
        num_blocks=19_600,
        step_base=0.026,
        step_per_seq=1.5e-4,
        step_per_kv_token=1.6e-8,
        prefill_rate=10_000,
    ),
    weights_gib=61.1,
    load=40.0,
)
MISTRAL_24B = ModelSpec(
    "mistralai/Mistral-Small-24B-Instruct-2501",
    EngineSpec(
        max_model_len=32768,
        num_blocks=9_900,
        step_base=0.018,
        step_per_seq=1.2e-4,
        step_per_kv_token=1.4e-8,
        prefill_rate=14_000,
    ),
    weights_gib=43.9,
    load=30.0,
)
QWEN_72B = ModelSpec(
    "Qwen/Qwen2.5-72B-Instruct-AWQ",
    EngineSpec(
        max_model_len=16384,
        num_blocks=14_100,
        step_base=0.024,
        step_per_seq=1.6e-4,
        step_per_kv_token=2e-8,
        prefill_rate=5_500,
    ),
    weights_gib=38.8,
)
LLAMA2_13B = ModelSpec(
    "meta-llama/Llama-2-13b-chat-hf",
    EngineSpec(
        max_model_len=4096,
        num_blocks=1_350,
        step_base=0.034,
        step_per_seq=2.4e-4,
        step_per_kv_token=6e-8,
        prefill_rate=5_000,
        max_num_seqs=64,
        max_num_batched_tokens=4096,
    ),
    weights_gib=24.3,
    load=25.0,
)
BGE_M3 = ModelSpec(
    "BAAI/bge-m3",
    EngineSpec(
        max_model_len=8192,
        num_blocks=24_000,
        step_base=0.004,
        step_per_seq=2e-5,
        step_per_kv_token=1e-9,
        prefill_rate=60_000,
        max_num_batched_tokens=16_384,
    ),
    weights_gib=1.06,
    pull=25.0,
    load=5.0,
    compile=4.0,
    pooling=True,
)

DEFAULT = Blueprint(
    pools=(
        NodePool("h100", 2, 8, H100, "p5.48xlarge", 192, 2048),
        NodePool("a100", 1, 8, A100, "p4de.24xlarge", 96, 1152),
        NodePool("l40s", 2, 4, L40S, "g6e.24xlarge", 96, 768),
        NodePool("mig", 1, 2, replace(H100, memory=40448), "p5.4xlarge", 48, 512, "3g.40gb", 2),
    ),
    workloads=(
        WorkloadSpec(
            "chat-70b",
            "serving",
            "llama-3.3-70b",
            LLAMA_70B,
            "h100",
            4,
            3,
            TrafficSpec(rate=4.5, prompt=700, output=400),
            revision="6f6073b",
            old_revision="1d4bb51",
            max_replicas=4,
            min_available=2,
        ),
        WorkloadSpec(
            "chat-8b",
            "serving",
            "llama-3.1-8b",
            LLAMA_8B,
            "l40s",
            1,
            5,
            TrafficSpec(rate=3.6, prompt=400, output=260),
            revision="0e9e39f",
            old_revision="8c22764",
            max_replicas=7,
            min_available=3,
        ),
        WorkloadSpec(
            "coder-32b",
            "serving",
            "qwen-coder-32b",
            QWEN_32B,
            "a100",
            2,
            3,
            TrafficSpec(rate=1.2, prompt=1800, output=300, prefix_tokens=1500),
            kind="StatefulSet",
            revision="381fc96",
            min_available=2,
        ),
        WorkloadSpec(
            "embed",
            "serving",
            "bge-m3",
            BGE_M3,
            "mig",
            1,
            3,
            TrafficSpec(rate=24.0, prompt=380, output=0, prefixes=1, prefix_tokens=0),
            revision="5617a9f",
        ),
        WorkloadSpec(
            "summarize",
            "batch",
            "mistral-small-24b",
            MISTRAL_24B,
            "h100",
            1,
            2,
            TrafficSpec(rate=0.8, prompt=3800, output=330, burstiness=0.6),
            version="0.10.2",
            revision="9527884",
        ),
        WorkloadSpec(
            "night-72b",
            "batch",
            "qwen-72b",
            QWEN_72B,
            "a100",
            2,
            1,
            TrafficSpec(rate=0.0, prompt=900, output=300),
            revision="698703e",
            asleep=True,
        ),
        WorkloadSpec(
            "legacy-13b",
            "batch",
            "llama-2-13b",
            LLAMA2_13B,
            "l40s",
            1,
            1,
            TrafficSpec(rate=0.9, prompt=420, output=210, max_tokens=1024),
            version="0.6.4",
            revision="a2cb7a7",
        ),
    ),
)
