"""Assembly of a session from the settings."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from console.config.settings import Settings
from console.session.cluster_session import ObservingSession
from fleet.imports import imported

if TYPE_CHECKING:
    from pathlib import Path

    from actions.running.runner import Runner
    from console.session.bridge import Bridge
    from console.session.connection import Connection, Newest, OnActionChange, PastConnection
    from console.session.context_facts import ContextFacts
    from console.session.local.protocol import OnServersChange
    from console.session.local.servers import LocalServerSession
    from console.session.local.watcher import SharedWatcher
    from console.wiring.demo import Starting
    from console.wiring.memory import Memory
    from fleet.model.objects import ClusterId
    from fleet.model.snapshot import Cluster
    from fleet.observer import Observer


def session_of(
    settings: Settings,
    here: Settings | None = None,
    environ: Mapping[str, str] = os.environ,
    fleet: Starting | None = None,
    record: Path | None = None,
) -> ObservingSession:
    """Return a session. ``here``: the settings for actions on this machine, if they differ.

    ``fleet``: the simulated one that the settings address, which may still be starting. ``record``: a file to record
    observations to.
    """
    cluster, elsewhere = settings.cluster, here or settings
    if fleet is None:
        wiring = SettingsWiring(settings, elsewhere, environ, record)
    else:
        wiring = SimulatedWiring(settings, elsewhere, environ, fleet, record)
    return ObservingSession(wiring, cluster.context, cluster.namespace)


class SettingsWiring:
    """Implements console.session.connection.Wiring. Everything heavy is imported where it is first needed."""

    def __init__(
        self, settings: Settings, here: Settings, environ: Mapping[str, str], record: Path | None = None
    ) -> None:
        self._settings = settings
        self._record = record
        self._is_bounded = False
        """True if ``record`` is limited as the continuous recordings are."""
        self._memory: Memory | None = None
        self._here = here
        self._environ = environ
        self._watcher: SharedWatcher | None = None

    async def ready(self) -> None:
        """Wait until the imports are done; not for the fleet itself."""
        imported("console.wiring.connections")

    def connect(self, context: str, namespace: str) -> Connection:
        from console.wiring.connections import connect
        from console.wiring.memory import Memory
        from fleet.net.early_requests import EarlyRequests

        # The HTTP client already exists when another cluster is selected later.
        early = EarlyRequests() if self._memory is None else None
        # The history of a cluster is available again when it is selected again.
        self._memory = self._memory or Memory(
            self._settings.recorder, self._environ, self._record, is_bounded=self._is_bounded
        )
        memory = self._memory
        return connect(self._settings, context, namespace, self._environ, self._servers, memory, early, self._here)

    def past(self, cluster: ClusterId, namespace: str, at: float) -> PastConnection:
        from console.session.failure import SessionError
        from console.wiring.memory import recording_of
        from console.wiring.past import connect_past

        path = recording_of(self._settings.recorder, self._environ, self._record, cluster)
        if path is None:
            raise SessionError("nothing of this cluster is recorded", "recorder.enabled = true records it.")
        if not path.exists():
            raise SessionError(f"there is no recording of {cluster.context} yet", ":sources shows what is recorded.")
        return connect_past(path, at, namespace, self.keep)

    def contexts(self) -> tuple[str, ...]:
        from console.wiring.contexts import every_context

        return every_context(self._settings)

    def about_contexts(self) -> Mapping[str, ContextFacts]:
        from console.wiring.contexts import about_contexts

        return about_contexts(self._settings)

    def leads_somewhere(self, context: str) -> bool:
        from console.wiring.contexts import leads_somewhere

        return leads_somewhere(self._settings, context)

    def check(self, context: str) -> None:
        from console.wiring.contexts import is_machine
        from fleet.sources.kube.kubeconfig import load_access

        if not is_machine(self._settings, context, self._environ):
            load_access(self._settings.cluster.kubeconfig or None, context, self._environ)

    def audit(self, *, local: bool) -> Path:
        from console.wiring.audit_folder import audit_folder

        return audit_folder(self._here if local else self._settings, self._environ)

    def local_servers(self, bridge: Bridge, looked: OnServersChange, in_view: Callable[[], bool]) -> LocalServerSession:
        from console.session.local.servers import LocalServerSession

        servers = self._servers()

        def observer() -> Observer:
            from console.wiring import sources
            from fleet.local.source import LocalSource

            return sources.observer(self._settings, LocalSource(servers), time.time(), self._environ)

        return LocalServerSession(self._settings, self._environ, bridge, servers, observer, looked, in_view)

    def local_runner(self, newest: Newest, note_reading: Callable[[int, int], None], changed: OnActionChange) -> Runner:
        from console.wiring.local_actions import local_runner

        return local_runner(self._here, self._environ, self._servers(), changed, newest, note_reading)

    async def local_identity(self) -> Cluster:
        from console.wiring.local_actions import this_machine

        return this_machine()

    def keep(self, error: Exception) -> str:
        from console.report.crash import keep

        return keep(error, sys.argv[1:])

    async def close(self) -> None:
        if self._watcher is not None:
            await self._watcher.close()

    def _servers(self) -> SharedWatcher:
        """One watcher for all who look at the servers on this machine."""
        from console.session.local.watcher import SharedWatcher

        if self._watcher is None:
            self._watcher = SharedWatcher(self._settings, self._environ)
        return self._watcher


class SimulatedWiring(SettingsWiring):
    """The way to a simulated fleet that may be starting still. One that does not start is a cluster out of reach."""

    def __init__(
        self,
        settings: Settings,
        here: Settings,
        environ: Mapping[str, str],
        fleet: Starting,
        record: Path | None = None,
    ) -> None:
        # Its past goes with it.
        super().__init__(settings, here, environ, record or fleet.folder / "recording.qdr")
        self._is_bounded = record is None
        self._fleet = fleet

    async def ready(self) -> None:
        from console.wiring.demo import DemoError

        await super().ready()
        # The Connection says why there is none.
        with suppress(DemoError):
            await self._fleet.ready()

    def connect(self, context: str, namespace: str) -> Connection:
        from console.wiring.connections import unreachable
        from console.wiring.contexts import is_machine
        from fleet.sources.kube.errors import KubeconfigError

        error = self._fleet.error
        if error is None or is_machine(self._settings, context, self._environ):
            return super().connect(context, namespace)
        remedy = "Quit, and correct the command line." if error.usage else "Quit, and start the demo again."
        return unreachable(self._settings, KubeconfigError(str(error), remedy), context, namespace, self._environ)
