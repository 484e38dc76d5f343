"""Alertmanager as a source: the alerts it received, who is notified of them, and the silences (its v2 API)."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from fleet.guard import Guard, reads_only
from fleet.model.alerts import Notified
from fleet.model.problem import SourceProblem
from fleet.sources.alerts.api import JsonApi
from fleet.sources.alerts.decode import AlertReader, Plain
from fleet.sources.polling import PollingSource
from fleet.workers import Workers

if TYPE_CHECKING:
    from fleet.sources.prometheus.transport import PrometheusEndpoint

T = TypeVar("T")

EVERY = 10.0
"""Seconds between polls: Prometheus resends its alerts every minute, and changes at once."""
_NAMED = 5
"""Clusters that a note names."""
FORGOTTEN = 3
"""Consecutive failures after which a discovered one is searched again."""


class DiscoveredAlertmanager(NamedTuple):
    """The endpoint to poll, and notes for the user about how it was found."""

    endpoint: PrometheusEndpoint
    notes: tuple[str, ...] = ()


class Finds(Protocol):
    """Finder of an endpoint. Raises NothingToAskError if there is none."""

    def __call__(self) -> Awaitable[DiscoveredAlertmanager]: ...


class FollowsApi(PollingSource[T]):
    """A source whose endpoint is discovered at the first poll, and again after failures."""

    def __init__(
        self,
        name: str,
        find: Finds,
        *,
        plain: Plain,
        within: tuple[str, str] = ("", ""),
        every: float = EVERY,
        expected: bool = False,
        guard: Guard = reads_only,
    ) -> None:
        super().__init__(name, every=every, expected=expected)
        self._find = find
        self._plain = plain
        self._within = within
        self._guard = guard
        self._worker = Workers(1, name)
        self._api: JsonApi | None = None
        self._found: tuple[str, ...] = ()
        self._failures = 0

    @abstractmethod
    def read(self, api: JsonApi, reader: AlertReader) -> T:
        """Read everything, on a thread that may block. Raises SourceProblem."""

    async def ask(self) -> T:
        api = await self._opened()
        reader, before = AlertReader(self._plain, self._within), api.sent
        try:
            value = await self._aside(lambda: self.read(api, reader))
        except SourceProblem:
            self._failures += 1
            if self._failures >= FORGOTTEN:
                await self._forget()
            raise
        self._failures = 0
        self.requests = api.sent - before
        left_out = ", ".join(f"{count} {what}" for what, count in sorted(reader.left_out.items()))
        cut = (f"too many alerts: {left_out} are left out",) if left_out else ()
        self.notes = (*self._found, *reader.remarks, *cut, *self._mixed(reader))
        return value

    def _mixed(self, reader: AlertReader) -> tuple[str, ...]:
        label, wanted = self._within
        if wanted or len(reader.clusters) < 2:
            return ()
        some = ", ".join(sorted(reader.clusters)[:_NAMED])
        of = f"it has alerts of {len(reader.clusters)} clusters ({some}), which may be mixed up here"
        return (f'{of}: name yours in the configuration: [prometheus] cluster = "NAME" (label {label})',)

    async def disconnect(self) -> None:
        await self._forget()
        self._worker.shutdown(cancel_futures=True)

    async def _opened(self) -> JsonApi:
        if self._api is None:
            found = await self._find()
            self._api, self._found = JsonApi(found.endpoint, self._guard), found.notes
            self.endpoint, self._failures = found.endpoint.shown, 0
        return self._api

    async def _forget(self) -> None:
        api, self._api = self._api, None
        if api is not None:
            api.close()

    async def _aside(self, do: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, do)


class AlertmanagerSource(FollowsApi[Notified]):
    """One Alertmanager."""

    def read(self, api: JsonApi, reader: AlertReader) -> Notified:
        # All of them, including those that notify nobody: the reason is shown.
        alerts = api.get("/api/v2/alerts")
        silences = api.get("/api/v2/silences")
        if not isinstance(alerts, list) or not isinstance(silences, list):
            problem = f"{api.endpoint.shown} does not answer as an Alertmanager would"
            raise SourceProblem(problem, "is it another product? Give its URL without /api/v2")
        return Notified(reader.notified(alerts), reader.silences(silences))
