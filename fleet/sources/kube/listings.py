"""Any resource of a cluster: found by the names that kubectl accepts, and listed by the server as a table."""

from __future__ import annotations

from typing import Final

from fleet.json_fields import Raw, as_list, mapping, mappings, text
from fleet.model.listing import ListedColumn, ListedObject, Listing
from fleet.net.bodies import limits
from fleet.sources.kube.api_resources import ApiResources, KnownResource
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import ForbiddenError, KubeError

_TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
MOST: Final = 500
"""Objects of one answer: a page that a person can look through, and no more than the server gives readily."""
_NUMBERS: Final = frozenset({"integer", "number"})


class Listings:
    """Resources and their tables, through the client of a source. Every method raises ClusterError."""

    def __init__(self, client: KubeClient, resources: ApiResources) -> None:
        self._client = client
        self._resources = resources

    async def find(self, name: str) -> KnownResource:
        """The resource of a name that kubectl takes. Raises NotFoundError for none."""
        return await self._resources.named(name)

    async def listing(self, name: str, namespace: str = "") -> Listing:
        """The objects of a resource in a namespace (empty: all), with the columns of the server.

        Raises ForbiddenError for Secrets without asking the server (no screen shows one), and KubeError.
        """
        resource = await self.find(name)
        if resource.kind == "Secret":
            raise ForbiddenError(
                "secrets are never read", reason="Secret", remedy="Use kubectl if you really need them."
            )
        query = {"limit": str(MOST), "includeObject": "Metadata"}
        answer = await self._client.get(resource.path(namespace), query, accept=_TABLE, limit=limits().kubernetes_list)
        document = answer.json()
        if not isinstance(document, dict):
            raise KubeError(f"the server's answer for the list of {resource.qualified} is not an object")
        return _read(document, resource)


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
        _row(mapping(raw, "object"), tuple(_cell(value) for value in as_list(raw.get("cells"))))
        for raw in mappings(document, "rows")
    )
    return Listing(resource.kind, resource.qualified, resource.namespaced, columns, rows, left)


def _row(raw: Raw, cells: tuple[str, ...]) -> ListedObject:
    metadata = mapping(raw, "metadata")
    return ListedObject(text(metadata, "namespace"), text(metadata, "name"), cells)


def _cell(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
