"""Commands that copy: the shown text, the kubectl command for it, the PromQL behind it. By OSC 52, so over SSH too."""

from __future__ import annotations

from console.commands.capabilities import AsKubectl, AsPromql, Copyable
from console.commands.command import Command, Context, ScreenId
from console.commands.desk import Desk
from console.commands.on_object import needs_numbers, open_numbers
from themes.palette import Role


def _copy(desk: Desk, context: Context) -> None:
    if isinstance(context.view, Copyable):
        text, what = context.view.copied()
        if text:
            desk.navigator.copy(text, what)
            return
    if context.target is not None:
        desk.navigator.copy(context.target.name, f"the name of {context.target}")
    else:
        desk.navigator.say("there is nothing here to copy", Role.WARNING)


def _kubectl(desk: Desk, context: Context) -> None:
    text = context.view.as_kubectl() if isinstance(context.view, AsKubectl) else ""
    if not text and context.target is not None:
        from console.views import kubectl

        text = kubectl.get(context.target)
    if text:
        desk.navigator.copy(text, text.splitlines()[0])
    else:
        desk.navigator.say("kubectl has no equivalent command", Role.WARNING)


def _promql(desk: Desk, context: Context) -> None:
    text = context.view.as_promql() if isinstance(context.view, AsPromql) else ""
    if text:
        # Of what is read directly there is no query, but a command that reads it.
        kind = "command" if text.startswith(("kubectl ", "curl ")) else "query"
        desk.navigator.copy(text, f"its {kind}: {text}")
    elif isinstance(context.view, AsPromql):
        desk.navigator.say("no query or command returns this number", Role.WARNING)
    elif (why := needs_numbers(context)) is None:
        # The number is the one that the table is sorted by, or the one chosen on that screen.
        open_numbers(desk, context)
    else:
        desk.navigator.say(f"there is no query for this: {why}", Role.WARNING)


COPYING: tuple[Command, ...] = (
    Command(
        "copy.this",
        "Copy the name, pressed again the whole row; in text the visible lines",
        _copy,
        ("ctrl+y",),
        ("copy",),
    ),
    Command("copy.kubectl", "Copy the equivalent kubectl command", _kubectl, ("ctrl+o",), ("kubectl",)),
    Command(
        "copy.number",
        "Copy the query of the number: PromQL, or the command that reads its metrics",
        _promql,
        ("enter",),
        where=frozenset({ScreenId.NUMBERS}),
        hint="copy",
    ),
    Command(
        "copy.promql",
        "Copy the PromQL behind the number; on a row, choose the number",
        _promql,
        ("ctrl+g",),
        ("promql",),
    ),
)
