"""How a metrics store names its series: what a query needs to say, and what it can leave out."""

from __future__ import annotations

from typing import NamedTuple


class SeriesNaming(NamedTuple):
    """The labels of the series of engines, or of GPUs."""

    pods: tuple[str, ...] = ()
    """The labels that name the pod: of each series the first that it has. Empty where that is not known."""
    key: tuple[str, ...] = ()
    """The labels that distinguish two of them."""
    is_scraped_once: bool = False
    """True if one process exposes each: no sample counts twice."""


class Naming(NamedTuple):
    """What one store was seen to have."""

    metrics: frozenset[str] = frozenset()
    """Gauges and counters as spelled there, and the counts of histograms."""
    engines: SeriesNaming = SeriesNaming()
    gpus: SeriesNaming = SeriesNaming()
    replicas: tuple[str, ...] = ()
    """Labels that distinguish redundant scrapers."""
    within: tuple[tuple[str, str], ...] = ()
    """Labels and values that all series of this cluster have."""


UNKNOWN_NAMING = Naming()
"""Of a store that has not been looked at: queries name everything that it might have."""
