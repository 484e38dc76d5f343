"""The protocol of sources of the past: the cluster's objects, its metrics, and the console's own records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Protocol

from fleet.dataclass import dataclass
from fleet.model.objects import ObjectRef
from fleet.timeline.attribution import Write
from fleet.timeline.entry import Entry
from fleet.timeline.kinship import Kinship


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be read, and what is missing for that reason."""

    what: str
    problem: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class SourceTimeline:
    """The entries and gaps of one source."""

    entries: tuple[Entry, ...]
    kin: Kinship
    gaps: tuple[Gap, ...] = ()
    writes: Mapping[ObjectRef, Sequence[Write]] = field(default_factory=dict)
    """Writes of templates that the objects no longer name, by workload."""


class TimelineSource(Protocol):
    """A source that is read once, on request."""

    @property
    def name(self) -> str:
        """Name of the source where it fails."""
        ...

    async def read(self, since: float) -> SourceTimeline:
        """Return what happened from ``since`` (Unix time) on. Never raises: what could not be read is in the gaps."""
        ...
