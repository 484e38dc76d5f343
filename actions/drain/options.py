"""The options of a drain."""

from __future__ import annotations

from enum import StrEnum


class Method(StrEnum):
    """The way in which a pod is taken out of service before it is drained."""

    AUTO = "auto"
    LABEL = "label"
    """A label that only the Service selects is changed: the workload keeps the pod, no replacement starts."""
    ORPHAN = "orphan"
    """A label of the workload's selector is changed: a replacement starts at once."""
    EVICT = "evict"
    """Evicted at once; its endpoints end with it."""


class AtDeadline(StrEnum):
    """The fate of requests that still run when a drain's deadline comes."""

    EVICT = "evict"
    """The pod is evicted all the same; its grace period is all that they get."""
    STOP = "stop"
    """The drain ends there; the pod stays out of service and keeps running."""
