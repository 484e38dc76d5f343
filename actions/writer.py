"""The one way out for what changes something in a cluster."""

from __future__ import annotations

from typing import Any

from actions.plan import Mutation
from fleet.sources.kube.client import KubeClient, Response


class Writer:
    """Sends mutations through a client of its own: the clients that observe let nothing but reads through."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def send(self, mutation: Mutation) -> Response:
        """Send it once; it is never repeated. Raises KubeError and KubeconfigError."""
        return await self._client.send(
            mutation.method,
            mutation.path,
            mutation.query,
            body=mutation.body,
            content_type=mutation.content_type,
        )

    async def dry_run(self, mutation: Mutation) -> dict[str, Any]:
        """What the server would answer; it keeps nothing. Raises KubeError for what it would refuse."""
        document = (await self.send(mutation.dry())).json()
        return document if isinstance(document, dict) else {}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
