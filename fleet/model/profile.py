"""Profiles: the limits by which workloads are judged, according to who waits for their answers.

A user in a chat waits a second, one typing into an editor does not, and a batch waits until tomorrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """Limits that differ from the chat defaults in fleet/diagnosis/thresholds.py."""

    name: str = "chat"
    limits: Mapping[str, float] = field(default_factory=dict)
    """Name of a threshold → its value."""


CHAT = Profile()


@dataclass(frozen=True, slots=True)
class WorkloadProfiles:
    """The profiles by which the workloads of a fleet are judged."""

    default: Profile = CHAT
    by_workload: Mapping[str, Profile] = field(default_factory=dict)
    """Workload key → its profile; workloads judged by ``default`` are absent."""

    def of(self, workload: str | None) -> Profile:
        """Return the profile of a workload; the default for None."""
        return self.by_workload.get(workload or "", self.default)


ALL_CHAT = WorkloadProfiles()
