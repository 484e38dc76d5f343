"""The source of the objectives, as the settings say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from console.config.objectives import goals_of
from console.wiring.timeline import of_this_cluster
from fleet.objectives.source import ObjectivesSource
from fleet.sources.alerts.search import SYNCED

if TYPE_CHECKING:
    from console.wiring.sources import Surroundings
    from fleet.sources.store import Store


def objectives(around: Surroundings) -> Iterator[ObjectivesSource]:
    """The one of this cluster; none where nobody wants any."""
    goals = goals_of(around.settings.objectives)
    if not around.settings.objectives.enabled or not goals.all():
        return

    async def store() -> Store | None:
        await around.objects.wait_synced(SYNCED)
        return await around.metrics.store(around.objects.state(), time.time())

    yield ObjectivesSource(goals, store, lambda: around.metrics.latest, of_this_cluster(around.settings))
