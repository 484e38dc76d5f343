"""The source of the objectives, from the settings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from console.config.objectives import goals_of
from console.wiring.timeline import of_this_cluster
from fleet.objectives.source import ObjectivesSource
from fleet.sources.alerts.search import SYNCED

if TYPE_CHECKING:
    from console.wiring.facts import InView
    from fleet.sources.store import Store


def objectives(in_view: InView) -> Iterator[ObjectivesSource]:
    """Yield the source for this cluster; none if disabled."""
    goals = goals_of(in_view.settings.objectives)
    if not in_view.settings.objectives.enabled or not goals.all():
        return

    async def store() -> Store | None:
        await in_view.objects.wait_synced(SYNCED)
        return await in_view.metrics.store(in_view.objects.state(), time.time())

    yield ObjectivesSource(goals, store, lambda: in_view.metrics.latest, of_this_cluster(in_view.settings))
