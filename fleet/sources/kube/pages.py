"""One consistent list, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

from fleet.net.bodies import limits
from fleet.sources.kube.answers import decode
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import ExpiredError, KubeError, NotKubernetesError
from fleet.sources.kube.project.fields import integer, mapping, text
from fleet.sources.kube.resources import Resource

_BAD_TOKEN = 400
"""HTTP status for a continue token that the server does not take: it is not its own, or was changed on the way."""


class Page(NamedTuple):
    """Some objects of a list."""

    items: list[Any]
    """As they came. Whoever reads them may take them out one by one, so that each can go once it is read."""
    version: str
    """The resourceVersion of the whole list."""
    remaining: int
    """Objects behind this page, as far as the server says; 0 for the last page, and where it does not."""


class Pages:
    """The pages of the objects of one resource in one scope; ``whole`` asks for all in one answer."""

    def __init__(self, client: KubeClient, resource: Resource[Any], scope: str, *, whole: bool = False) -> None:
        self._client = client
        self._name = resource.name
        self._path = resource.path(scope)
        self._query = {} if whole else {"limit": str(resource.page)}

    async def __aiter__(self) -> AsyncIterator[Page]:
        """Raises KubeError and KubeconfigError; NotKubernetesError for what is no list, or has no end."""
        while True:
            answer = await self._client.get(self._path, self._query, limit=limits().kubernetes_list)
            page, token = self._read(decode(answer.body))
            # The text is as large as what is made of it: it goes before that is looked at.
            del answer
            found = len(page.items)
            yield page
            if not token:
                return
            if token == self._query.get("continue") or not found:
                raise NotKubernetesError(f"the list of {self._name} does not end: its pages go nowhere")
            self._query["continue"] = token

    def torn_by(self, error: KubeError) -> bool:
        """Whether an error says that the server has given up the list in the middle."""
        given_up = isinstance(error, ExpiredError) or error.status == _BAD_TOKEN
        return "continue" in self._query and given_up

    def _read(self, document: Any) -> tuple[Page, str]:
        """A page, and the token of the next; empty for none."""
        items = (document.get("items") or []) if isinstance(document, Mapping) else None
        if not isinstance(items, list):
            raise NotKubernetesError(f"the answer to a list of {self._name} is not a list")
        metadata = mapping(document, "metadata")
        version = text(metadata, "resourceVersion")
        if not version:
            raise NotKubernetesError(f"the list of {self._name} has no resourceVersion")
        remaining = max(integer(metadata, "remainingItemCount"), 0)
        return Page(items, version, remaining), text(metadata, "continue")
