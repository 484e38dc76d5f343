"""Signals of nodes and containers: what exporters beside the engines report, where it is out of bounds."""

from __future__ import annotations

from typing import Final, NamedTuple

from fleet.dataclass import dataclass

SIGNALS: Final = "signals"
"""The source of them."""


class StoreSignal(NamedTuple):
    """One number that is out of bounds."""

    signal: str
    """Id of a row of fleet/metrics/store_signals.py."""
    namespace: str
    """Empty for a node."""
    name: str
    """Name of a pod or a claim; of a node its name, or the address at which it is scraped."""
    part: str = ""
    """The container, or the device; empty for the whole."""
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class StoreSignals:
    """All of them in one metrics store: the facts of one source."""

    rows: tuple[StoreSignal, ...] = ()
