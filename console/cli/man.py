"""``quarterdeck man``: the manual page, made from the parser and the table of commands.

The wheel has it as share/man/man1/quarterdeck.1: ``python -m console.cli.man > docs/quarterdeck.1``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from console import __version__
from console.cli import command_table, exit_codes
from console.cli.command_parser import COMMON, positional
from console.cli.dispatch import Invocation
from console.cli.parser import build

_FILES = {
    "~/.config/quarterdeck/config.toml": "the configuration",
    "~/.local/state/quarterdeck/": "the audit log, the recording of each context, and the servers on this machine",
    "/etc/quarterdeck/policy.toml": "the site policy, which can only tighten the other settings",
}
_VARIABLES = {
    "KUBECONFIG": "kubeconfig files, as for kubectl",
    "QUARTERDECK_CONFIG": "another configuration file",
    "QUARTERDECK_SECTION_KEY": "a value of the configuration, for example QUARTERDECK_UI_REFRESH",
    "NO_COLOR": "no colours",
}


def run(_: Invocation) -> int:
    """Exit 0."""
    print(page(), end="")
    return exit_codes.OK


def page() -> str:
    """The manual in the macros of man."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    parser, commands = build("quarterdeck")
    yield f'.TH QUARTERDECK 1 "" "Quarterdeck {__version__}" "User Commands"'
    yield from (".SH NAME", _text("quarterdeck - the ops console for LLM serving fleets, in a terminal"))
    yield from (".SH SYNOPSIS", r".B quarterdeck", _text("[command] [flags]"))
    yield ".SH DESCRIPTION"
    yield _text(
        "Shows every pod of a Kubernetes cluster that serves a model, with its load, its latency and its GPUs, worst "
        "first; says what is wrong, since when and what changed; and acts, always with a plan, a record and an undo. "
        "Without a command it opens the console; qd and kubectl quarterdeck are the same program."
    )
    yield ".SH COMMANDS"
    for name, command in commands.items():
        yield from _command(name, command)
    yield ".SH OPTIONS"
    yield _text("Accepted by every command, before or after its name.")
    for flag in command_table.COMMON_FLAGS:
        yield from _item(f"{', '.join(flag.names)} {flag.metavar}".rstrip(), flag.help)
    own = [action for action in parser._actions if action.option_strings == ["--record"]]
    yield from (line for action in own for line in _flag(action))
    yield ".SH EXIT STATUS"
    for code, meaning in command_table.EXIT_CODES.items():
        yield from _item(str(code), meaning)
    yield _text("check uses the exit codes of monitoring plugins: 0 ok, 1 warning, 2 critical, 3 unknown.")
    yield ".SH FILES"
    for path, meaning in _FILES.items():
        yield from _item(path, meaning)
    yield ".SH ENVIRONMENT"
    for variable, meaning in _VARIABLES.items():
        yield from _item(variable, meaning)
    yield ".SH EXAMPLES"
    yield from _examples("")
    yield from (".SH SEE ALSO", ".BR kubectl (1)")


def _command(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    listed = command_table.of(name)
    words = " ".join(filter(None, map(positional, parser._actions)))
    yield f".SS {_text(f'quarterdeck {name} {words}'.rstrip())}"
    yield _text(parser.description or listed.about)
    for action in parser._actions:
        if not action.option_strings and action.help and action.metavar != "<what>":
            yield from _item(positional(action), action.help)
    for group in parser._action_groups:
        if group.title != COMMON:
            for action in group._group_actions:
                if action.option_strings and action.dest != "help":
                    yield from _flag(action)
    if name == "demo":
        yield from (".PP", "Scenarios:")
        for scenario, about in command_table.SCENARIOS.items():
            yield from _item(scenario, about)
    yield from _examples(name)


def _flag(action: argparse.Action) -> Iterator[str]:
    metavar = f" {action.metavar}" if isinstance(action.metavar, str) and action.nargs != 0 else ""
    yield from _item(", ".join(action.option_strings) + metavar, action.help or "")


def _examples(name: str) -> Iterator[str]:
    for example in command_table.of(name).examples:
        yield from (".PP", f".RS 2\n{_text(f'$ quarterdeck {example.words}'.rstrip())}\n.RE", ".RS 4")
        yield from (_text(example.says), ".RE")


def _item(term: str, meaning: str) -> Iterator[str]:
    yield from (".TP", f"\\fB{_text(term)}\\fR", _text(meaning))


def _text(text: str) -> str:
    """Return text escaped for roff."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


if __name__ == "__main__":
    print(page(), end="")
