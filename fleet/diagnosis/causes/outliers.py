"""Replicas that differ from their peers, and GPUs that differ from the others of their engine."""

from __future__ import annotations

from fleet.diagnosis.cause import Help, ReplicaCause, says
from fleet.diagnosis.causes.symptoms import GPU_FAULTS, OVERLOAD, QUEUES
from fleet.diagnosis.peers import Busier, LowerClock, Slower
from fleet.diagnosis.serving_causes import GroupedGpuCause
from fleet.diagnosis.thresholds import (
    GPU_BUSY,
    GPU_LAGS,
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
    sentence="The replica is slower than the others that serve the same.",
    words=says("slower than its peers"),
    must=(Slower(REPLICA_SLOWER, REPLICA_BUSY),),
    explains=(*QUEUES, "replica-overloaded"),
    after=600,
    clears=600,
    alike=("gpu-throttled-by-hardware", "gpu-throttled-by-heat", *GPU_FAULTS, "kv-cache-preempts"),
    decides=(
        "the clocks and the power of its GPUs against those of its peers",
        "the length of the prompts that it gets: a member of a pool for long contexts is slow by design",
    ),
    helps=(
        Help("see its GPUs", "nodes"),
        Help("see what is different about it", "describe"),
        Help("keep new pods away from its node, where a GPU is the reason", "cordon"),
    ),
    avoid=("Do not compare it with replicas on other GPUs, or with a batch of another size.",),
)
OVERLOADED = ReplicaCause(
    id="replica-overloaded",
    severity=Severity.WARNING,
    sentence="Requests wait in one replica while another has room for them: they are not spread.",
    words=says("gets more than its share"),
    must=(Busier(SHARE_TIMES, SHARE_MORE, SHARE_ROOM),),
    explains=OVERLOAD,
    after=300,
    clears=300,
    alike=("replica-slow", "engine-stuck"),
    decides=("its share of prefix hits: routing by prefix is uneven by design, and pays for it with hits",),
    helps=(
        Help("see what routes to it", "describe"),
        Help("let the router take the replica with the fewest requests"),
    ),
    avoid=("Do not add replicas for it: those that are there have room.",),
)
LAGS = GroupedGpuCause(
    id="gpu-lags",
    severity=Severity.WARNING,
    sentence="One of the GPUs of an engine is slower than the others, which wait for it at every token.",
    words=says("slower than the other GPUs of its engine"),
    must=(LowerClock(GPU_LAGS, GPU_BUSY),),
    explains=("replica-slow", "replica-overloaded", *QUEUES),
    after=600,
    clears=600,
    alike=("gpu-throttled-by-hardware", "gpu-throttled-by-heat", "gpu-power-brake", *GPU_FAULTS),
    decides=("whether its clocks are capped (power limit, application clocks) or its link is slower than the others'",),
    helps=(
        Help("see the GPUs of its node", "nodes"),
        Help("see the pod that holds it", "describe"),
        Help("keep new pods away from its node", "cordon"),
    ),
    avoid=("Do not judge by GPU utilisation: those that wait for it are busy with waiting.",),
)
"""Findings catalogue F24."""
