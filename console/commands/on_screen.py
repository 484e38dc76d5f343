"""Commands on the front screen: each calls one method of the capability that it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from console.commands.capabilities import StepsBack
from console.commands.command import ScreenId
from fleet.model.in_past import is_past

if TYPE_CHECKING:
    from console.commands.command import Context
    from console.commands.desk import Desk

    Run = Callable[[Desk, Context], None]

P = ParamSpec("P")


def call(method: Callable[Concatenate[Any, P], None], *args: P.args, **kwargs: P.kwargs) -> Run:
    """Return a command's effect: a method of a capability, called on the front screen.

    It does nothing on a screen without that method.
    """

    def run(_: Desk, context: Context) -> None:
        own = getattr(context.view, method.__name__, None)
        if own is not None:
            own(*args, **kwargs)

    return run


def back(desk: Desk, context: Context) -> Awaitable[None] | None:
    """Undo the screen's last step, or else leave it; from the first screen in the past go back to now."""
    view = context.view
    if isinstance(view, StepsBack) and view.back():
        return None
    if context.where is ScreenId.FLEET and is_past(context.snapshot):
        return desk.scope.travel(None)
    desk.navigator.go_back()
    return None
