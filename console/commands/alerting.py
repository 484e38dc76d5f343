"""The commands for alerts: showing them, and acting on the one under the cursor."""

from __future__ import annotations

from collections.abc import Callable

from actions.catalogue import spec_of
from actions.request import Target
from console.commands import on_object
from console.commands.command import OBJECTS, OF_ALERTS, Command, Context
from console.commands.desk import Desk
from console.views.alert_marks import board
from themes.palette import Role

MINUTES = 60
"""Default duration of a silence in minutes."""


def _alert(context: Context) -> str:
    return getattr(context.view, "alert", None) or ""


def _target(context: Context) -> Target | None:
    snapshot, key = context.snapshot, _alert(context)
    alerts = board(snapshot) if snapshot is not None else None
    row = alerts.rows.get(key) if alerts is not None else None
    if row is None or snapshot is None:
        return None
    return Target("Alert", "", row.merged.alert.name or "(no name)", key, snapshot.cluster.id)


def _silence_of(context: Context) -> str:
    """The id of a silence that covers the alert; empty for none."""
    alerts = board(context.snapshot) if context.snapshot is not None else None
    row = alerts.rows.get(_alert(context)) if alerts is not None else None
    return next(iter(row.merged.alert.silenced_by), "") if row is not None else ""


def _needs_alert(context: Context) -> str | None:
    return None if _target(context) is not None else "no alert is under the cursor"


def _needs_silence(context: Context) -> str | None:
    return None if _silence_of(context) else "it is not silenced"


def _silence(desk: Desk, context: Context) -> None:
    target = _target(context)
    if target is None:
        return

    def plan(typed: str) -> None:
        if not typed.isdigit() or not int(typed):
            desk.navigator.say(f"{typed!r} is not a number of minutes", Role.WARNING)
            return
        from actions.kinds.silence import SilenceAlert

        desk.actions.open_plan(SilenceAlert(target, seconds=int(typed) * 60.0))

    if context.argument:
        plan(context.argument)
    else:
        desk.line.ask_amount(f"minutes of silence for {target.name}", MINUTES, plan)


def _expire(desk: Desk, context: Context) -> None:
    target, silence = _target(context), _silence_of(context)
    if target is not None and silence:
        from actions.kinds.silence import Expire

        desk.actions.open_plan(Expire(target, silence=silence))


def _row(
    kind: str,
    run: Callable[[Desk, Context], None],
    key: str,
    hint: str,
    available: Callable[[Context], str | None],
    argument: str = "",
) -> Command:
    return Command(
        f"act.{kind}",
        spec_of(kind).title,
        run,
        (key,),
        (kind,),
        where=OF_ALERTS,
        hint=hint,
        argument=argument,
        dangerous=True,
        available=available,
    )


ALERTING = (
    _row("silence", _silence, "s", "silence", _needs_alert, "[MINUTES]"),
    _row("expire", _expire, "x", "end silence", _needs_silence),
)

ALERTS: tuple[Command, ...] = (
    Command(
        "open.alerts",
        "Alerts: pending and firing ones, and who is notified",
        lambda desk, _: desk.pages.open_alerts(""),
        names=("alerts",),
    ),
    Command(
        "open.alerts_of",
        "Alerts of the object under the cursor, and of its parts",
        lambda desk, context: desk.pages.open_alerts(context.subject or ""),
        ("asterisk",),
        where=OBJECTS - OF_ALERTS,
        hint="alerts",
        available=on_object.needs_alert,
    ),
    Command(
        "open.of_alert",
        "The object that the alert concerns",
        on_object.open_detail,
        ("asterisk",),
        where=OF_ALERTS,
        hint="object",
        available=on_object.needs_joined,
    ),
)
"""The commands that show alerts."""
