"""The further sources of facts, from the settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias, cast

from console.config import sources as registry
from console.config.settings import Settings
from fleet.dataclass import dataclass
from fleet.sources.kube.no_cluster import AbsentKubernetes
from fleet.sources.kube.source import KubernetesSource
from fleet.sources.protocol import FactSource, MetricsSource

if TYPE_CHECKING:
    from fleet.local.source import LocalSource

Source: TypeAlias = "KubernetesSource | AbsentKubernetes | LocalSource"
"""A selected cluster, the placeholder for one that cannot be addressed, or this machine."""


@dataclass(frozen=True, slots=True)
class InView:
    """The selected cluster or machine, from which a further source may be made."""

    settings: Settings
    """The settings that hold in its context; a table that the source declares itself is ``settings.of(Table)``."""
    environ: Mapping[str, str]
    objects: Source
    """The source of its objects: who watches a cluster through its API server asks ``objects.client``."""
    metrics: MetricsSource
    """The source of its metrics: who asks the same Prometheus gets it from ``metrics.store``."""
    now: float
    """Unix time."""

    @property
    def is_machine(self) -> bool:
        """True if it is this machine, and no cluster."""
        return not isinstance(self.objects, KubernetesSource | AbsentKubernetes)


MakesSources: TypeAlias = Callable[[InView], Iterable[FactSource]]
"""Makes the sources of one kind: as many as the settings name, none where it has no use."""


async def fact_sources(in_view: InView) -> list[FactSource]:
    """Make the sources of every kind. Modules are imported on a thread, so that the event loop continues."""
    makers = await asyncio.to_thread(lambda: [registry.named_by(entry.make) for entry in registry.SOURCES])
    return [source for make in makers for source in cast("MakesSources", make)(in_view)]
