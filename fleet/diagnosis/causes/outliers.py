"""Replicas that are not as their peers: one that is slow, one that gets more than its share."""

from __future__ import annotations

from fleet.diagnosis.cause import Help, ReplicaCause, says
from fleet.diagnosis.causes.symptoms import GPU_FAULTS
from fleet.diagnosis.peers import Busier, Slower
from fleet.model.snapshot import Severity

SLOWER = 1.5
"""Times by which a replica's requests are slower than the median's before it is called slow (SRE practice)."""
BATCH = 2.0
"""Requests that a replica runs at least before it is compared."""
TIMES, MORE, ROOM = 2.0, 5.0, 0.6
"""Times the mean, and requests beyond it, that a replica has; KV usage below which another has room: production-stack's
and the gateway inference extension's pickers count a replica as free below about 0.6 to 0.8.
"""

SLOW = ReplicaCause(
    id="replica-slow",
    severity=Severity.WARNING,
    sentence="The replica is slower than the others that serve the same.",
    words=says("slower than its peers"),
    must=(Slower(SLOWER, BATCH),),
    explains=("queue-deep", "replica-overloaded"),
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
    must=(Busier(TIMES, MORE, ROOM),),
    explains=("queue-deep", "kv-cache-full", "kv-cache-preempts"),
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
