"""Commands that move the view in time: to a moment, to the onset of an incident, and back to now."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final

from console.commands.capabilities import OfIncident
from console.commands.command import OBJECTS, STANDING, Command, Context, ScreenId
from console.config.moments import moment
from console.session.failure import NotRecordedError
from fleet.model.in_past import is_past
from fleet.timeline.turning_points import SEEN_BY
from themes.palette import Role
from widgets.untrusted import untrusted

if TYPE_CHECKING:
    from console.commands.desk import Desk
    from fleet.model.finding import Incident

_MOVED: Final = STANDING - {ScreenId.SOURCES}
"""Screens that show any moment, and are of use there."""


def _at(desk: Desk, context: Context) -> Awaitable[None] | None:
    """Go to the time that was typed; without one to the onset of the incident under the cursor."""
    if not context.argument:
        return _to_onset(desk, context)
    try:
        at = moment(context.argument, now=lambda: desk.session.now)
    except ArgumentTypeError as error:
        desk.navigator.say(str(error), Role.WARNING)
        return None
    return desk.scope.travel(at)


def _now(desk: Desk, context: Context) -> Awaitable[None] | None:
    if is_past(context.snapshot):
        return desk.scope.travel(None)
    desk.navigator.say("this is now; :at 14:02 shows how everything was then")
    return None


def _earlier(desk: Desk, context: Context) -> Awaitable[None]:
    del context
    return desk.scope.step(-1)


def _later(desk: Desk, context: Context) -> Awaitable[None]:
    del context
    return desk.scope.step(1)


def _needs_past(context: Context) -> str | None:
    return None if is_past(context.snapshot) else "this is now; [ goes to the change before"


def _incident(context: Context) -> Incident | None:
    """Return the incident under the cursor, or the worst of those that involve the object under it."""
    snapshot, view = context.snapshot, context.view
    if snapshot is None:
        return None
    if isinstance(view, OfIncident):
        return next((one for one in snapshot.incidents if one.key == view.incident), None)
    key = context.subject
    return None if key is None else next((one for one in snapshot.incidents if key in one.objects), None)


def _needs_onset(context: Context) -> str | None:
    return None if _incident(context) is not None else "no incident is under the cursor"


def _to_onset(desk: Desk, context: Context) -> Awaitable[None] | None:
    incident = _incident(context)
    if incident is None:
        desk.navigator.say("name a time (:at 14:02, :at 15m) or put the cursor on an incident", Role.WARNING)
        return None
    return _show_onset(desk, incident)


async def _show_onset(desk: Desk, incident: Incident) -> None:
    """Show the fleet as the incident began, whatever screen the incident was chosen on; of one that began before the
    recording, the earliest that is recorded.
    """
    onset = min(incident.since + SEEN_BY, desk.session.now)
    words = f"{SEEN_BY:g}s after this began"
    try:
        await desk.scope.travel(onset)
    except NotRecordedError as error:
        if onset >= error.first:
            raise
        await desk.scope.travel(min(error.first + SEEN_BY, desk.session.now))
        words = "the earliest that is recorded; this began before"
    desk.navigator.go_home()
    desk.navigator.say(f"{words}: {untrusted(incident.sentence)}")


ONSET: tuple[Command, ...] = (
    Command(
        "past.onset",
        "As it was when the incident under the cursor began",
        _to_onset,
        ("at",),
        where=OBJECTS - {ScreenId.LISTING, ScreenId.NUMBERS},
        hints=dict.fromkeys((ScreenId.INCIDENTS, ScreenId.INCIDENT), "onset"),
        available=_needs_onset,
    ),
)
PAST: tuple[Command, ...] = (
    Command(
        "past.at",
        "As it was: everything at a time (14:02, 15m ago)",
        _at,
        names=("at",),
        argument="[TIME]",
    ),
    Command(
        "past.earlier",
        "As it was after the change before: a rollout, scaling, a cordon, an incident",
        _earlier,
        ("left_square_bracket",),
        where=_MOVED,
    ),
    Command(
        "past.later",
        "As it was after the next change; after the last one now",
        _later,
        ("right_square_bracket",),
        where=_MOVED,
        available=_needs_past,
    ),
    Command("past.now", "Now: back from the past", _now, names=("now",)),
)
