"""Commands on the front screen, each by the capability that it needs. Without it nothing happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from console.commands.capabilities import (
    ActionPage,
    Fillable,
    Foldable,
    Followable,
    HidesOthers,
    Linked,
    ListsIncidents,
    LogText,
    PlanPage,
    PlotView,
    PodLog,
    Savable,
    Searchable,
    ShowsSome,
    Sortable,
    StepsBack,
    Wrappable,
)
from console.commands.command import ScreenId
from fleet.model.in_past import is_past

if TYPE_CHECKING:
    from console.commands.command import Context
    from console.commands.desk import Desk

    Run = Callable[[Desk, Context], None]


def back(desk: Desk, context: Context) -> Awaitable[None] | None:
    """Undo the screen's last step, or else leave it; from the first screen in the past go back to now."""
    view = context.view
    if isinstance(view, StepsBack) and view.back():
        return None
    if context.where is ScreenId.FLEET and is_past(context.snapshot):
        return desk.scope.travel(None)
    desk.navigator.go_back()
    return None


def sort(column: str) -> Run:
    def run(_: Desk, context: Context) -> None:
        if isinstance(context.view, Sortable):
            context.view.sort(column)

    return run


def toggle_others(_: Desk, context: Context) -> None:
    if isinstance(context.view, HidesOthers):
        context.view.toggle_others()


def show_only(which: str) -> Run:
    def run(_: Desk, context: Context) -> None:
        if isinstance(context.view, ShowsSome):
            context.view.show_only(which)

    return run


def step_match(step: int) -> Run:
    def run(_: Desk, context: Context) -> None:
        if isinstance(context.view, Searchable):
            context.view.step_match(step)

    return run


def toggle_wrap(_: Desk, context: Context) -> None:
    if isinstance(context.view, Wrappable):
        context.view.toggle_wrap()


def toggle_follow(_: Desk, context: Context) -> None:
    if isinstance(context.view, Followable):
        context.view.toggle_follow()


def clear(_: Desk, context: Context) -> None:
    if isinstance(context.view, Followable):
        context.view.clear()


def toggle_folding(_: Desk, context: Context) -> None:
    if isinstance(context.view, Foldable):
        context.view.toggle_folding()


def step_link(step: int) -> Run:
    def run(_: Desk, context: Context) -> None:
        if isinstance(context.view, Linked):
            context.view.step_link(step)

    return run


def open_link(_: Desk, context: Context) -> None:
    if isinstance(context.view, Linked):
        context.view.open_link()


def step_error(step: int) -> Run:
    def run(_: Desk, context: Context) -> None:
        if isinstance(context.view, LogText):
            context.view.step_error(step)

    return run


def save(_: Desk, context: Context) -> None:
    if isinstance(context.view, Savable):
        context.view.save()


def toggle_together(_: Desk, context: Context) -> None:
    if isinstance(context.view, PodLog):
        context.view.toggle_together()


def next_container(_: Desk, context: Context) -> None:
    if isinstance(context.view, PodLog):
        context.view.next_container()


def toggle_timestamps(_: Desk, context: Context) -> None:
    if isinstance(context.view, PodLog):
        context.view.toggle_timestamps()


def read_since(seconds: int) -> Run:
    def run(_: Desk, context: Context) -> None:
        if isinstance(context.view, PodLog):
            context.view.read_since(seconds)

    return run


def take(number: int) -> Run:
    def run(_: Desk, context: Context) -> None:
        if isinstance(context.view, PlanPage):
            context.view.take(number)

    return run


def toggle_diff(_: Desk, context: Context) -> None:
    if isinstance(context.view, PlanPage):
        context.view.toggle_diff()


def toggle_requests(_: Desk, context: Context) -> None:
    if isinstance(context.view, PlanPage):
        context.view.toggle_requests()


def write_reason(_: Desk, context: Context) -> None:
    if isinstance(context.view, PlanPage):
        context.view.write_reason()


def open_incident(_: Desk, context: Context) -> None:
    if isinstance(context.view, ListsIncidents):
        context.view.open_incident()


def stop_action(_: Desk, context: Context) -> None:
    if isinstance(context.view, ActionPage):
        context.view.stop_action()


def plan_again(_: Desk, context: Context) -> None:
    if isinstance(context.view, ActionPage):
        context.view.plan_again()


def step_plot(step: int) -> Run:
    def run(_: Desk, context: Context) -> None:
        if isinstance(context.view, PlotView):
            context.view.step_plot(step)

    return run


def show_span(span: str) -> Run:
    def run(_: Desk, context: Context) -> None:
        if isinstance(context.view, PlotView):
            context.view.show_span(span)

    return run


def point(step: int) -> Run:
    def run(_: Desk, context: Context) -> None:
        if isinstance(context.view, PlotView):
            context.view.point(step)

    return run


def compare(_: Desk, context: Context) -> None:
    if isinstance(context.view, PlotView):
        context.view.compare()


def submit(_: Desk, context: Context) -> None:
    if isinstance(context.view, Fillable):
        context.view.submit()
