"""Abilities of screens: each is a protocol, and a command that needs one is absent wherever it is lacking."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import ClassVar, Protocol, runtime_checkable

import pytest
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

import console.screens
from console.commands import capabilities, table
from console.commands.capabilities import has_ability
from console.commands.command import Command, Context, ScreenId
from console.commands.dispatch import refusal, runnable
from console.screens.base import ConsoleScreen, bindings_of
from tests.console.screens.desk import desk
from tests.fleets import make_snapshot


def _screens() -> Iterator[type[ConsoleScreen]]:
    """Every screen of the console that is shown as something."""
    for module in pkgutil.walk_packages(console.screens.__path__, "console.screens."):
        import_module(module.name)
    found = list(ConsoleScreen.__subclasses__())
    while found:
        screen = found.pop()
        found += screen.__subclasses__()
        if "where" in vars(screen) and screen.__module__.startswith("console."):
            yield screen


SCREENS = tuple(_screens())
ABILITIES = tuple(
    ability
    for ability in vars(capabilities).values()
    if isinstance(ability, type) and ability.__module__ == capabilities.__name__
)


def _can(screen: type[ConsoleScreen], ability: type) -> bool:
    return has_ability(screen.__new__(screen), ability)


def test_every_screen_is_looked_at() -> None:
    assert {screen.where for screen in SCREENS} == set(ScreenId)
    assert len(ABILITIES) > 10


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.__name__)
def test_a_screen_can_do_what_the_commands_on_it_need(screen: type[ConsoleScreen]) -> None:
    on_it = [command for command in table.commands_for(screen.where) if command.needs is not None]
    # A record of the audit log and the page of a form share their names with screens that can do more.
    lacking = [command.id for command in on_it if command.needs is not None and not _can(screen, command.needs)]
    assert lacking == []


@pytest.mark.parametrize("ability", ABILITIES, ids=lambda ability: ability.__name__)
def test_an_ability_is_had_by_some_screens_and_not_by_all(ability: type) -> None:
    having = [screen for screen in SCREENS if _can(screen, ability)]
    assert having
    assert len(having) < len(SCREENS)


@runtime_checkable
class Foldable(Protocol):
    """A new ability."""

    def fold(self) -> None: ...


class PaperScreen(ConsoleScreen):
    """A screen of an unknown kind, in place of a text screen."""

    where = ScreenId.TEXT
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.TEXT)

    def body(self) -> Iterable[Widget]:
        yield Static("paper")


class FoldableScreen(PaperScreen):
    folded = 0

    def fold(self) -> None:
        self.folded += 1


def _fold(_: object, context: Context) -> None:
    if isinstance(context.view, Foldable):
        context.view.fold()


FOLD = Command("view.fold", "Fold", _fold, ("f12",), ("fold",), where=frozenset({ScreenId.TEXT}), needs=Foldable)


async def test_a_command_for_what_the_screen_cannot_do_is_not_available_there() -> None:
    async with desk(make_snapshot()) as d:
        for screen, words in ((PaperScreen(d.desk), "Fold: not on this screen"), (FoldableScreen(d.desk), None)):
            d.desk.navigator.push(screen)
            await d.settle()
            context = d.screen.context()
            assert refusal(FOLD, context, read_only=False) == words
            assert (FOLD in runnable((FOLD,), context, read_only=False)) is (words is None)
            d.desk.commands.perform(FOLD, context)
            assert d.screen.message_text == (words or "")
        assert isinstance(screen, FoldableScreen)
        assert screen.folded == 1
        # What the table offers on texts needs abilities that this one does not have, either.
        wrap = table.BY_ID["view.wrap"]
        assert refusal(wrap, d.screen.context(), read_only=False) == "Wrap lines: not on this screen"
        await d.press("escape", "escape")
        assert d.screen.where is ScreenId.FLEET


def test_what_can_be_done_is_what_python_would_say() -> None:
    class Sorted(PaperScreen):
        def sort(self, column: str) -> None: ...

    paper, sorted_ = PaperScreen.__new__(PaperScreen), Sorted.__new__(Sorted)
    for view in (paper, sorted_):
        for ability in ABILITIES:
            assert has_ability(view, ability) is isinstance(view, ability)
    assert has_ability(sorted_, capabilities.Sortable)


def test_a_command_needs_the_capability_whose_method_it_calls() -> None:
    functions = {command.id: command.run for command in table.TABLE if inspect.isfunction(command.run)}
    called = {name: inspect.getclosurevars(run).nonlocals.get("method") for name, run in functions.items()}
    methods = {name: method for name, method in called.items() if method is not None}
    assert len(methods) > 40
    for name, method in methods.items():
        needs = table.BY_ID[name].needs
        assert needs is not None
        assert method.__qualname__ == f"{needs.__name__}.{method.__name__}", name
