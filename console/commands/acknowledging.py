"""The row of the table that says that a person knows of an incident: done at once, since it is sent nowhere."""

from __future__ import annotations

from collections.abc import Awaitable

from actions.catalogue import spec_of
from actions.kinds.ack import INCIDENT, Acknowledge
from actions.request import Target
from console.commands.capabilities import OfIncident
from console.commands.command import Command, Context, ScreenId
from console.commands.desk import Desk
from console.views.incident_words import acknowledged_text, place
from fleet.model.finding import Incident
from widgets.untrusted import untrusted, untrusted_name

TAKE_BACK = "-"
"""Typed in place of a note it takes the acknowledgement back."""


def _incident(context: Context) -> Incident | None:
    snapshot, view = context.snapshot, context.view
    key = view.incident if isinstance(view, OfIncident) else None
    return None if snapshot is None else next((one for one in snapshot.incidents if one.key == key), None)


def _needs_incident(context: Context) -> str | None:
    if context.snapshot is not None and context.snapshot.is_machine:
        return "it is on this machine, whose log nobody else reads"
    return None if _incident(context) is not None else "no incident is under the cursor"


def _acknowledge(desk: Desk, context: Context) -> Awaitable[None] | None:
    incident, snapshot = _incident(context), context.snapshot
    if incident is None or snapshot is None:
        return None
    name = place(snapshot, incident.about)
    target = Target(INCIDENT, "", name, incident.key, snapshot.cluster.id)

    def request(typed: str) -> Acknowledge:
        off = typed == TAKE_BACK
        return Acknowledge(target, "" if off else typed, off=off)

    if context.argument:
        return desk.actions.execute(request(context.argument))
    known = incident.acknowledged
    prompt = f"{acknowledged_text(known, snapshot.at)}; {TAKE_BACK} withdraws it" if known is not None else "a note"
    label = f"{untrusted_name(name)}, {untrusted(prompt)}:"
    desk.line.ask_note(label, lambda typed: desk.commands.finish(desk.actions.execute(request(typed))))
    return None


ACKNOWLEDGING: tuple[Command, ...] = (
    Command(
        "act.ack",
        spec_of("ack").title,
        _acknowledge,
        ("a",),
        ("ack", "acknowledge"),
        where=frozenset({ScreenId.INCIDENTS, ScreenId.INCIDENT}),
        hint="acknowledge",
        argument=f"[NOTE | {TAKE_BACK}]",
        needs=OfIncident,
        finishes=True,
        dangerous=True,
        available=_needs_incident,
    ),
)
