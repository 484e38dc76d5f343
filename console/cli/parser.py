"""The flags of every command."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from actions.catalogue import commands as acting
from actions.catalogue import specs_of
from console.cli import command_table, exit_codes
from console.cli.command_table import COMMON_FLAGS, SCENARIOS, SNAPSHOT_TABLES
from console.cli.recording_flags import add_eval, add_record, add_replay, add_scrub
from console.cli.shared_flags import add_how_on_a_cluster, add_output, add_wait
from console.config.load import Flag
from console.config.moments import moment, moment_until
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
            known = _long_flags(self)
            message = f"unknown {what} {wrong}"
        elif match := re.match(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)", message):
            wrong, known = match[2], re.findall(r"[\w-]+", match[3])
            what = match[1].strip("<>")
            message = (
                f'unknown {what} "{wrong}"' if what == "command" else f'{what}: "{wrong}" is not one of {match[3]}'
            )
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


def _long_flags(parser: argparse.ArgumentParser) -> list[str]:
    return re.findall(r"--[a-z-]+", argparse.ArgumentParser.format_help(parser))


def parse(prog: str, arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a command line; ``command`` is None for the console itself. SystemExit(2) for wrong usage."""
    # Arguments after `--` of a command that starts a server are vllm's, not our flags.
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser, commands = build(prog, arguments[:cut])
    meant = _parser_for(parser, commands, arguments[:cut])
    own = set(_long_flags(meant))
    known = own | set(_long_flags(parser))
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
    for name in (*_LOOKS, "local", *acting(), "undo"):
        if words is not None and name not in words:
            into.add_parser(name)
            continue
        commands[name] = command = into.add_parser(name, allow_abbrev=False)
        if name in _LOOKS:
            command.description = command_table.of(name).about
            if name == "check":
                # For check, 2 means critical, which a misspelt flag is not.
                command.wrong = exit_codes.UNREACHABLE
            _LOOKS[name](command)
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


def _demo(parser: argparse.ArgumentParser) -> None:
    add_record(parser)
    parser.add_argument("--scenario", metavar="S", help="what happens to the fleet (default: steady)")
    parser.add_argument("--pods", metavar="N", type=int, help="how many pods")
    parser.add_argument("--seed", metavar="K", type=int, help="the same seed gives the same fleet")
    parser.add_argument("--speed", metavar="X", type=float, help="simulated seconds per second")
    parser.add_argument("--serve", action="store_true", help="only the fleet, for kubectl, curl and Prometheus")
    parser.add_argument("--port", metavar="P", type=int, help="port of its API server (default: any)")


def _snapshot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        choices=SNAPSHOT_TABLES,
        default="fleet",
        metavar="WHAT",
        help=f"{', '.join(SNAPSHOT_TABLES[:-1])} or {SNAPSHOT_TABLES[-1]} (default: fleet)",
    )
    schema = "quarterdeck/snapshot/v1 (docs/snapshot.md)"
    add_output(parser, schema, table="a plain table, worst first (default)", watch=True)
    add_wait(parser)


def _check(parser: argparse.ArgumentParser) -> None:
    add_output(parser, "quarterdeck/check/v1 (docs/check.md)", watch=True)
    parser.add_argument("--now", action="store_true", help="count problems that have only begun")
    add_wait(parser)


def _slo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=("suggest",),
        nargs="?",
        help="objectives that the fleet meets today, as TOML for the configuration",
    )
    add_output(parser, "quarterdeck/slo/v1 (docs/objectives.md)", watch=True)
    add_wait(parser)


def _why(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("object", metavar="OBJECT", help="[KIND/]NAME of a workload or a pod")
    add_output(parser, "quarterdeck/why/v1 (docs/screens.md)")
    add_wait(parser)


def _ticket(parser: argparse.ArgumentParser) -> None:
    from console.cli.ticket_flags import add_ticket

    add_ticket(parser)


def _rules(parser: argparse.ArgumentParser) -> None:
    add_wait(parser)


def _timeline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("object", metavar="OBJECT", nargs="?", help="KIND/NAME: what happened to it (default: to all)")
    parser.add_argument("--since", metavar="T", type=moment, help="6h (default), 2d, 2026-11-20 or 2026-11-20T14:02Z")
    add_output(parser, "quarterdeck/timeline/v1 (docs/timeline.md)", watch=True)


def _doctor(parser: argparse.ArgumentParser) -> None:
    add_output(parser, "quarterdeck/doctor/v1")


def _audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=("show", "verify", "export"),
        help="show the actions, check that the log was not changed, or export it",
    )
    parser.add_argument("--since", metavar="T", type=moment, help="2h, 7d, 2026-11-20 or 2026-11-20T14:02Z")
    parser.add_argument("--until", metavar="T", type=moment_until, help="the same")
    parser.add_argument(
        "--person", metavar="P", help="cluster identity, login or SSH origin; a substring, or a pattern with *"
    )
    parser.add_argument("--target", metavar="T", help="namespace/Kind/name or uid; a substring, or a pattern with *")
    parser.add_argument("--action", metavar="K", help="scale, drain, rollback …, or a prefix of an id")
    parser.add_argument("--json", action="store_true", help="show, verify: as JSON (docs/audit.md)")
    parser.add_argument("--format", choices=("json", "csv", "html"), help="export: format (json)")
    parser.add_argument(
        "--anchor",
        metavar="DIGEST|FILE",
        action="append",
        help="verify: the log must still contain the record with this digest, or those listed in this file "
        "(repeatable; docs/audit.md)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FORM|FILE",
        help="show: table, wide, json, yaml, csv or name; export: the file to write (stdout)",
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--dir", metavar="DIR", type=Path, help="folder of the log (default: yours)")
    place.add_argument("--file", metavar="FILE", type=Path, help="only this file of a log")


def _rbac(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("role", choices=("auditor", "oncall"), help="read everything, or also act")
    parser.add_argument(
        "--in", dest="in_namespace", metavar="NS", action="append", help="only in this namespace (repeatable)"
    )
    parser.add_argument("--user", metavar="U", action="append", help="bind it to this user (repeatable)")
    parser.add_argument("--group", metavar="G", action="append", help="bind it to this group (repeatable)")
    parser.add_argument("--logs", action="store_true", help="auditor: also pod logs")
    parser.add_argument("--proxy", action="store_true", help="also the API server's proxy to engines and Prometheus")


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", choices=("show", "check", "path"), help="show the values, check the file, or print its path"
    )


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="shell to print the script for")


def _web(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="where to listen (127.0.0.1)")
    parser.add_argument("--port", metavar="P", type=int, default=8300, help="port (8300; 0: any)")
    parser.add_argument("--cert", metavar="FILE", type=Path, help="TLS: certificate with its chain, PEM")
    parser.add_argument("--key", metavar="FILE", type=Path, help="TLS: its private key, if it is not beside it")
    parser.add_argument("--sessions", metavar="N", type=int, default=8, help="concurrent browser sessions (8)")


def _man(_: argparse.ArgumentParser) -> None:
    """Add nothing: it has no flags."""


_LOOKS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "demo": _demo,
    "snapshot": _snapshot,
    "check": _check,
    "slo": _slo,
    "why": _why,
    "ticket": _ticket,
    "rules": _rules,
    "timeline": _timeline,
    "replay": add_replay,
    "record": add_scrub,
    "eval": add_eval,
    "doctor": _doctor,
    "audit": _audit,
    "rbac": _rbac,
    "config": _config,
    "completion": _completion,
    "man": _man,
    "web": _web,
}
"""Command → its flags, for commands that change nothing."""
