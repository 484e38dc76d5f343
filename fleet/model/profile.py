"""Profiles: the limits by which workloads are judged, as those who wait for their answers do.

A person in a chat waits a second, one who types into an editor does not, and a batch waits until tomorrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """Limits that differ from what fleet/diagnosis/thresholds.py says of a chat."""

    name: str = "chat"
    limits: Mapping[str, float] = field(default_factory=dict)
    """Name of a threshold → its value."""


CHAT = Profile()


@dataclass(frozen=True, slots=True)
class WorkloadProfiles:
    """The profiles by which the workloads of a fleet are judged."""

    default: Profile = CHAT
    by_workload: Mapping[str, Profile] = field(default_factory=dict)
    """Workload key → its profile; only those that are not judged by ``default``."""

    def of(self, workload: str | None) -> Profile:
        """Return the profile of a workload; None for what belongs to none."""
        return self.by_workload.get(workload or "", self.default)


ALL_CHAT = WorkloadProfiles()
