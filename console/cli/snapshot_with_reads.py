"""One Snapshot, and further reads while its sources are open, for a command that explains and ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from console.cli.dispatch import Invocation
from console.cli.progress import waiting_for, with_progress
from fleet.model.snapshot import Snapshot

if TYPE_CHECKING:
    from console.session.local.watcher import SharedWatcher
    from console.session.reader import ObjectReader


async def look(
    invocation: Invocation, then: Callable[[Snapshot, ObjectReader], Awaitable[None]], *, looks_back: bool = False
) -> Snapshot:
    """Return a Snapshot of the selected context; ``then`` runs with it and a reader before the sources are closed.

    ``looks_back``: include a source's last quarter of an hour.
    """
    from console.session.local.watcher import SharedWatcher
    from console.wiring.connections import connect
    from console.wiring.memory import Memory

    settings, opened = invocation.load().settings, list[SharedWatcher]()
    cluster, environ = settings.cluster, invocation.environ

    def servers() -> SharedWatcher:
        opened.append(SharedWatcher(settings, environ))
        return opened[-1]

    # A single look is not worth recording.
    memory = Memory(replace(settings.recorder, enabled=False), environ)
    connection = connect(settings, cluster.context, cluster.namespace, environ, servers, memory)
    connection.observer.focus(None)
    try:
        looking = connection.observer.once(
            invocation.options.wait, looks_back=looks_back, then=lambda snapshot: then(snapshot, connection.reader)
        )
        return await with_progress(lambda: waiting_for(connection.observer.statuses()), looking)
    finally:
        for watcher in opened:
            await watcher.close()
