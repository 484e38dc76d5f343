"""Writes a ticket: what is wrong, saved as a file and copied. It sends nothing but reads.

It is imported for the first ticket.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from console.commands.capabilities import OfIncident, ReadsLog
from console.commands.command import Context, ScreenId
from console.commands.desk import Desk
from console.config.saved_files import not_saved, save_text, shown_path
from console.session.failure import SessionError
from fleet.model.counting import count
from themes.palette import Role

if TYPE_CHECKING:
    from console.report.ticket.build import TicketPast
    from console.report.ticket.scope import TicketScope
    from fleet.model.snapshot import Snapshot

PATIENCE: Final = 10.0
"""Seconds for what happened before: a ticket without it is better than none."""
_OF_OBJECT: Final = frozenset(
    {ScreenId.DETAIL, ScreenId.WHY, ScreenId.NUMBERS, ScreenId.PLOT, ScreenId.ALERT, ScreenId.LOGS}
)
"""Screens about one object. Any other is about all that is in view."""


async def write_ticket(desk: Desk, context: Context) -> None:
    """Build the ticket, save it, and copy it if a clipboard takes that much."""
    snapshot = context.snapshot
    if snapshot is None:
        return
    desk.navigator.say("writing the ticket …")
    # On a thread: the models of the document are imported for the first ticket.
    scope, since = await asyncio.to_thread(_begin, context, snapshot)
    past = await _past(desk, snapshot, since)
    text = await asyncio.to_thread(_text, context, snapshot, scope, past)
    _hand_out(desk, snapshot, text)


def _begin(context: Context, snapshot: Snapshot) -> tuple[TicketScope, float]:
    from console.report.ticket.build import since_when

    scope = _scope(context, snapshot)
    return scope, since_when(snapshot, scope)


def _scope(context: Context, snapshot: Snapshot) -> TicketScope:
    """Return what it is about: the incident of the screen, its object, the marked objects, or all in view."""
    from console.report.ticket.scope import of_everything, of_incident, of_objects

    incident = context.view.incident if isinstance(context.view, OfIncident) else None
    found = of_incident(snapshot, incident) if incident is not None else None
    if found is not None:
        return found
    keys = (context.subject,) if _is_of_object(context) and context.subject is not None else context.marked
    return of_objects(snapshot, keys) if keys else of_everything(snapshot)


def _is_of_object(context: Context) -> bool:
    return context.where in _OF_OBJECT


async def _past(desk: Desk, snapshot: Snapshot, since: float) -> TicketPast:
    from console.report.ticket.build import TicketPast

    try:
        async with asyncio.timeout(PATIENCE):
            return TicketPast(await desk.session.timeline(snapshot.cluster.id, since))
    except SessionError as error:
        return TicketPast(problem=error.in_a_line)
    except TimeoutError:
        return TicketPast(problem=f"there was no answer within {PATIENCE:.0f}s; quarterdeck timeline reads it again")


def _text(context: Context, snapshot: Snapshot, scope: TicketScope, past: TicketPast) -> str:
    from console.report.ticket.build import OpenLog, ticket
    from console.report.ticket.markdown import to_markdown

    log = OpenLog(*context.view.log_errors()) if isinstance(context.view, ReadsLog) else None
    whole = not (_is_of_object(context) or context.marked or isinstance(context.view, OfIncident))
    return to_markdown(ticket(snapshot, scope, past, whole=whole, open_log=log))


def _hand_out(desk: Desk, snapshot: Snapshot, text: str) -> None:
    """Save and copy, and say where it is."""
    copied = desk.navigator.copy(text, "the ticket", in_part=False)
    size = len(text.encode())
    beside = "copied" if copied else f"too large to copy ({count(size / 1024, 'KiB', 'KiB')})"
    if desk.options.state is None:
        desk.navigator.say(f"ticket {beside}; this console writes no files", Role.TEXT if copied else Role.WARNING)
        return
    cluster = snapshot.cluster.context or snapshot.cluster.cluster or "cluster"
    try:
        path = save_text(desk.options.state, f"ticket-{cluster}", "md", text, snapshot.at)
    except OSError as error:
        desk.navigator.say(f"ticket {beside}, {not_saved(error)}", Role.ERROR)
    else:
        desk.navigator.say(f"ticket: {shown_path(path)}, {beside}")
