"""Availability of commands here and now, and why the others cannot run."""

from __future__ import annotations

from collections.abc import Iterable

from console.commands.capabilities import has_ability
from console.commands.command import Command, Context
from fleet.model.in_past import is_past
from fleet.model.snapshot import Snapshot


def refusal(command: Command, context: Context, *, read_only: bool) -> str | None:
    """Return why a command cannot run here and now, in one line; None if it can.

    The line is the command's name, a colon, and the reason, which has no other colon in it: one clause, or two with a
    semicolon between them. Textual's palette does not check this, so it is checked last.
    """
    if (mode := closed_by(command, context.snapshot, read_only=read_only)) is not None:
        return f"{command.called}: {mode}"
    if is_out_of_place(command, context):
        return f"{command.called}: not on this screen"
    reason = command.available(context) or command.permitted(context)
    return None if reason is None else f"{command.called}: {reason}"


def closed_by(command: Command, snapshot: Snapshot | None, *, read_only: bool) -> str | None:
    """Return the mode of the console in which a command runs on no object; None if it may run on some."""
    if (command.dangerous or command.only_now) and is_past(snapshot):
        return "not in the past; :now goes back"
    return "not in read-only mode" if command.dangerous and read_only else None


def is_out_of_place(command: Command, context: Context) -> bool:
    """True if the front screen is not one of the command's, or lacks its capability."""
    lacks = command.needs is not None and not has_ability(context.view, command.needs)
    return lacks or context.where not in command.where


def runnable(commands: Iterable[Command], context: Context, *, read_only: bool) -> tuple[Command, ...]:
    """Return the commands that would run here and now."""
    return tuple(c for c in commands if refusal(c, context, read_only=read_only) is None)


def disabled(commands: Iterable[Command], context: Context, *, read_only: bool) -> dict[str, str]:
    """Return the ids of commands that would run here with more permissions → the missing permission."""
    found: dict[str, str] = {}
    for command in commands:
        unfit = (command.dangerous and read_only) or is_out_of_place(command, context)
        if not unfit and command.available(context) is None:
            reason = command.permitted(context)
            if reason is not None:
                found[command.id] = reason
    return found
