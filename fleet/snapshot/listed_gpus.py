"""GPUs that their exporter no longer lists, although it still lists the others of the node.

Seen by comparing what is listed: a GPU that is lost has no row that could show it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from fleet.model.measurement import GpuId

FORGOTTEN: Final = 3600.0
"""Seconds after which a GPU that is missing is no news."""


class ListedGpus:
    """Remembers the GPUs of nodes, from Snapshot to Snapshot."""

    def __init__(self) -> None:
        self._gpus: Mapping[str, GpuId] = {}
        self._missing: dict[str, tuple[float, GpuId]] = {}
        self._found: Mapping[str, tuple[GpuId, ...]] = {}
        self._until = math.inf

    def at(
        self, gpus: Mapping[str, GpuId], listed: Mapping[str, Sequence[str]], now: float
    ) -> Mapping[str, tuple[GpuId, ...]]:
        """Return node → GPUs that went while others stayed: the same object while unchanged."""
        before = self._gpus
        if gpus is before and now < self._until:
            return self._found
        for key in before.keys() - gpus.keys():
            self._missing[key] = now, before[key]
        self._gpus = gpus
        stays = {node for node, keys in listed.items() if any(key in before for key in keys)}
        # A card that is split anew has other parts, and one of another node was moved there.
        moved = {gpu.uuid for gpu in gpus.values()}
        self._missing = {
            key: (at, gpu)
            for key, (at, gpu) in self._missing.items()
            if now - at < FORGOTTEN and gpu.node in stays and not gpu.instance_id and gpu.uuid not in moved
        }
        found: dict[str, list[GpuId]] = {}
        for _, gpu in self._missing.values():
            found.setdefault(gpu.node, []).append(gpu)
        kept = {node: tuple(sorted(missing)) for node, missing in found.items()}
        if kept != self._found:
            self._found = kept
        self._until = min((at + FORGOTTEN for at, _ in self._missing.values()), default=math.inf)
        return self._found
