"""Routes to the Services of a cluster: listed periodically, if they exist and may be listed.

The permission is optional, and so are the resources: missing ones are a note of this source, and unknown to the
diagnosis. Secrets are named by these objects, and never read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from fleet.json_fields import mapping, text
from fleet.model.problem import NothingToAskError, SourceProblem
from fleet.model.routes import Routing, Unlisted
from fleet.model.snapshot import ROUTING
from fleet.net.decoding import collector_paused
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import ClusterError, ForbiddenError, NotFoundError
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.pages import ListPages
from fleet.sources.kube.project.routes import (
    project_certificate,
    project_gateway,
    project_http_route,
    project_ingress,
    project_network_policy,
    project_pool,
)
from fleet.sources.kube.resources import Resource
from fleet.sources.polling import PollingSource

EVERY: Final = 30.0
"""Seconds between two lists: people change these objects a few times a day."""
ASKED_AGAIN: Final = 300.0
"""Seconds after which it is asked again for what the server did not have, or did not let be listed."""
NAMESPACES: Final = 16
"""Namespaces that are listed one by one where all at once is forbidden."""
_LOST: Final = "whether requests reach the engines"

_NETWORKING, _GATEWAYS = "networking.k8s.io", "gateway.networking.k8s.io"
RESOURCES: Final[tuple[tuple[str, Resource[Any]], ...]] = (
    ("routes", Resource("ingresses", _NETWORKING, "v1", "Ingress", project_ingress, _LOST)),
    ("policies", Resource("networkpolicies", _NETWORKING, "v1", "NetworkPolicy", project_network_policy, _LOST)),
    ("routes", Resource("httproutes", _GATEWAYS, "v1", "HTTPRoute", project_http_route, _LOST, optional=True)),
    ("gateways", Resource("gateways", _GATEWAYS, "v1", "Gateway", project_gateway, _LOST, optional=True)),
    (
        "pools",
        Resource(
            "inferencepools", "inference.networking.k8s.io", "v1", "InferencePool", project_pool, _LOST, optional=True
        ),
    ),
    (
        "certificates",
        Resource(
            "certificates",
            "cert-manager.io",
            "v1",
            "Certificate",
            project_certificate,
            "when certificates expire",
            optional=True,
        ),
    ),
)
"""Field of ``Routing`` → the resource listed for it."""


class RoutingSource(PollingSource[Routing]):
    """Lists them in all namespaces; if that is forbidden, in those that ``namespaces`` returns."""

    def __init__(self, client: KubeClient, namespaces: Callable[[], Iterable[str]], every: float = EVERY) -> None:
        super().__init__(ROUTING, every=every, expected=False)
        self._client = client
        self._namespaces = namespaces
        self._interner = Interner()
        self._later: dict[tuple[str, str], float] = {}
        """(Resource, namespace) → Unix time of the next attempt to list it."""
        self._absent: dict[str, float] = {}
        """API group or resource that the server did not have → Unix time of the next attempt."""
        self._served: set[str] = set()

    async def ask(self) -> Routing:
        before = self._client.requests
        namespaces = sorted(set(self._namespaces()))
        if not namespaces:
            # Without a request there is no answer: an unreachable API server must not look reachable.
            raise NothingToAskError("no engine is known that requests could be routed to")
        found: dict[str, list[Any]] = {name: [] for name, _ in RESOURCES}
        unlisted: list[Unlisted] = []
        try:
            for name, resource in RESOURCES:
                if not await self._is_served(resource):
                    continue
                rows, refused = await self._listed(resource, namespaces)
                found[name] += rows
                unlisted += [Unlisted(resource.qualified, namespace) for namespace in refused]
        except ClusterError as error:
            raise SourceProblem(error.message, error.remedy) from error
        self.requests = self._client.requests - before
        named = ", ".join(dict.fromkeys(one.resource for one in unlisted))
        self.notes = (f"may not be listed, so not known: {named}",) if named else ()
        sorted_rows = {name: tuple(sorted(rows, key=lambda row: str(row.key))) for name, rows in found.items()}
        return Routing(**sorted_rows, unlisted=tuple(unlisted))

    async def _is_served(self, resource: Resource[Any]) -> bool:
        """True if the server has a custom resource. A list would not tell: an absent resource is mostly forbidden,
        too.
        """
        if self._clock() < self._absent.get(resource.qualified, 0.0):
            return False
        if not resource.optional or resource.group in self._served:
            return True
        if self._clock() < self._absent.get(resource.group, 0.0):
            return False
        try:
            await self._client.get(f"/apis/{resource.group}/{resource.version}")
        except (NotFoundError, ForbiddenError):
            self._absent[resource.group] = self._clock() + ASKED_AGAIN
            return False
        self._served.add(resource.group)
        return True

    async def _listed(self, resource: Resource[Any], namespaces: list[str]) -> tuple[list[Any], list[str]]:
        """The rows, and the namespaces in which they may not be listed."""
        rows = await self._rows(resource, "")
        if rows is not None:
            return rows, []
        found: list[Any] = []
        refused = namespaces[NAMESPACES:]
        for namespace in namespaces[:NAMESPACES]:
            rows = await self._rows(resource, namespace)
            found += rows or []
            refused += [namespace] if rows is None else []
        return found, refused

    async def _rows(self, resource: Resource[Any], namespace: str) -> list[Any] | None:
        """The rows of a namespace (empty: of all); None where they may not be listed."""
        place = (resource.qualified, namespace)
        if self._clock() < self._later.get(place, 0.0):
            return None
        found: list[Any] = []
        pages = ListPages(self._client, resource, namespace)
        try:
            while not pages.complete:
                body = await pages.fetch()
                with collector_paused():
                    items = pages.read(body).items
                    found += [
                        resource.project(raw, self._interner)
                        for raw in items
                        if isinstance(raw, dict) and text(mapping(raw, "metadata"), "name")
                    ]
        except ForbiddenError:
            self._later[place] = self._clock() + ASKED_AGAIN
            return None
        except NotFoundError:
            # The definition is gone, or the group only has other resources.
            self._absent[resource.qualified] = self._clock() + ASKED_AGAIN
            return []
        return found
