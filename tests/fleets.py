"""Synthetic fleets for the tests of everything that draws a Snapshot. Pure functions of their arguments, no I/O.

``make_snapshot`` builds thousands of pods in well under a second; ``ticked`` moves some of them on by one tick. The
states of the real thing are in every fleet of a dozen pods or more: missing, stale, reset and unknown values, bounded
percentiles, pods that start, crash and terminate, a workload asleep, and objects that could not be joined.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Iterable
from dataclasses import replace

from fleet.model.frame import Column, Frame
from fleet.model.measurement import EngineId, GpuId
from fleet.model.objects import Container, ModelVersion, Node, Owner, Pod, Workload
from fleet.model.quantity import QUANTILES, Quantity
from fleet.model.reading import Bound, State
from fleet.model.severity import Severity
from fleet.model.snapshot import (
    Assessment,
    Cluster,
    Health,
    Join,
    ModelGroup,
    Snapshot,
    SourceStatus,
    Unmatched,
)

NOW = 1_790_000_000.0
"""The moment of every synthetic Snapshot, Unix seconds."""

MODELS = ("llama-70b", "llama-8b", "qwen-32b", "mixtral-8x22b", "embed-large", "deepseek-v3", "gemma-27b", "phi-4")
GPUS_PER_POD = 4
GPUS_PER_NODE = 8
_SUFFIXES = "bcdfghjklmnpqrstvwxz2456789"
_GIB = 2.0**30

_LOADED = {
    Quantity.RUNNING: (0.0, 64.0),
    Quantity.WAITING: (0.0, 20.0),
    Quantity.KV_USAGE: (0.2, 0.99),
    Quantity.PROMPT_TOKENS: (500.0, 9000.0),
    Quantity.GENERATION_TOKENS: (300.0, 2500.0),
    Quantity.REQUESTS: (0.5, 12.0),
    Quantity.PREEMPTIONS: (0.0, 0.5),
    Quantity.PREFIX_HIT_RATIO: (0.0, 0.9),
    Quantity.ERROR_RATIO: (0.0, 0.01),
    Quantity.TTFT_P50: (0.05, 0.4),
    Quantity.TTFT_P95: (0.1, 3.0),
    Quantity.TTFT_P99: (0.5, 9.0),
    Quantity.ITL_P50: (0.008, 0.03),
    Quantity.ITL_P95: (0.01, 0.09),
    Quantity.ITL_P99: (0.02, 0.2),
    Quantity.E2E_P95: (1.0, 40.0),
    Quantity.QUEUE_P95: (0.3, 5.0),
}
_GPU = {
    Quantity.GPU_UTIL: (0.3, 1.0),
    Quantity.GPU_MEMORY_USED: (60 * _GIB, 79 * _GIB),
    Quantity.GPU_MEMORY_TOTAL: (80 * _GIB, 80 * _GIB),
    Quantity.GPU_TEMPERATURE: (40.0, 88.0),
    Quantity.GPU_POWER: (200.0, 690.0),
    Quantity.SM_CLOCK: (1400.0, 1980.0),
    Quantity.XID: (0.0, 0.0),
    Quantity.THROTTLE: (0.0, 0.1),
}


def make_snapshot(workloads: int = 4, pods_per: int = 6, seed: int = 1, *, sequence: int = 1) -> Snapshot:
    """A fleet of ``workloads`` Deployments with ``pods_per`` pods each, one engine and four GPUs per pod.

    Of every dozen pods one starts, one has stale values, one is not scraped (unknown), one has no latency (missing),
    one restarted (reset), and one is in a crash loop; the third workload, where there are four, sleeps.
    """
    rng = random.Random(seed)
    names = [f"{MODELS[i % len(MODELS)]}{'' if i < len(MODELS) else f'-{i // len(MODELS)}'}" for i in range(workloads)]
    pods: dict[str, Pod] = {}
    tops: dict[str, Workload] = {}
    models: dict[str, ModelGroup] = {}
    pods_of: dict[str, tuple[str, ...]] = {}
    states = bytearray()
    asleep: set[str] = set()
    for i, name in enumerate(names):
        top = _workload(name, pods_per, ready=pods_per - 1 if pods_per > 1 else pods_per)
        tops[top.key] = top
        models[f"serving/{name}"] = ModelGroup(f"serving/{name}", "serving", name, (top.key,))
        made = [_pod(name, i * pods_per + j, rng) for j in range(pods_per)]
        pods.update((pod.key, pod) for pod in made)
        pods_of[top.key] = tuple(pod.key for pod in made)
        if workloads >= 4 and i == 2:
            asleep.update(pods_of[top.key])
    keys = tuple(pods)
    for i in range(len(keys)):
        states.append({3: State.STALE, 4: State.UNKNOWN, 6: State.RESET}.get(i % 12, State.FRESH))
    ages = array("d", (40.0 if s == State.STALE else 300.0 if s == State.UNKNOWN else 2.0 for s in states))
    engines = {
        engine.key: engine
        for engine in (EngineId("serving", pod.name, pod.version.served_name, "0") for pod in pods.values())
    }
    gpus = _gpus(pods.values())
    by_pod = Frame.of(keys, _columns(_LOADED | _GPU, keys, rng, states), ages, bytes(states))
    workload_of = {pod: top for top, members in pods_of.items() for pod in members}
    nodes = {pod.node: _node(pod.node) for pod in pods.values() if pod.node}
    return Snapshot(
        sequence=sequence,
        at=NOW,
        cluster=Cluster("prod-eu1", "prod-eu1", "https://kube.example.com:6443", "serving", "oncall@example.com"),
        sources=(
            SourceStatus("kubernetes", Health.LIVE, NOW - 3600, NOW),
            SourceStatus("prometheus", Health.LIVE, NOW - 3600, NOW - 2),
        ),
        method="prometheus",
        measured_at=NOW - 2,
        nodes=nodes,
        pods=pods,
        workloads=tops,
        models=models,
        engines=engines,
        gpus=gpus,
        pods_of=pods_of,
        workload_of=workload_of,
        model_of={top: f"serving/{name}" for top, name in zip(tops, names, strict=True)},
        engines_of={pod: (engine,) for pod, engine in zip(keys, engines, strict=True)},
        gpus_of=_by(gpus.values(), lambda gpu: f"{gpu.namespace}/{gpu.pod}"),
        gpus_on=_by(gpus.values(), lambda gpu: gpu.node),
        free_gpus=dict.fromkeys(nodes, (0, GPUS_PER_NODE)),
        by_engine=Frame.of(tuple(engines), _columns(_LOADED, tuple(engines), rng, states), ages, bytes(states)),
        by_pod=by_pod,
        by_workload=_group_frame(tuple(tops), rng),
        by_model=_group_frame(tuple(models), rng),
        by_gpu=_group_frame(tuple(gpus), rng, _GPU),
        unmatched=(
            Unmatched(Join.METRICS_WITHOUT_POD, "10.0.9.9:8000#0@ghost", "instance 10.0.9.9:8000 is no pod's address"),
            Unmatched(Join.GPU_WITHOUT_POD, "GPU-ffff", "node-1 GPU 7"),
        ),
        assessments=_assess(pods.values(), tops.values(), pods_of, asleep, bytes(states)),
    )


def ticked(snapshot: Snapshot, share: float = 1.0, seed: int = 2) -> Snapshot:
    """The next tick: a ``share`` (0-1) of the pods, chosen by ``seed``, has a new number of running requests."""
    rng = random.Random(seed)
    frame = snapshot.by_pod
    running = array("d", frame.columns[Quantity.RUNNING].values)
    for i in rng.sample(range(len(running)), round(share * len(running))):
        if not math.isnan(running[i]):
            running[i] = (running[i] + rng.randint(1, 50)) % 64
    columns = dict(frame.columns) | {Quantity.RUNNING: Column(running)}
    return replace(snapshot, sequence=snapshot.sequence + 1, by_pod=replace(frame, columns=columns))


def with_value(snapshot: Snapshot, pod: str, quantity: Quantity, value: float) -> Snapshot:
    """The next tick, in which one value of one pod is another."""
    frame = snapshot.by_pod
    values = array("d", frame.columns[quantity].values)
    values[frame.index[pod]] = value
    columns = dict(frame.columns) | {quantity: replace(frame.columns[quantity], values=values)}
    return replace(snapshot, sequence=snapshot.sequence + 1, by_pod=replace(frame, columns=columns))


def without(snapshot: Snapshot, *pods: str) -> Snapshot:
    """The same fleet after some pods have gone."""
    gone = frozenset(pods)
    return replace(
        snapshot,
        sequence=snapshot.sequence + 1,
        pods={key: pod for key, pod in snapshot.pods.items() if key not in gone},
        pods_of={top: tuple(k for k in members if k not in gone) for top, members in snapshot.pods_of.items()},
        workload_of={key: top for key, top in snapshot.workload_of.items() if key not in gone},
    )


def _workload(name: str, pods: int, *, ready: int) -> Workload:
    return Workload(
        kind="Deployment",
        namespace="serving",
        name=name,
        uid=f"uid-{name}",
        resource_version="100",
        created=NOW - 20 * 86_400,
        desired=pods,
        ready=ready,
        updated=pods,
        available=ready,
        generation=7,
        revision="7",
        gpus=GPUS_PER_POD,
        version=_version(name),
    )


def _version(name: str) -> ModelVersion:
    return ModelVersion("vllm/vllm-openai:v0.32.0", "sha256:0a1b", f"acme/{name}", name, "main")


def _pod(model: str, number: int, rng: random.Random) -> Pod:
    suffix = "".join(rng.choice(_SUFFIXES) for _ in range(5))
    kind = number % 12
    starting, crashing, pending = kind == 7, kind == 9, kind == 11
    status = "CrashLoopBackOff" if crashing else "Pending" if pending else "Running"
    container = Container(
        "vllm",
        "vllm/vllm-openai:v0.32.0",
        ready=not (starting or crashing or pending),
        started=not pending,
        restarts=17 if crashing else 0,
        state="waiting" if crashing or pending else "running",
        reason="CrashLoopBackOff" if crashing else "",
        last_reason="OOMKilled" if crashing else "",
        last_exit_code=137 if crashing else None,
        gpus=GPUS_PER_POD,
        ports=(("http", 8000),),
    )
    return Pod(
        namespace="serving",
        name=f"{model}-{number:05x}-{suffix}",
        uid=f"uid-{number}",
        resource_version=str(1000 + number),
        created=NOW - (41 if starting else 3 * 86_400),
        phase="Pending" if pending else "Running",
        status=status,
        ready=container.ready,
        restarts=container.restarts,
        node="" if pending else f"node-{number * GPUS_PER_POD // GPUS_PER_NODE}",
        ip="" if pending else f"10.0.{number // 250}.{number % 250 + 1}",
        deleted=NOW - 30 if kind == 10 else None,
        owner=Owner("ReplicaSet", f"{model}-7c9f", "uid-rs"),
        labels={"app": model},
        containers=(container,),
        gpus=GPUS_PER_POD,
        gpu_resource="nvidia.com/gpu",
        version=_version(model),
    )


def _node(name: str) -> Node:
    return Node(
        name=name,
        uid=f"uid-{name}",
        resource_version="5",
        created=NOW - 90 * 86_400,
        ready="True",
        gpus={"nvidia.com/gpu": GPUS_PER_NODE},
        gpu_product="NVIDIA-H100-80GB-HBM3",
        address="10.1.0.1",
        kubelet="v1.36.0",
    )


def _gpus(pods: Iterable[Pod]) -> dict[str, GpuId]:
    out: dict[str, GpuId] = {}
    for number, pod in enumerate(pods):
        for i in range(GPUS_PER_POD if pod.node else 0):
            ordinal = (number * GPUS_PER_POD + i) % GPUS_PER_NODE
            gpu = GpuId(f"GPU-{number:04x}-{i}", "", pod.node, str(ordinal), pod.namespace, pod.name, "NVIDIA H100")
            out[gpu.key] = gpu
    return out


def _by(gpus: Iterable[GpuId], key_of: Callable[[GpuId], str]) -> dict[str, tuple[str, ...]]:
    out: dict[str, list[str]] = {}
    for gpu in gpus:
        out.setdefault(key_of(gpu), []).append(gpu.key)
    return {key: tuple(keys) for key, keys in out.items()}


def _columns(
    ranges: dict[Quantity, tuple[float, float]], keys: tuple[str, ...], rng: random.Random, states: bytearray
) -> dict[Quantity, Column]:
    counts = {Quantity.RUNNING, Quantity.WAITING}
    out: dict[Quantity, Column] = {}
    for quantity, (low, high) in ranges.items():
        values = array("d", (rng.uniform(low, high) for _ in keys))
        for i in range(len(keys)):
            if quantity in counts:
                values[i] = float(round(values[i]))
            if states[i] == State.UNKNOWN or i % 12 in {7, 9, 11} or (quantity in QUANTILES and i % 12 == 5):
                values[i] = math.nan
        out[quantity] = Column(values)
    if Quantity.QUEUE_P95 in out:
        out[Quantity.QUEUE_P95] = _bounded(out[Quantity.QUEUE_P95])
    return out


def _bounded(column: Column) -> Column:
    """Every third value is in the lowest bucket of vLLM's queue time, every seventh in the one without an end."""
    count = len(column.values)
    bounds = bytes(Bound.AT_MOST if i % 3 == 0 else Bound.AT_LEAST if i % 7 == 1 else Bound.EXACT for i in range(count))
    edges = array("d", (0.3 if b == Bound.AT_MOST else 1920.0 if b == Bound.AT_LEAST else math.nan for b in bounds))
    return Column(column.values, bounds, edges)


