"""Commands that copy: the shown text, the kubectl command for it, the PromQL behind it. By OSC 52, so over SSH too."""

from __future__ import annotations

from console.commands.capabilities import AsKubectl, AsPromql, Copyable
from console.commands.command import Command, Context
from console.commands.desk import Desk
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
        desk.navigator.copy(text, f"the query: {text}")
    else:
        desk.navigator.say("no query of Prometheus is behind what is here; v plots a quantity, which has one")


COPYING: tuple[Command, ...] = (
    Command(
        "copy.this",
        "Copy: the name, again the whole row; of text the lines on the screen",
        _copy,
        ("ctrl+y",),
        ("copy",),
    ),
    Command("copy.kubectl", "Copy the kubectl command for it", _kubectl, ("ctrl+o",), ("kubectl",)),
    Command("copy.promql", "Copy the PromQL behind it", _promql, ("ctrl+g",), ("promql",)),
)
