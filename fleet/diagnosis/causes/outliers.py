"""Replicas that differ from their peers, and GPUs that differ from the others of their engine."""

from __future__ import annotations

from fleet.diagnosis.cause import Help, says
from fleet.diagnosis.causes.symptoms import GPU_FAULTS, OVERLOAD, QUEUES, SLOWNESS
from fleet.diagnosis.families.grouped_gpu_cause import GroupedGpuCause
from fleet.diagnosis.families.replica_cause import ReplicaCause
from fleet.diagnosis.signs.peers import Busier, LowerClock, Slower, Unused
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
LAGS = GroupedGpuCause(
    id="gpu-lags",
    severity=Severity.WARNING,
    sentence="One GPU of an engine is slower than the others, which wait for it at every token.",
    words=says("slower than the other GPUs of its engine"),
    must=(LowerClock(GPU_LAGS, GPU_BUSY),),
    explains=(*SLOWNESS, "replica-overloaded", *QUEUES),
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
