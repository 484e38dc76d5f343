"""The source of what exporters of nodes and containers report, from the settings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from console.wiring.timeline import of_this_cluster
from fleet.sources.alerts.search import SYNCED
from fleet.sources.store_signals import StoreSignalsSource

if TYPE_CHECKING:
    from console.wiring.facts import InView
    from fleet.sources.store import Store


def store_signals(in_view: InView) -> Iterator[StoreSignalsSource]:
    """Yield the source for this cluster."""

    async def store() -> Store | None:
        await in_view.objects.wait_synced(SYNCED)
        return await in_view.metrics.store(in_view.objects.state(), time.time())

    yield StoreSignalsSource(store, of_this_cluster(in_view.settings))
