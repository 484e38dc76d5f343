"""Ids of causes that many others bring about, by what they have in common."""

from __future__ import annotations

QUEUES = ("queue-deep", "queue-grows")
OVERLOAD = ("kv-cache-preempts", "kv-cache-full", "requests-turned-away", *QUEUES)
"""Symptoms of the other replicas when one is away."""
AWAY = (
    "engine-crashed",
    "gpu-communication-failed",
    "crash-loop",
    "restarts-and-not-ready",
    "pod-not-ready",
    "pod-failed",
    "refused-by-node",
    "node-lost",
)
"""Symptoms of a pod whose ground is taken away."""
GPU_AWAY = (*AWAY, "no-gpu-in-pod", "too-few-gpus")
"""Symptoms of a pod whose GPU is taken away: what its engine says of it when it starts again is among them."""
SILENCE = ("no-metrics", "metrics-unknown", "metrics-too-old", "metrics-stale")
"""Symptoms of an engine that nobody can reach."""
GPU_SILENCE = ("gpu-metrics-unknown", "gpu-metrics-too-old")
THROTTLING = ("gpu-power-brake", "gpu-throttled-by-hardware", "gpu-throttled-by-heat")
GPU_FAULTS = ("gpu-lost", "gpu-memory-broken", "gpu-link-broken", "gpu-hardware-xid")
ENDED = ("crash-loop", "restarts-and-not-ready", "pod-failed")
"""Symptoms of a container that has ended and says of what."""
STUCK = ("engine-stuck", "engine-takes-nothing")
