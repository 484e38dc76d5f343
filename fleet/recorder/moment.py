"""A moment: the latest data of all sources, as recorded and replayed."""

from __future__ import annotations

from typing import NamedTuple

from fleet.model.facts import NO_FACTS, Facts
from fleet.model.measurement import Measurement
from fleet.model.snapshot import SourceStatus
from fleet.sources.kube.state import KubeState


class Moment(NamedTuple):
    """The last statement of each source."""

    state: KubeState
    statuses: tuple[SourceStatus, ...]
    measurement: Measurement | None
    facts: Facts = NO_FACTS
    """Facts of the further sources."""
