"""Replicas that differ from their peers, and GPUs that differ from the others of their engine."""

from __future__ import annotations

from fleet.diagnosis.cause import Help, says
from fleet.diagnosis.causes.symptoms import GPU_FAULTS, OVERLOAD, QUEUES, SLOWNESS
from fleet.diagnosis.families.grouped_gpu_cause import GroupedGpuCause
from fleet.diagnosis.families.replica_cause import ReplicaCause
from fleet.diagnosis.signs.peers import Busier, LowerClock, Slower, SmallerCache, Uneven, Unused
from fleet.diagnosis.thresholds import (
    GPU_BUSY,
    GPU_LAGS,
    PEERS_BUSY,
    REPLICA_BUSY,
    REPLICA_SLOWER,
    SHARE_MORE,
    SHARE_ROOM,
    SHARE_TIMES,
)
from fleet.diagnosis.thresholds_of_answers import CACHE_SMALLER, GPU_ALIKE, GPU_APART
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity

SLOW = ReplicaCause(
    id="replica-slow",
    severity=Severity.WARNING,
    sentence="The replica is slower than its peers.",
    words=says("slower than its peers"),
    must=(Slower(REPLICA_SLOWER, REPLICA_BUSY),),
    explains=(*QUEUES, "replica-overloaded", "slower-than-usual"),
    after=600,
    clears=600,
    lookalikes=("gpu-throttled-by-hardware", "gpu-throttled-by-heat", *GPU_FAULTS, "kv-cache-preempts"),
    decides=(
        "the clocks and power of its GPUs compared with those of its peers",
        "the length of its prompts: a member of a long-context pool is slow by design",
    ),
    helps=(
        Help("see its GPUs", "nodes"),
        Help("see what is different about it", "describe"),
        Help("keep new pods off its node, if a GPU is the reason", "cordon"),
    ),
    avoid=("Do not compare it with replicas on other GPUs, or with a batch of another size.",),
)
OVERLOADED = ReplicaCause(
    id="replica-overloaded",
    severity=Severity.WARNING,
    sentence="Requests wait in one replica while another has room: the load is not balanced.",
    words=says("gets more than its share"),
    must=(Busier(SHARE_TIMES, SHARE_MORE, SHARE_ROOM),),
    explains=OVERLOAD,
    after=300,
    clears=300,
    lookalikes=("replica-slow", "engine-stuck"),
    decides=("its prefix hits: routing by prefix is uneven by design, and gains hits in return",),
    helps=(
        Help("see what routes to it", "describe"),
        Help("let the router prefer the replica with the fewest requests"),
    ),
    avoid=("Do not add replicas: the existing ones have room.",),
)
UNUSED = ReplicaCause(
    id="replica-unused",
    severity=Severity.WARNING,
    sentence="The replica is ready and gets no requests, while its peers are busy.",
    words=says("gets no requests"),
    must=(Unused(PEERS_BUSY),),
    explains=("replica-overloaded",),
    after=300,
    clears=60,
    lookalikes=("engine-stuck", "engine-takes-nothing"),
    decides=("a request sent to it directly: if it answers, nothing routes to it; if not, it hangs",),
    helps=(
        Help("see what routes to it", "describe"),
        Help("read whether it takes requests", "logs"),
        Help("restart it, if it does not answer", "restart"),
    ),
    avoid=("Do not add replicas: this one has room.",),
)
SMALL_CACHE = ReplicaCause(
    id="kv-cache-smaller",
    severity=Severity.WARNING,
    sentence="The KV cache of the replica is smaller than its peers': when it started, less GPU memory was free.",
    words=says("smaller KV cache than its peers"),
    must=(SmallerCache(CACHE_SMALLER),),
    needs=Quantity.KV_CAPACITY,
    explains=("kv-cache-preempts", "kv-cache-full", "replica-overloaded"),
    after=300,
    clears=60,
    lookalikes=("gpu-memory-taken", "replica-slow"),
    decides=(
        "the memory of its GPU in use before it starts: a process that nobody ended, or another pod on the same GPU",
        "its GPU: one with less memory than its peers' has a smaller cache by nature",
    ),
    helps=(
        Help("see what is different about it", "describe"),
        Help("see the GPUs of its node", "nodes"),
        Help("restart it, once its GPU is free", "restart"),
    ),
    avoid=("Do not raise --gpu-memory-utilization for it: the memory is taken, and the engine then fails to start.",),
)
LAGS = GroupedGpuCause(
    id="gpu-lags",
    severity=Severity.WARNING,
    sentence="One GPU of an engine is slower than the others, which wait for it at every token.",
    words=says("slower than the other GPUs of its engine"),
    must=(LowerClock(GPU_LAGS, GPU_BUSY),),
    explains=("gpu-uneven", *SLOWNESS, "replica-overloaded", *QUEUES),
    after=600,
    clears=600,
    lookalikes=("gpu-throttled-by-hardware", "gpu-throttled-by-heat", "gpu-power-brake", *GPU_FAULTS),
    decides=("whether its clocks are capped (power limit, application clocks) or its link is slower than the others'",),
    helps=(
        Help("see the GPUs of its node", "nodes"),
        Help("see the pod that holds it", "describe"),
        Help("keep new pods off its node", "cordon"),
    ),
    avoid=("Do not judge by GPU utilisation: the GPUs that wait for it look busy.",),
)
"""Findings catalogue F24."""
UNEVEN = GroupedGpuCause(
    id="gpu-uneven",
    severity=Severity.WARNING,
    sentence="One GPU of an engine works differently from all others: they wait for it, or it waits for them.",
    words=says("works unlike the other GPUs of its engine"),
    must=(Uneven(GPU_APART, GPU_ALIKE, GPU_BUSY),),
    in_step=True,
    explains=SLOWNESS,
    after=600,
    clears=600,
    lookalikes=("gpu-lags", "gpu-link-errors", "gpu-throttled-by-heat", *GPU_FAULTS),
    decides=(
        "its share of the work: with pipeline stages the last one has less to do, one expert may be the favourite",
        "its link: a PCIe path in place of NVLink, or fewer lanes than the others",
    ),
    helps=(
        Help("see the GPUs of its node", "nodes"),
        Help("see the pod that holds it", "describe"),
        Help("keep new pods off its node", "cordon"),
    ),
    avoid=("Do not judge by GPU utilisation: GPUs that wait for another spin at 100 %.",),
)
"""Findings catalogue F24, where the exporter gives no clocks."""
