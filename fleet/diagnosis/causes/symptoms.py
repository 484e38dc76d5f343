"""Ids of causes that many others bring about, by what they have in common."""

from __future__ import annotations

OVERLOAD = ("kv-cache-preempts", "kv-cache-full", "queue-deep")
"""What the other replicas get when one is away."""
AWAY = ("crash-loop", "restarts-and-not-ready", "pod-not-ready", "pod-failed", "refused-by-node", "node-lost")
"""What becomes of a pod whose ground is taken away."""
SILENCE = ("no-metrics", "metrics-unknown", "metrics-too-old", "metrics-stale")
"""What is seen of an engine that nobody can reach."""
GPU_SILENCE = ("gpu-metrics-unknown", "gpu-metrics-too-old")
STUCK = ("engine-stuck", "engine-takes-nothing")
