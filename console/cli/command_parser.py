"""A parser of one command: what is wrong in a line, with a suggestion, and help with examples."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterator, Sequence
from typing import NoReturn

from console.cli import command_table, exit_codes
from console.cli.command_table import SCENARIOS
from widgets.untrusted import untrusted

COMMON = "flags of every command"
_SECTIONS = {"options": "flags", "positional arguments": "arguments"}


class CommandParser(argparse.ArgumentParser):
    """Errors in one line and a hint, not the whole usage."""

    wrong = exit_codes.USAGE
    """The exit code of wrong usage."""

    def error(self, message: str) -> NoReturn:
        problem = untrusted(self._improve(message))
        if self.wrong != exit_codes.USAGE:
            # A monitoring plugin: its first line of stdout is what is shown.
            print(f"UNKNOWN: {problem}")
        self.exit(self.wrong, f"{self.prog}: {problem}\n  {self.prog} --help lists the choices.\n")

    def format_help(self) -> str:
        """Return its own flags and examples; the program's help has the common ones."""
        from console.cli import usage

        program, command = self.named()
        if not command:
            return usage.text(program)
        formatter = self._get_formatter()
        words = " ".join(filter(None, map(positional, self._actions)))
        formatter.add_usage(f"{self.prog} {words} [flags]".replace("  ", " "), [], [])
        formatter.add_text(self.description)
        for group in self._action_groups:
            if group.title == COMMON:
                continue
            formatter.start_section(_SECTIONS.get(group.title or "", group.title))
            formatter.add_text(group.description)
            formatter.add_arguments(group._group_actions)
            formatter.end_section()
        return formatter.format_help() + "".join(f"{line}\n" for line in _tail(program, command))

    def named(self) -> tuple[str, str]:
        """The program, and its command; empty for the console itself."""
        words = self.prog.split(" ")
        at = 2 if words[0] == "kubectl" else 1
        return " ".join(words[:at]), " ".join(words[at:])

    def _improve(self, message: str) -> str:
        """Add a suggestion to the message."""
        if match := re.match(r"unrecognized arguments: (\S+)", message):
            wrong, what = match[1], "flag" if match[1].startswith("-") else "argument"
            known = long_flags(self)
            message = f"unknown {what} {wrong}"
        elif match := re.match(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)", message):
            wrong, known = match[2], re.findall(r"[\w-]+", match[3])
            what = match[1].strip("<>")
            message = (
                f'unknown {what} "{wrong}"' if what == "command" else f'{what}: "{wrong}" is not one of {match[3]}'
            )
        elif match := re.match(r"(argument \S+): invalid (int|float) value: '(.*)'", message, re.DOTALL):
            return f'{match[1]}: "{match[3]}" is not a {"whole " if match[2] == "int" else ""}number'
        else:
            return message
        # Compare without dashes: the two shared ones would make any two short flags similar.
        named = {name.lstrip("-"): name for name in known}
        close = [named[name] for name in difflib.get_close_matches(wrong.lstrip("-"), named, n=1)]
        return f"{message}; did you mean {close[0]}?" if close else message

    def words(self, arguments: Sequence[str]) -> Iterator[str]:
        """Yield the arguments that are neither flags nor the values of flags that may precede a command."""
        valued = {flag for action in self._actions if action.nargs != 0 for flag in action.option_strings}
        before = ""
        for argument in arguments:
            if not argument.startswith("-") and before not in valued:
                yield argument
            before = argument


def positional(action: argparse.Action) -> str:
    """The form of an argument without a flag in the usage."""
    if action.option_strings:
        return ""
    name = action.metavar if isinstance(action.metavar, str) else "|".join(map(str, action.choices or (action.dest,)))
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(str(action.nargs), name)


def _tail(program: str, command: str) -> Iterator[str]:
    """Lines below the flags of a command."""
    from console.cli import usage

    if command == "demo":
        yield from ("", "scenarios:")
        yield from (f"  {name:<14}{about}" for name, about in SCENARIOS.items())
    yield from ("", "examples:")
    yield from usage.examples(program, command)
    see = command_table.of(command).see
    yield ""
    yield f"Flags of every command (cluster, display): {program} --help."
    if see:
        yield f"More: {see}"


def long_flags(parser: argparse.ArgumentParser) -> list[str]:
    """The long flags of a parser, as they are typed."""
    return re.findall(r"--[a-z-]+", argparse.ArgumentParser.format_help(parser))
