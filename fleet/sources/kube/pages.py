"""One consistent list, page by page."""

from __future__ import annotations

from typing import Any, NamedTuple

from fleet.json_fields import integer, mapping, text
from fleet.net.bodies import limits
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import ExpiredError, KubeError, NotKubernetesError
from fleet.sources.kube.managed_fields import without_managed_fields
from fleet.sources.kube.resources import Resource
from fleet.sources.kube.responses import decode

_BAD_TOKEN = 400
"""HTTP status for a continue token that the server does not take: it is not its own, or was changed on the way."""


class ListPage(NamedTuple):
    """Some objects of a list."""

    items: list[Any]
    """Decoded items. The reader may pop them one by one, so that each can be freed once it is read."""
    version: str
    """The resourceVersion of the whole list."""
    remaining: int
    """Number of objects after this page, if the server reports it; 0 for the last page, and if it does not."""


class ListPages:
    """The pages of one resource's objects in one scope; ``whole`` requests them in one answer.

    Each is fetched, and then read: a page can be freed before the next arrives.
    """

    def __init__(self, client: KubeClient, resource: Resource[Any], scope: str, *, whole: bool = False) -> None:
        self.complete = False
        """True once the last page was read."""
        self._client = client
        self._name = resource.name
        self._shortened = not resource.optional and not resource.writers
        """True if managedFields are removed: the server serialises these objects by their Go type, which custom
        resources lack, and no row keeps a writer.
        """
        self._path = resource.path(scope)
        self._then = {} if whole else {"limit": str(resource.page)}
        self._query = {} if whole else {"limit": str(resource.first or resource.page)}

    async def fetch(self) -> bytes:
        """The next page as it comes. Raises ClusterError."""
        return (await self._client.get(self._path, self._query, limit=limits().kubernetes_list)).body

    def read(self, body: bytes) -> ListPage:
        """Decode a fetched page. Raises NotKubernetesError if it is not a list, or the list has no end."""
        document = decode(without_managed_fields(body) if self._shortened else body)
        items = (document.get("items") or []) if isinstance(document, dict) else None
        if not isinstance(items, list):
            raise NotKubernetesError(f"the answer to a list of {self._name} is not a list")
        metadata = mapping(document, "metadata")
        version, token = text(metadata, "resourceVersion"), text(metadata, "continue")
        if not version:
            raise NotKubernetesError(f"the list of {self._name} has no resourceVersion")
        if token and (token == self._query.get("continue") or not items):
            raise NotKubernetesError(f"the list of {self._name} does not end: its pages repeat")
        self.complete = not token
        if token:
            self._query = self._then | {"continue": token}
        return ListPage(items, version, max(integer(metadata, "remainingItemCount"), 0))

    def torn_by(self, error: KubeError) -> bool:
        """True if an error means that the server has expired the list before its end."""
        given_up = isinstance(error, ExpiredError) or error.status == _BAD_TOKEN
        return "continue" in self._query and given_up
