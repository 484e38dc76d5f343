"""Following the log of a server on this machine in a LogView."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from console.commands.desk import Desk
from console.session.failure import SessionError
from themes.palette import Role
from widgets.log_buffer import LogLine
from widgets.log_view import LogView

BATCH = 500
"""Lines after which the event loop gets its turn, however fast they come."""


async def follow(desk: Desk, name: str, view: LogView, ended: Callable[[], None] = lambda: None) -> None:
    """Append the lines of the server's log to ``view`` as they come, until the log ends or this is cancelled.

    Errors are shown in the message line; ``ended`` is called when nothing more will come.
    """
    count = 0
    try:
        async for line in desk.local.observe().log(name):
            view.append([LogLine(line)])
            count += 1
            if count % BATCH == 0:
                await asyncio.sleep(0)
    except SessionError as error:
        desk.navigator.say(error.in_a_line, Role.ERROR)
    else:
        ended()
