"""The commands of plots: opening one, and changing it."""

from __future__ import annotations

from collections.abc import Iterator

from console.commands import on_screen
from console.commands.capabilities import PlotView
from console.commands.command import OBJECTS, Command, Context, ScreenId
from console.commands.desk import Desk
from console.views.plot_quantities import SPANS, found, names, plotted_of

QUANTITY = "[QUANTITY]"
_HERE = frozenset({ScreenId.PLOT})
_JUMP = 10
"""Points that the pointer jumps with shift."""


def _keys(context: Context) -> tuple[str, ...]:
    """Return the objects: the first two marked, or the one under the cursor."""
    if len(context.marked) > 1:
        return context.marked[:2]
    return (context.subject,) if context.subject is not None else ()


def _needs_plots(context: Context) -> str | None:
    snapshot, keys = context.snapshot, _keys(context)
    if snapshot is None or not keys:
        return "nothing is under the cursor"
    plots = plotted_of(snapshot, keys[0])
    if not plots:
        return "nothing of this is measured over time"
    if context.argument and found(plots, context.argument) is None:
        return f"no plot {context.argument!r}; choose one of {', '.join(plot.name for plot in plots)}"
    return None


def _open(desk: Desk, context: Context) -> None:
    desk.pages.open_plot(_keys(context), context.argument)


def _spans() -> Iterator[Command]:
    for number, name in enumerate(SPANS, 1):
        yield Command(
            f"plot.span_{name}",
            f"The last {name}",
            on_screen.call(PlotView.show_span, name),
            (str(number),),
            where=_HERE,
            family="The last 15m, 1h, 6h, 24h, 7d",
            needs=PlotView,
        )


def plot_names() -> tuple[str, ...]:
    """Return what may follow ``:plot``."""
    return tuple(names())


PLOTS: tuple[Command, ...] = (
    Command(
        "open.plot",
        "Plot over time; two marked objects together",
        _open,
        ("v",),
        ("plot",),
        OBJECTS | _HERE,
        "plot",
        argument=QUANTITY,
        bound=OBJECTS,
        available=_needs_plots,
    ),
    *_spans(),
    Command(
        "plot.next",
        "The next quantity",
        on_screen.call(PlotView.step_plot, 1),
        ("down", "j", "tab"),
        where=_HERE,
        hint="quantity",
        needs=PlotView,
    ),
    Command(
        "plot.previous",
        "The previous quantity",
        on_screen.call(PlotView.step_plot, -1),
        ("up", "k", "shift+tab"),
        where=_HERE,
        needs=PlotView,
    ),
    Command(
        "plot.compare",
        "Overlay an hour ago, yesterday or a week ago",
        on_screen.call(PlotView.compare),
        ("c",),
        where=_HERE,
        hint="compare",
        needs=PlotView,
    ),
    Command(
        "plot.earlier",
        "Read the previous value; the first time the newest",
        on_screen.call(PlotView.point, -1),
        ("left",),
        where=_HERE,
        hint="read",
        needs=PlotView,
    ),
    Command(
        "plot.later", "Read the next value", on_screen.call(PlotView.point, 1), ("right",), where=_HERE, needs=PlotView
    ),
    Command(
        "plot.much_earlier",
        "Ten values back",
        on_screen.call(PlotView.point, -_JUMP),
        ("shift+left",),
        where=_HERE,
        needs=PlotView,
    ),
    Command(
        "plot.much_later",
        "Ten values forward",
        on_screen.call(PlotView.point, _JUMP),
        ("shift+right",),
        where=_HERE,
        needs=PlotView,
    ),
)
