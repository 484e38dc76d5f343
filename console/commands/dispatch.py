"""The one place from which commands run, whoever asks: a key, the palette, the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable

from console.commands.command import Command, Context
from console.commands.desk import Desk


def refusal(command: Command, context: Context, *, read_only: bool) -> str | None:
    """Why a command cannot run here and now, in one line; None when it can.

    It is what the command is called, a colon, and the reason, which has no other colon in it: one clause, or two with a
    semicolon between them. Textual's palette asks nobody, so this is asked last.
    """
    if command.dangerous and read_only:
        return f"{command.called}: not in read-only mode"
    if context.where not in command.where:
        return f"{command.called}: not on this screen"
    reason = command.available(context) or command.permitted(context)
    return None if reason is None else f"{command.called}: {reason}"


def run(command: Command, desk: Desk, context: Context) -> Awaitable[None] | None:
    """Run a command that was not refused. What it returns is to be awaited where it cannot hold up a key."""
    return command.run(desk, context)


def offered(commands: Iterable[Command], context: Context, *, read_only: bool) -> tuple[Command, ...]:
    """Those of the commands that would run here and now."""
    return tuple(c for c in commands if refusal(c, context, read_only=read_only) is None)


def disabled(commands: Iterable[Command], context: Context, *, read_only: bool) -> dict[str, str]:
    """Ids of those that would run here if this identity were allowed to, with what it lacks."""
    found: dict[str, str] = {}
    for command in commands:
        out_of_place = (command.dangerous and read_only) or context.where not in command.where
        if not out_of_place and command.available(context) is None:
            reason = command.permitted(context)
            if reason is not None:
                found[command.id] = reason
    return found
