"""The command line: the text after ``:``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from console.commands.command import Command, ScreenId
from console.commands.k9s_hints import NAMES as HABIT_NAMES
from console.commands.local import SAME, SERVER
from console.commands.plot import QUANTITY, plot_names
from console.commands.table import NAMES, TABLE, by_name
from console.commands.theming import THEME, theme_names


class Typed(NamedTuple):
    """A command and the text after its name."""

    command: Command
    argument: str


class UnknownCommandError(Exception):
    """Raised for an unknown command, or one without arguments that got one: the message suggests the nearest, or says
    so.
    """


class KnownElsewhereError(UnknownCommandError):
    """Raised for a command of k9s that is done otherwise here: the message says how."""


class TakesNothingError(UnknownCommandError):
    """Raised for a command with something behind its name that takes its name alone."""


def parse_line(text: str, where: ScreenId) -> Typed | None:
    """The command that was typed on a screen, None for an empty line. Raises UnknownCommandError."""
    name, _, argument = text.strip().lstrip(":").strip().partition(" ")
    if not name:
        return None
    command = by_name(name.lower(), where)
    if command is None:
        if (words := HABIT_NAMES.get(name.lower())) is not None:
            raise KnownElsewhereError(words)
        near = difflib.get_close_matches(name.lower(), NAMES, n=1)
        hint = f"; did you mean :{near[0]}?" if near else "; ? lists them"
        raise UnknownCommandError(f"no command {name!r}{hint}")
    if argument.strip() and not command.argument:
        raise TakesNothingError(f":{name} takes no argument")
    return Typed(command, argument.strip())


def complete(
    text: str,
    namespaces: Sequence[str],
    contexts: Sequence[str],
    servers: Sequence[str] = (),
    presets: Sequence[str] = (),
    views: Sequence[str] = (),
) -> list[str]:
    """Return completed lines for the typed text, the shortest first. ``servers`` and ``presets``: of this machine."""
    name, blank, argument = text.lstrip(":").lstrip().partition(" ")
    if not blank:
        return _beginning(name, (command.names[0] for command in TABLE if command.names))
    # Commands that share a name take the same arguments.
    command = next((command for command in TABLE if name.lower() in command.names), None)
    if command is None:
        return []
    values: Iterable[str] = ()
    if command.id in {"view.namespace", "open.fleet"}:
        values = ("all", *namespaces)
    elif command.id == "view.context":
        values = contexts
    elif command.id == "local.up":
        values = (SAME, *presets)
    elif command.argument == QUANTITY:
        values = plot_names()
    elif command.id == "view.saved":
        values = ("save ", *views)
    elif command.argument == THEME:
        values = theme_names()
    elif command.argument == SERVER:
        values = servers
    return [f"{name} {value}" for value in _beginning(argument.strip(), values)]


def _beginning(start: str, values: Iterable[str]) -> list[str]:
    return sorted((value for value in values if value.lower().startswith(start.lower())), key=lambda v: (len(v), v))
