"""Ids of causes that are often consequences, grouped by what brings them about."""

from __future__ import annotations

SETTLES = 30.0
"""Seconds, two scrapes, for which a frequent consequence is pending: a GPU, a node or a log may still say why."""
GATEWAY_QUEUE = "gateway-queue"
QUEUES = ("queue-deep", "queue-grows", GATEWAY_QUEUE)
SLOWNESS = ("replica-slow", "slower-than-usual")
"""Symptoms of an engine, or of all of a workload, that is slower than it was."""
GATEWAY_ERRORS = "gateway-errors"
GATEWAYS = (GATEWAY_ERRORS, "gateway-breaker-open", "gateway-retries")
"""Symptoms at gateways of engines that fail, or are away."""
OVERLOAD = ("kv-cache-preempts", "kv-cache-full", "requests-turned-away", "engine-rejects-requests", *QUEUES, *GATEWAYS)
"""Symptoms of the other replicas when one is away."""
HELD_UP = (*OVERLOAD, "rollout-stuck", "pod-not-ready", "containers-created-late")
"""Symptoms of a pod that does not get as far as its containers, and of the other replicas."""
AWAY = (
    "engine-crashed",
    "gpu-communication-failed",
    "group-not-reached",
    "crash-loop",
    "restarts-and-not-ready",
    "pod-not-ready",
    "readiness-probe-fails",
    "pod-reported",
    "pod-failed",
    "refused-by-node",
    "node-lost",
)
"""Symptoms of a pod that lost its node."""
GPU_AWAY = (*AWAY, "no-gpu-in-pod", "too-few-gpus", "gpu-fault-in-log", "gpu-fabric-not-ready")
"""Symptoms of a pod that lost its GPU, including the engine's messages when it starts again."""
SILENCE = ("no-metrics", "metrics-unknown", "metrics-too-old", "metrics-stale")
"""Symptoms of an engine that cannot be reached."""
GPU_SILENCE = ("gpu-metrics-unknown", "gpu-metrics-too-old")
THROTTLING = ("gpu-power-brake", "gpu-throttled-by-hardware", "gpu-throttled-by-heat")
GPU_FAULTS = ("gpu-lost", "gpu-memory-broken", "gpu-memory-failed", "gpu-link-broken", "gpu-hardware-xid")
ENDED = ("crash-loop", "restarts-and-not-ready", "pod-failed")
"""Symptoms of a container whose log says why it ended."""
CANARY_SILENT = "canary-unanswered"
"""Symptom of an engine that hangs, or has so much to do that the question waits with all others."""
STUCK = ("engine-stuck", "engine-takes-nothing", "kv-transfer-stalled", "requests-wait-for-input")
