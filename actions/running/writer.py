"""The only way out for changes to a cluster."""

from __future__ import annotations

from typing import Any

from actions.planning.plan import Mutation
from actions.running.execution_context import MutationResult
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.responses import Response


def answer_of(response: Response) -> MutationResult:
    """Return the object in the API server's answer, and the request's identification in the server's own audit log and
    history.
    """
    found = response.json()
    document = found if isinstance(found, dict) else {}
    metadata = document.get("metadata") or {}
    record = {
        "status": response.status,
        "audit_id": response.headers.get("Audit-Id", ""),
        "warning": response.headers.get("Warning", ""),
        "uid": metadata.get("uid", ""),
        "resource_version": metadata.get("resourceVersion", ""),
    }
    return MutationResult(document, record)


class Writer:
    """Sends mutations through its own client: the observing clients only allow reads."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def send(self, mutation: Mutation) -> MutationResult:
        """Send the mutation once, never twice. Raises ClusterError."""
        return answer_of(
            await self._client.send(
                mutation.method,
                mutation.path,
                mutation.query,
                body=mutation.body,
                content_type=mutation.content_type,
            )
        )

    async def dry_run(self, mutation: Mutation) -> dict[str, Any]:
        """Return the server's answer; it stores nothing. Raises KubeError if the change would be rejected."""
        return (await self.send(mutation.dry())).document

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
