"""Commands that select the view: the context, and the namespace or all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from console.commands.capabilities import Viewable
from console.commands.command import TABLES, Command, Context, ScreenId
from console.commands.desk import Desk
from themes.palette import Role

_LISTS = TABLES | {ScreenId.JOINS, ScreenId.ALERTS, ScreenId.INCIDENTS, ScreenId.OBJECTIVES}


async def _namespace(desk: Desk, context: Context) -> None:
    if context.argument:
        await desk.scope.switch(namespace="" if context.argument == "all" else context.argument)
    else:
        desk.scope.choose_namespace()


async def _context(desk: Desk, context: Context) -> None:
    if context.argument:
        await desk.scope.switch(context=context.argument)
    else:
        desk.scope.choose_context()


async def _all_namespaces(desk: Desk, context: Context) -> None:
    del context
    await desk.scope.switch(namespace="")


async def open_fleet(desk: Desk, context: Context) -> None:
    """Open the fleet with k9s' arguments of ``:pods``: a namespace, ``/filter``, labels, or ``@context``."""
    argument = context.argument
    desk.navigator.go_home()
    if argument.startswith("@"):
        await desk.scope.switch(context=argument[1:].strip())
    elif argument.startswith("/"):
        desk.line.narrow(argument[1:])
    elif "=" in argument:
        desk.line.narrow(f"-l {argument}")
    elif argument:
        await desk.scope.switch(namespace="" if argument == "all" else argument)
    elif context.where is ScreenId.FLEET:
        desk.navigator.say("these are all models, with their workloads and pods; a shows those that serve none as well")


def _view(desk: Desk, context: Context) -> None:
    """Show the named view, save the front screen as one, or (without a name) list the views."""
    word, _, name = context.argument.partition(" ")
    if word == "save" and name.strip():
        desk.scope.views.save(name.strip())
    elif word and word != "save":
        desk.scope.views.show(context.argument.strip())
    elif word:
        desk.navigator.say("give a name: :view save NAME")
    else:
        desk.scope.views.choose()


def _columns(desk: Desk, context: Context) -> None:
    """Show only the named columns of the table in front, or (without a name) all of them again."""
    view = context.view
    if not isinstance(view, Viewable):
        desk.navigator.say("there is no table here", Role.WARNING)
        return
    wanted = tuple(context.argument.replace(",", " ").split())
    lacking = [column for column in wanted if column not in view.columns]
    if lacking:
        there = ", ".join(view.columns)
        desk.navigator.say(f"there is no column {', '.join(lacking)} here; there are {there}", Role.WARNING)
        return
    view.rearrange(view.arrangement._replace(columns=wanted))
    desk.navigator.say("" if wanted else f"all columns; some: :columns {' '.join(view.columns[:3])}")


def _favourite(number: int) -> Callable[[Desk, Context], Awaitable[None]]:
    return lambda desk, _: desk.scope.switch_to_favourite(number)


SCOPE: tuple[Command, ...] = (
    Command(
        "view.namespace",
        "Namespaces",
        _namespace,
        ("n",),
        ("ns", "namespace", "namespaces"),
        hint="namespaces",
        argument="[NAMESPACE | all]",
        # In text, n is the next match.
        bound=_LISTS,
    ),
    Command("view.context", "Contexts", _context, (), ("ctx", "context", "contexts"), argument="[CONTEXT]"),
    Command(
        "view.saved",
        "Views: what a table shows and how, saved by name in the configuration",
        _view,
        (),
        ("view", "views"),
        argument="[NAME | save NAME]",
    ),
    Command(
        "view.columns",
        "Columns: only these of the table in front, or all again",
        _columns,
        (),
        ("columns",),
        argument="[COLUMN ...]",
    ),
    Command("view.all_namespaces", "All namespaces", _all_namespaces, ("0",), bound=_LISTS),
    *(
        Command(
            f"view.favourite_{n}",
            f"Namespace {n}",
            _favourite(n),
            (str(n),),
            bound=_LISTS,
            family="Namespaces by number: the most recent first, then by name",
        )
        for n in range(1, 10)
    ),
)
