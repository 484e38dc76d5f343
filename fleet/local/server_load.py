"""Reads the request counts of a server on this machine."""

from __future__ import annotations

from typing import Self

from fleet.local.record import ServerRecord
from fleet.sources.scrape.engine_load import EngineLoad, EngineProbe
from fleet.sources.scrape.target import ScrapeTarget


class LoadProbe:
    """Asks one server again and again; an async context that closes its connections."""

    def __init__(self, record: ServerRecord) -> None:
        url = f"{record.spec.url}/metrics"
        self._probe = EngineProbe(ScrapeTarget("local", record.name, url))

    async def load(self) -> EngineLoad | None:
        """Return the present load; None where the server does not answer."""
        return await self._probe.load()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._probe.close()
