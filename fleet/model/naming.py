"""The names and labels in a metrics store: they determine what a query for it can leave out."""

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
    """The names and labels in the answers of one store."""

    metrics: frozenset[str] = frozenset()
    """Gauges and counters as spelled there, and the counts of histograms."""
    engines: SeriesNaming = SeriesNaming()
    gpus: SeriesNaming = SeriesNaming()
    replicas: tuple[str, ...] = ()
    """Labels that distinguish redundant scrapers."""
    within: tuple[tuple[str, str], ...] = ()
    """Labels and values that all series of this cluster have."""


UNKNOWN_NAMING = Naming()
"""The naming of a store without answers: queries contain everything that it might have."""
