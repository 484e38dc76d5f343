"""A direct scrape without a network: pages in, measurements out, with controlled time."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fleet.model.measurement import GatewayId, Measurement
from fleet.model.problem import SourceProblem
from fleet.model.quantity import Quantity
from fleet.sources.scrape.source import ScrapeLimits, ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget

EPOCH = 1_795_220_000.0


class Rig:
    """A ScrapeSource over pages by pod name; a page that is an exception is raised."""

    def __init__(self, settings: ScrapeLimits | None = None) -> None:
        self.now = 0.0
        self.source = ScrapeSource(settings, clock=lambda: self.now)
        self.pages: dict[str, str | Exception] = {}

    async def tick(self, pages: Mapping[str, str | Exception] | None = None, after: float = 5.0) -> Measurement:
        """Let ``after`` seconds pass (but before the first tick) and scrape."""
        self.pages = dict(self.pages if pages is None else pages)
        targets = [ScrapeTarget("llm", pod, f"/proxy/{pod}", fetch=self._fetch) for pod in self.pages]
        measurement = await self.source.measure(targets, EPOCH + self.now)
        self.now += after
        return measurement

    async def _fetch(self, path: str) -> bytes:
        page = self.pages[path.removeprefix("/proxy/")]
        if isinstance(page, Exception):
            raise page
        return page.encode()


def value(measurement: Measurement, quantity: Quantity, row: int = 0) -> float:
    """An engine's value; NaN for none."""
    column = measurement.engine_table.columns.get(quantity)
    return math.nan if column is None else column[row]


def gpu(measurement: Measurement, quantity: Quantity, row: int = 0) -> float:
    """A GPU's value; NaN for none."""
    column = measurement.gpu_table.columns.get(quantity)
    return math.nan if column is None else column[row]


REFUSED = SourceProblem("answers HTTP 503", "wait")


def gateway(measurement: Measurement, quantity: Quantity, row: GatewayId) -> float:
    """The value of a gateway's row; NaN for none."""
    column = measurement.gateway_table.columns.get(quantity)
    return math.nan if column is None else column[measurement.gateways.index(row)]
