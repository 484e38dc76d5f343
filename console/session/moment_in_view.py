"""A moment of the past in place of the cluster in view, which is observed and recorded meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from console.session.failure import SessionError

if TYPE_CHECKING:
    from console.session.connection import PastConnection
    from fleet.model.snapshot import Snapshot


class MomentInView:
    """Belongs to the observing loop. ``deliver`` is called with the Snapshots of the moment."""

    def __init__(self) -> None:
        self.connection: PastConnection | None = None
        """The connection to the moment in view; None for now."""
        self._observing: asyncio.Task[None] | None = None

    def show(
        self,
        connection: PastConnection,
        deliver: Callable[[Snapshot], None],
        say_end: Callable[[asyncio.Task[None]], None],
    ) -> None:
        """Show a moment that has been played up to; ``say_end`` reports an error that ends it."""
        self.connection = connection
        self._observing = asyncio.create_task(connection.observer.run(deliver), name="observe the past")
        self._observing.add_done_callback(say_end)

    async def leave(self) -> None:
        """Close it; does nothing if now is in view."""
        observing, self._observing, self.connection = self._observing, None, None
        if observing is not None:
            observing.cancel()
            await asyncio.gather(observing, return_exceptions=True)

    def check_now(self) -> None:
        """Raises SessionError in the past."""
        if self.connection is not None:
            raise SessionError("this is the past: nothing can be done here", ":now goes back.")