def _group_frame(
    keys: tuple[str, ...], rng: random.Random, ranges: dict[Quantity, tuple[float, float]] | None = None
) -> Frame:
    fresh = bytearray(len(keys))
    columns = {
        quantity: Column(array("d", (float(round(rng.uniform(low, high), 3)) for _ in keys)))
        for quantity, (low, high) in (ranges or _LOADED | _GPU).items()
    }
    return Frame.of(keys, columns, array("d", (2.0 for _ in keys)), bytes(fresh))


def _assess(
    pods: Iterable[Pod],
    tops: Iterable[Workload],
    pods_of: dict[str, tuple[str, ...]],
    asleep: set[str],
    states: bytes,
) -> dict[str, Assessment]:
    out: dict[str, Assessment] = {}
    for number, pod in enumerate(pods):
        if pod.key in asleep:
            out[pod.key] = Assessment(Severity.ASLEEP, "level 1")
        elif pod.status == "CrashLoopBackOff":
            out[pod.key] = Assessment(Severity.CRITICAL, "OOMKilled ×17")
        elif pod.status == "Pending":
            out[pod.key] = Assessment(Severity.WARNING, "no GPU free")
        elif not pod.ready:
            out[pod.key] = Assessment(Severity.STARTING, "loading 17/30")
        elif states[number] == State.UNKNOWN:
            out[pod.key] = Assessment(Severity.UNKNOWN, "no metrics")
        else:
            out[pod.key] = Assessment(Severity.OK)
    order = list(Severity)
    for top in tops:
        worst = min((out[key].severity for key in pods_of[top.key]), key=order.index, default=Severity.OK)
        out[top.key] = Assessment(worst)
    return out
