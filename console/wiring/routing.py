"""The source of routes to engines, according to the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fleet.sources.kube.routing import RoutingSource
from fleet.sources.kube.source import KubernetesSource

if TYPE_CHECKING:
    from console.wiring.facts import InView


def routing(in_view: InView) -> Iterator[RoutingSource]:
    """The routing source of the selected cluster; none if it is disabled."""
    objects = in_view.objects
    if not in_view.settings.diagnosis.routing or not isinstance(objects, KubernetesSource):
        return

    def namespaces() -> set[str]:
        return {pod.namespace for pod in objects.state().pods.values() if pod.serving.engine}

    yield RoutingSource(objects.client, namespaces)
