"""Namespaces to read one by one, if reading all at once is forbidden."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from fleet.json_fields import mapping, mappings, text
from fleet.net.bodies import limits
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import ClusterError, ForbiddenError


class Scopes:
    """The namespaces that are or were selected; if all are, those that the server lists, else ``fallback``.

    ``fresh`` is how long an answer of the server is used, in seconds.
    """

    def __init__(self, client: KubeClient, namespace: str, fallback: Sequence[str], fresh: float) -> None:
        self._client = client
        self._namespace = namespace
        self._visited = dict.fromkeys(filter(None, [namespace]))
        """Namespaces selected so far: their rows are kept, so that nothing is lost by going back."""
        self._fallback = tuple(dict.fromkeys(fallback))
        self._fresh = fresh
        self._listed: tuple[float, tuple[str, ...]] = (float("-inf"), ())
        self._asking = asyncio.Lock()

    def select_namespace(self, namespace: str) -> None:
        """Select another namespace (empty: all)."""
        self._namespace = namespace
        if namespace:
            self._visited[namespace] = None

    async def readable(self) -> Sequence[str]:
        """Return the namespaces to read one by one: those that are or were selected; if all are, those that the server
        lists, else the configured ones. The server is queried once a minute.
        """
        if self._namespace:
            return tuple(self._visited)
        return tuple(dict.fromkeys([*self._visited, *await self._every_namespace()]))

    async def _every_namespace(self) -> Sequence[str]:
        async with self._asking:
            asked, scopes = self._listed
            if time.monotonic() - asked < self._fresh:
                return scopes
            try:
                answer = await self._client.get("/api/v1/namespaces", limit=limits().kubernetes_list)
                listed = [text(mapping(raw, "metadata"), "name") for raw in mappings(answer.json(), "items")]
                scopes = tuple(filter(None, listed)) or self._fallback
            except ForbiddenError:
                scopes = self._fallback
            except ClusterError:
                scopes = scopes or self._fallback
            self._listed = (time.monotonic(), scopes)
            return scopes
