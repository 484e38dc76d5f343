"""Mutations of an Alertmanager, sent to its own API or through the API server's proxy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from actions.planning.plan import Mutation
from actions.running.execution_context import MutationResult
from actions.running.writer import Writer
from fleet.guard import Guard
from fleet.model.problem import SourceProblem
from fleet.sources.alerts.api import JsonApi
from fleet.sources.kube.errors import KubeError, UnreachableError
from fleet.sources.prometheus.products import ALERTMANAGER
from fleet.sources.prometheus.transport import PrometheusEndpoint

_API = "/api/v2/"
"""Part of the path of every request to an Alertmanager, and of none to Kubernetes itself."""


class AlertingWriter:
    """A Sender: a mutation with a URL goes to that Alertmanager, and one with a path to the API server.

    ``known`` are the configured Alertmanagers with their credentials; a discovered one is sent none. ``refresh`` is
    called after each mutation of one: an Alertmanager is polled, and would otherwise show the change at the next poll.
    """

    def __init__(
        self,
        writer: Writer,
        known: Sequence[PrometheusEndpoint],
        guard: Guard,
        refresh: Callable[[], None] = lambda: None,
    ) -> None:
        self._writer = writer
        self._known = {endpoint.base: endpoint for endpoint in known}
        self._guard = guard
        self._refresh = refresh

    def send(self, mutation: Mutation) -> Coroutine[Any, Any, MutationResult]:
        """Send the mutation once, never twice. Raises ClusterError."""
        # Not a coroutine itself: a mutation of the API server needs no extra await.
        return self._change(mutation) if _API in mutation.path else self._writer.send(mutation)

    async def close(self) -> None:
        """Close the connections."""
        await self._writer.close()

    async def _change(self, mutation: Mutation) -> MutationResult:
        direct = "://" in mutation.path
        answer = await (asyncio.to_thread(self._send, mutation) if direct else self._writer.send(mutation))
        self._refresh()
        return answer

    def _send(self, mutation: Mutation) -> MutationResult:
        base, _, rest = mutation.path.partition(_API)
        api = JsonApi(self._known.get(base) or PrometheusEndpoint(base, product=ALERTMANAGER), self._guard)
        try:
            answer = api.send(mutation.method, f"{_API}{rest}", mutation.body)
        except SourceProblem as problem:
            # A refusal is an answer, so nothing was changed; a broken connection may have delivered the request.
            kind = KubeError if problem.__cause__ is None else UnreachableError
            raise kind(problem.message, remedy=problem.remedy) from problem
        finally:
            api.close()
        return MutationResult(answer if isinstance(answer, dict) else {}, {"status": 200})
