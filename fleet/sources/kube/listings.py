"""Any resource of a cluster: found by the names that kubectl takes, and listed by the server as a table."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, NamedTuple

from fleet.model.listing import ListedColumn, ListedObject, Listing
from fleet.net.bodies import limits
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import ForbiddenError, KubeError, NotFoundError
from fleet.sources.kube.project.fields import Raw, mapping, mappings, text, texts
from fleet.sources.kube.resources import object_path

_AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
_TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
MOST: Final = 500
"""Objects of one answer: a page that a person can look through, and no more than the server gives readily."""
_NUMBERS: Final = frozenset({"integer", "number"})


class KnownResource(NamedTuple):
    """A resource that the server has."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    names: frozenset[str]
    """Names that kubectl takes for it, in lower case."""

    @property
    def qualified(self) -> str:
        """Name as in `kubectl auth can-i`: ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


class Listings:
    """Resources and their tables, through the client of a source. Every method raises KubeError and KubeconfigError."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._known: tuple[KnownResource, ...] = ()

    async def find(self, name: str) -> KnownResource:
        """The resource that kubectl would take for a name: plural, singular, kind or short name, with or without group.

        Raises NotFoundError for none. The server is asked once for what it has, and again for what was not there.
        """
        name = name.lower()
        found = self._among(name)
        if found is None:
            self._known = tuple([known async for known in self._discover()])
            found = self._among(name)
        if found is None:
            raise NotFoundError(f"this server has no resource {name!r}")
        return found

    async def listing(self, name: str, namespace: str = "") -> Listing:
        """The objects of a resource in a namespace (empty: all), with the columns of the server.

        Raises ForbiddenError for Secrets without asking the server: no screen shows one.
        """
        resource = await self.find(name)
        if resource.kind == "Secret":
            raise ForbiddenError("secrets are never read", reason="Secret", remedy="Use kubectl, knowingly.")
        path = object_path(resource.group, resource.version, resource.plural, namespace if resource.namespaced else "")
        query = {"limit": str(MOST), "includeObject": "Metadata"}
        answer = await self._client.get(path, query, accept=_TABLE, limit=limits().kubernetes_list)
        document = answer.json()
        if not isinstance(document, dict):
            raise KubeError(f"the server's answer for the list of {resource.qualified} is not an object")
        return _read(document, resource)

    def _among(self, name: str) -> KnownResource | None:
        # Built-in kinds are before what others have added under the same name.
        return next((known for known in self._known if name in known.names), None)

    async def _discover(self) -> AsyncIterator[KnownResource]:
        for path in ("/api", "/apis"):
            document = (await self._client.get(path, accept=_AGGREGATED, limit=limits().kubernetes_list)).json()
            for group in mappings(document if isinstance(document, dict) else {}, "items"):
                for known in _resources(group):
                    yield known


def _resources(group: Raw) -> Iterator[KnownResource]:
    name, seen = text(mapping(group, "metadata"), "name"), set()
    # The server puts the version that it prefers first.
    for version in mappings(group, "versions"):
        for resource in mappings(version, "resources"):
            plural, kind = text(resource, "resource"), text(mapping(resource, "responseKind"), "kind")
            if plural in seen or "list" not in texts(resource, "verbs"):
                continue
            seen.add(plural)
            own = {plural, text(resource, "singularResource"), kind, *texts(resource, "shortNames")} - {""}
            names = {one.lower() for one in own}
            names |= {f"{one}.{name}" for one in names} if name else set()
            namespaced = resource.get("scope") != "Cluster"
            yield KnownResource(name, text(version, "version"), plural, kind, namespaced, frozenset(names))


def _read(document: Raw, resource: KnownResource) -> Listing:
    """A Table; of a server that makes none (an old extension) the names of the objects."""
    metadata = mapping(document, "metadata")
    more = metadata.get("remainingItemCount")
    left = int(more) if isinstance(more, int) else -1 if text(metadata, "continue") else 0
    if text(document, "kind") != "Table":
        objects = tuple(_row(raw, (text(mapping(raw, "metadata"), "name"),)) for raw in mappings(document, "items"))
        return Listing(resource.kind, resource.qualified, resource.namespaced, (ListedColumn("Name"),), objects, left)
    columns = tuple(
        ListedColumn(text(raw, "name"), text(raw, "type") in _NUMBERS, raw.get("priority", 0) != 0)
        for raw in mappings(document, "columnDefinitions")
    )
    rows = tuple(
        _row(mapping(raw, "object"), tuple(_cell(value) for value in _list(raw.get("cells"))))
        for raw in mappings(document, "rows")
    )
    return Listing(resource.kind, resource.qualified, resource.namespaced, columns, rows, left)


def _row(raw: Raw, cells: tuple[str, ...]) -> ListedObject:
    metadata = mapping(raw, "metadata")
    return ListedObject(text(metadata, "namespace"), text(metadata, "name"), cells)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _cell(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
