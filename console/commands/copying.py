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
        desk.navigator.say("kubectl has no command for what is here", Role.WARNING)


def _promql(desk: Desk, context: Context) -> None:
    text = context.view.as_promql() if isinstance(context.view, AsPromql) else ""
    if text:
        desk.navigator.copy(text, f"what gives it: {text}")
    elif isinstance(context.view, AsPromql):
        desk.navigator.say("nothing gives this number elsewhere", Role.WARNING)
    elif (why := needs_numbers(context)) is None:
        # Which of its numbers is meant: that by which the table is sorted, or the one that is chosen there.
        open_numbers(desk, context)
    else:
        desk.navigator.say(f"no query is behind what is here: {why}", Role.WARNING)


COPYING: tuple[Command, ...] = (
    Command(
        "copy.this",
        "Copy: the name, again the whole row; of text the lines on the screen",
        _copy,
        ("ctrl+y",),
        ("copy",),
    ),
    Command("copy.kubectl", "Copy the kubectl command for it", _kubectl, ("ctrl+o",), ("kubectl",)),
    Command(
        "copy.number",
        "Copy what gives the number: PromQL, or the command that reads its metrics",
        _promql,
        ("enter",),
        where=frozenset({ScreenId.NUMBERS}),
        hint="copy",
    ),
    Command(
        "copy.promql",
        "Copy the PromQL behind the number; of a row choose which",
        _promql,
        ("ctrl+g",),
        ("promql",),
    ),
)
