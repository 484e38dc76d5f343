"""Subjects of the signs of a cause: an object with what is known beside it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.model.objects import Pod, Workload
from fleet.model.snapshot import Assessment, Severity, rank

WELL = Assessment(Severity.OK)


class PodSubject(NamedTuple):
    """A pod, and whether somebody measures it."""

    pod: Pod
    serving: bool = False
    """True if it runs an engine."""
    measured: bool = True
    """True if there are metrics of its engine."""
    unmeasured: str = ""
    """The reason why there need not be any."""
    replaced: bool = False
    """True if its workload has all its replicas without it."""

    @property
    def stopped_by(self) -> str:
        """Reason of a container that does not run, in kubectl's word, be it one of those that run before the others."""
        return self.pod.status.removeprefix("Init:")

    @property
    def is_up(self) -> bool:
        """True if it serves, and Kubernetes calls it ready."""
        return self.pod.ready and self.serving


@dataclass(frozen=True)
class WorkloadSubject:
    """A workload, and how its pods stand."""

    workload: Workload
    pods: Sequence[Assessment]
    ready: int
    """How many of its pods Kubernetes calls ready."""
    serving: int
    """Number of them that are not critical: a pod that is ready and stuck serves nobody."""
    unseen: str = ""
    """The reason why its pods are not all known, empty for all."""

    @property
    def missing(self) -> int:
        """Replicas that are wanted and not ready."""
        return self.workload.desired - self.ready

    @cached_property
    def worst(self) -> Assessment:
        """Return the assessment of the pod that stands worst."""
        return min(self.pods, key=lambda stands: rank(stands.severity), default=WELL)
