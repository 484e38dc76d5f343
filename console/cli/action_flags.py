"""An acting command, made from the declarations of its actions: its flags, and its request."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from actions.request import Request, Target
from actions.spec import ActionSpec, Argument, Takes, UsageError
from console.cli.shared_flags import FORM_HELP, absolute, add_form, add_how_on_a_cluster, seconds
from console.config.moments import length

_TYPES: dict[Takes, Any] = {Takes.TEXT: str, Takes.INTEGER: absolute, Takes.SECONDS: seconds, Takes.LENGTH: length}


def add_flags(parser: argparse.ArgumentParser, specs: Sequence[ActionSpec]) -> None:
    """Add the target, the arguments of each kind, and the flags of every action."""
    first = specs[0]
    many: str | int = "+" if all(spec.takes_several for spec in specs) else 1
    parser.add_argument("targets", metavar=first.target_metavar, nargs=many, help=first.target_help or None)
    for argument in dict.fromkeys(argument for spec in specs for argument in spec.arguments):
        add_argument(parser, argument)
    for listed in dict.fromkeys(spec.inline.choose_from for spec in specs if spec.inline is not None):
        if listed is not None:
            parser.add_argument("--list", action="store_true", help=f"print the {listed.value} and exit")
            add_form(parser, f"--list: {FORM_HELP}")
    add_how_on_a_cluster(parser)


def add_argument(parser: argparse.ArgumentParser, argument: Argument) -> None:
    """An argument, as a word after the target or as a flag."""
    into: dict[str, Any] = {"dest": argument.field} if argument.field else {}
    if argument.takes is Takes.SWITCH and argument.negative:
        both = parser.add_mutually_exclusive_group()
        both.add_argument(argument.flag, action="store_true", default=None, help=argument.help, **into)
        no = f"--no-{argument.flag.removeprefix('--')}"
        both.add_argument(no, action="store_false", default=None, help=argument.negative, **into)
    elif argument.takes is Takes.SWITCH:
        parser.add_argument(argument.flag, action="store_true", help=argument.help, **into)
    else:
        typed: dict[str, Any] = {
            "type": _TYPES[argument.takes],
            "metavar": argument.metavar or None,
            "help": argument.help,
        }
        choices = [str(choice) for choice in argument.choices] or None
        if argument.flag:
            parser.add_argument(argument.flag, choices=choices, **into, **typed)
        else:
            parser.add_argument(argument.field, choices=choices, nargs="?", **typed)


def targets_of(specs: Sequence[ActionSpec]) -> tuple[str, ...]:
    """The kinds of object that a command takes."""
    return tuple(dict.fromkeys(kind for spec in specs for kind in spec.targets))


def request_of(specs: Sequence[ActionSpec], options: argparse.Namespace, targets: tuple[Target, ...]) -> Request:
    """Return the request for these options and found targets. Raises UsageError."""
    spec = next((spec for spec in specs if targets[0].kind in spec.targets), specs[0])
    if other := next((target for target in targets if target.kind not in spec.targets), None):
        raise UsageError(f"{targets[0]} and {other} need different actions: use a command for each")
    return spec.make(vars(options), tuple(dict.fromkeys(targets)))


def names_of(specs: Sequence[ActionSpec], options: argparse.Namespace) -> list[str]:
    """The names of the targets as typed; a number after several words is the positional argument. Raises UsageError.

    argparse assigns all words to the names. ``deployment/3`` is a workload of that name.
    """
    named: list[str] = list(options.targets)
    words = [argument for spec in specs for argument in spec.arguments if not argument.flag and argument.field]
    if words and len(named) > 1 and words[0].takes is Takes.INTEGER and named[-1].lstrip("+-").isdigit():
        setattr(options, words[0].field, _absolute(named.pop()))
    return named


def _absolute(word: str) -> int:
    try:
        return absolute(word)
    except argparse.ArgumentTypeError as error:
        raise UsageError(str(error)) from None
