"""The command line: from its words to options."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from actions.catalogue import commands as acting
from actions.catalogue import specs_of
from console.cli import command_table, exit_codes
from console.cli.command_parser import COMMON, CommandParser, long_flags
from console.cli.command_table import COMMON_FLAGS, LOOKS
from console.cli.shared_flags import add_how_on_a_cluster, add_record
from console.config.load import Flag


def parse(prog: str, arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a command line; ``command`` is None for the console itself. SystemExit(2) for wrong usage."""
    # Arguments after `--` of a command that starts a server are vllm's, not our flags.
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser, commands = build(prog, arguments[:cut])
    meant = _parser_for(parser, commands, arguments[:cut])
    own = set(long_flags(meant))
    known = own | set(long_flags(parser))
    name = meant.named()[1].partition(" ")[0]
    if not name and (of_tables := {"-o", "--output", "-w", "--watch"}.intersection(arguments[:cut])):
        flags = ", ".join(sorted(of_tables))
        parser.error(f"{flags}: the console has no such flag, its tables do: {prog} snapshot {flags}")
    for argument in arguments[:cut]:
        if argument == name:
            # The command's own flags follow it: the program's parser would turn their values into arguments.
            known = own
        # argparse would take the value after an unknown flag as the command, and report that.
        flag = argument.partition("=")[0]
        if flag.startswith("--") and flag not in known:
            meant.error(f"unrecognized arguments: {flag}")
    options, unknown = parser.parse_known_args(arguments[:cut])
    if unknown:
        meant.error(f"unrecognized arguments: {' '.join(unknown)}")
    extra = list(arguments[cut + 1 :]) if cut < len(arguments) else None
    if extra is not None and not _launches(options):
        parser.error("no arguments are accepted after -- here")
    options.extra = extra
    if options.record is not None and options.command not in (None, "demo"):
        parser.error("--record works only with the console and demo")
    return options


def _parser_for(parser: CommandParser, commands: dict[str, CommandParser], arguments: Sequence[str]) -> CommandParser:
    """The parser of the command that a command line names; that of the console where it names none."""
    words = parser.words(arguments)
    command = next((word for word in words if word in commands), "")
    found = commands.get(command, parser)
    return commands.get(f"{command} {next(words, '')}", found)


def _launches(options: argparse.Namespace) -> bool:
    """True if the command starts a server, and so accepts arguments of ``vllm serve``."""
    named = f"local {options.local_command}" if options.command == "local" else ""
    return any(spec.launch is not None for spec in specs_of(named))


def build(prog: str, words: Sequence[str] | None = None) -> tuple[CommandParser, dict[str, CommandParser]]:
    """Return the parser of the whole command line, and those of the commands among ``words`` (None: of all).

    Other commands are only known by name: their flags would cost more than everything else at a start.
    """
    parser = CommandParser(prog=prog, allow_abbrev=False)
    _global_flags(parser)
    add_record(parser)
    into = parser.add_subparsers(dest="command", metavar="<command>", parser_class=CommandParser)
    commands: dict[str, CommandParser] = {}
    for name in (*LOOKS, "local", *acting(), "undo"):
        if words is not None and name not in words:
            into.add_parser(name)
            continue
        commands[name] = command = into.add_parser(name, allow_abbrev=False)
        if name in LOOKS:
            from console.cli.look_flags import LOOK_FLAGS

            command.description = command_table.of(name).about
            if name == "check":
                # For check, 2 means critical, which a misspelt flag is not.
                command.wrong = exit_codes.UNREACHABLE
            LOOK_FLAGS[name](command)
        elif name == "local":
            from console.cli.local.flags import add_local

            command.description = command_table.of(name).about
            commands |= add_local(command)
        elif name == "undo":
            command.description = command_table.of(name).about
            add_how_on_a_cluster(command)
        else:
            from console.cli.action_flags import add_flags

            specs = specs_of(name)
            command.description = specs[0].about
            add_flags(command, specs)
    for command in commands.values():
        _global_flags(command)
    return parser, commands


def setting_flags(options: argparse.Namespace) -> list[Flag]:
    """The flags that are settings, as they were given."""
    given = vars(options)
    flags = [
        Flag(key, given[name], typed)
        for name, key, typed in (
            ("context", ("cluster", "context"), "--context"),
            ("namespace", ("cluster", "namespace"), "--namespace"),
            ("kubeconfig", ("cluster", "kubeconfig"), "--kubeconfig"),
            ("prometheus", ("prometheus", "url"), "--prometheus"),
            ("alertmanager", ("alertmanager", "url"), "--alertmanager"),
            ("read_only", ("read_only",), "--read-only"),
            ("refresh", ("ui", "refresh"), "--refresh"),
            ("theme", ("ui", "theme"), "--theme"),
            ("view", ("ui", "view"), "--view"),
        )
        if name in given
    ]
    if "all_namespaces" in given:
        flags.append(Flag(("cluster", "namespace"), "", "--all-namespaces"))
    return flags


def _global_flags(parser: argparse.ArgumentParser) -> None:
    """Flags that any command takes, before or after its name; absent from the namespace unless given."""
    group = parser.add_argument_group(COMMON, argument_default=argparse.SUPPRESS)
    view = group.add_mutually_exclusive_group()
    typed: Mapping[str, dict[str, Any]] = {
        "--refresh": {"type": float},
        "--config": {"type": Path, "dest": "config_file"},
    }
    for flag in COMMON_FLAGS:
        into = view if flag.names[0] in ("-n", "-A") else group
        more = {"metavar": flag.metavar} if flag.metavar else {"action": "store_true"}
        into.add_argument(
            *flag.names, default=argparse.SUPPRESS, help=flag.help, **(more | typed.get(flag.names[-1], {}))
        )
