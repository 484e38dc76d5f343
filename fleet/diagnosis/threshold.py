"""A limit of a sign: its value in every profile, and its source."""

from __future__ import annotations

from typing import TypeAlias

from fleet.dataclass import dataclass
from fleet.model.profile import Profile


@dataclass(frozen=True, slots=True)
class Threshold:
    """One limit, by its name in the configuration."""

    name: str
    about: str
    """Meaning of the limit, and its unit."""
    source: str
    chat: float
    autocomplete: float | None = None
    """None: as for a chat."""
    batch: float | None = None

    def at(self, profile: Profile) -> float:
        """Return the limit for a workload with this profile."""
        return profile.limits.get(self.name, self.chat)


Limit: TypeAlias = float | Threshold
"""A number that is the same for everybody, or a threshold that a profile may set."""


def limit_at(limit: Limit, profile: Profile) -> float:
    """Return the number of a limit for a profile."""
    return limit.at(profile) if isinstance(limit, Threshold) else limit
