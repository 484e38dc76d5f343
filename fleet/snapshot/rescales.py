"""Scale changes made by autoscalers, as observed: their events may be missing or unreadable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fleet.model.before import Rescaled
from fleet.model.objects import HorizontalPodAutoscaler
from fleet.snapshot.topology import Topology

FORGOTTEN: Final = 1800.0
"""Seconds after which a scale change is forgotten."""


class Rescales:
    """Remembers the sizes that autoscalers set, by comparing structures."""

    def __init__(self) -> None:
        self._before: Mapping[str, HorizontalPodAutoscaler] = {}
        self._found: Mapping[str, tuple[Rescaled, ...]] = {}

    def at(self, topology: Topology, now: float) -> Mapping[str, tuple[Rescaled, ...]]:
        """Return workload key → its recent scale changes, oldest first: the same object until there is a new one."""
        before, scalers = self._before, topology.autoscalers
        if scalers is before and all(now - gone[0].at <= FORGOTTEN for gone in self._found.values()):
            return self._found
        found = {
            key: tuple(one for one in changes if now - one.at <= FORGOTTEN)
            for key, changes in self._found.items()
            if key in scalers
        }
        for key, scaler in scalers.items():
            was = before.get(key)
            if was is not None and was is not scaler and was.desired != scaler.desired:
                found[key] = (*found.get(key, ()), Rescaled(now, scaler.desired))
        self._before = scalers
        found = {key: changes for key, changes in found.items() if changes}
        if found != self._found:
            self._found = found
        return self._found
