"""Completion in bash, zsh and fish: ``quarterdeck completion SHELL`` prints a script that calls this module.

argcomplete handles the shells' difficulties (quoting, the characters at which bash breaks words, three protocols); it
is only imported when a shell asks. It completes from the parser itself; names in a cluster come from
console/cli/live_names.py.
"""

from __future__ import annotations

import argparse
import io
import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from console.cli import exit_codes, live_names
from console.cli.command_parser import CommandParser
from console.cli.command_table import GROUPS, SCENARIOS, SNAPSHOT_TABLES, in_group
from console.cli.dispatch import Invocation
from console.cli.parser import build
from console.cli.shared_flags import FORMS

ASKED: Final = "_ARGCOMPLETE"
"""Variable by which a shell requests completion instead of a command."""
PROGRAMS: Final = ("quarterdeck", "qd")
_ANSWER: Final = 8
"""File descriptor that the scripts of bash, zsh and fish read."""
_LOOKED_AT: Final = ("Pod", *live_names.WORKLOADS)
_Completer = Callable[..., Iterable[str]]
_OF_FLAGS: Final[Mapping[str, _Completer]] = {
    "context": live_names.contexts,
    "namespace": live_names.namespaces,
    "theme": live_names.themes,
    "view": live_names.views,
}
"""Destination of a flag → the names that it takes."""


def run(invocation: Invocation) -> int:
    """Exit 0 with the script of a shell."""
    print(script(invocation.options.shell), end="")
    return exit_codes.OK


def script(shell: str) -> str:
    """Text that a shell reads once, to ask us from then on."""
    from argcomplete.shell_integration import shellcode

    code: str = shellcode(PROGRAMS, shell=shell)
    return code.strip() + "\n"


def answer(prog: str) -> None:
    """Print the possible completions, and end the process."""
    import argcomplete

    # Flags only after a dash: otherwise they would clutter the names from the cluster.
    parser = completing(prog, _typed(os.environ))
    found = io.StringIO()

    def end(code: int) -> None:
        with os.fdopen(_ANSWER, "w") as shell:
            shell.write(_without_blanks(found.getvalue(), os.environ))
        os._exit(code)

    argcomplete.autocomplete(parser, always_complete_options=False, exit_method=end, output_stream=found)


def _without_blanks(answer: str, environ: Mapping[str, str]) -> str:
    """Return the completions for zsh without the colon behind names that have no description.

    argcomplete gives it to all, and zsh then draws dashes in front of nothing.
    """
    if environ.get("_ARGCOMPLETE_SHELL") != "zsh":
        return answer
    between = environ.get("_ARGCOMPLETE_IFS", "\013")
    return between.join(one.removesuffix(":None").removesuffix(":") for one in answer.split(between))


def _typed(environ: Mapping[str, str]) -> list[str]:
    """Return the words on the command line, before and after the cursor."""
    line = environ.get("COMP_LINE", "")
    try:
        return shlex.split(line)[1:]
    except ValueError:
        # An open quotation.
        return line.split()[1:]


def completing(prog: str, words: list[str]) -> CommandParser:
    """Return the parser of a command line, with a completer for each argument."""
    parser, commands = build(prog, words)
    for name, each in ({"": parser} | commands).items():
        for action in each._actions:
            if isinstance(action, argparse._SubParsersAction):
                _describe(action, name)
                continue
            completer = _completer(name, action)
            if completer is not None:
                action.completer = completer  # type: ignore[attr-defined]
    return parser


def _describe(commands: argparse._SubParsersAction[CommandParser], within: str) -> None:
    """Give each command its summary, as the shells show them: ``build`` spends nothing on that."""
    about = {name: summary for group in GROUPS for name, summary in in_group(group)}
    for name in commands.choices:
        summary = about.get(f"{within} {name}".strip())
        if summary:
            commands._choices_actions.append(commands._ChoicesPseudoAction(name, (), summary))


def _completer(command: str, action: argparse.Action) -> _Completer | None:
    """Return the completer of an argument; None if its choices, or local files, complete it."""
    if action.dest == "what" and command == "snapshot":
        return _one_of(SNAPSHOT_TABLES)
    if action.dest == "scenario":
        return _one_of(SCENARIOS)
    if action.choices is not None:
        # argcomplete would give the help of the flag as the description of each.
        return _one_of(FORMS if action.dest == "form" and set(action.choices) == set(FORMS) else action.choices)
    if (own := _OF_FLAGS.get(action.dest)) is not None:
        return own
    if action.dest == "object":
        return live_names.completer(_LOOKED_AT)
    if action.dest == "targets":
        from actions.catalogue import specs_of
        from console.cli.action_flags import targets_of

        return live_names.completer(targets_of(specs_of(command)))
    if command.startswith("local ") and action.dest in ("name", "names") and not action.option_strings:
        return live_names.servers
    file = isinstance(action.metavar, str) and action.metavar in ("FILE", "DIR", "IN", "OUT", "MODEL", "FORM|FILE")
    # argcomplete offers files by default, but not for numbers or names.
    return None if action.nargs == 0 or file else _one_of(())


def _one_of(names: Iterable[str]) -> _Completer:
    def complete(**_: object) -> Iterable[str]:
        return names

    return complete
