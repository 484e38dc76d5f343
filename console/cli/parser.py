"""The flags of every command."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, get_args

from console.cli import exits, usage
from console.config.load import Flag
from console.config.settings import ThemeChoice


class Parser(argparse.ArgumentParser):
    """Errors in one line and a hint, not the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(exits.USAGE, f"{self.prog}: {self._improve(message)}\n  {self.prog} --help lists what there is.\n")

    def format_help(self) -> str:
        return usage.text(self.prog) if " " not in self.prog.removeprefix("kubectl ") else super().format_help()

    def _improve(self, message: str) -> str:
        """Say what was probably meant."""
        if match := re.match(r"unrecognized arguments: (\S+)", message):
            wrong, known, what = match[1], _long_flags(self), "flag" if match[1].startswith("-") else "argument"
            message = f"unknown {what} {wrong}"
        elif match := re.match(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)", message):
            wrong, known = match[2], re.findall(r"[\w-]+", match[3])
            what = match[1].strip("<>")
            message = (
                f'unknown {what} "{wrong}"' if what == "command" else f'{what}: "{wrong}" is not one of {match[3]}'
            )
        else:
            return message
        close = difflib.get_close_matches(wrong, known, n=1)
        return f"{message}; did you mean {close[0]}?" if close else message


def _long_flags(parser: argparse.ArgumentParser) -> list[str]:
    return re.findall(r"--[a-z-]+", argparse.ArgumentParser.format_help(parser))


def build(prog: str) -> argparse.ArgumentParser:
    """The parser of the whole command line; the namespace's ``command`` is empty for the console itself."""
    parser = Parser(prog=prog, allow_abbrev=False)
    _global_flags(parser)
    parser.set_defaults(command="")
    commands = parser.add_subparsers(dest="command", metavar="<command>", parser_class=Parser)

    def add(name: str, about: str, extra: Callable[[argparse.ArgumentParser], None] | None = None) -> None:
        command = commands.add_parser(name, description=about, allow_abbrev=False)
        if extra:
            extra(command)
        _global_flags(command)

    add("demo", "The console on a simulated fleet.", _demo)
    add("snapshot", "The fleet, once, on stdout.", _snapshot)
    add("doctor", "What is reachable, permitted and measured, and what to do about the rest.", _doctor)
    add("config", "The configuration and where each value comes from.", _config)
    return parser


def setting_flags(options: argparse.Namespace) -> list[Flag]:
    """The flags that are settings, as they were given."""
    given = vars(options)
    flags = [
        Flag(key, given[name], typed)
        for name, key, typed in (
            ("context", ("cluster", "context"), "--context"),
            ("kubeconfig", ("cluster", "kubeconfig"), "--kubeconfig"),
            ("prometheus", ("prometheus", "url"), "--prometheus"),
            ("read_only", ("read_only",), "--read-only"),
            ("refresh", ("ui", "refresh"), "--refresh"),
            ("theme", ("ui", "theme"), "--theme"),
        )
        if name in given
    ]
    if "namespace" in given:
        flags.append(Flag(("cluster", "namespaces"), tuple(dict.fromkeys(given["namespace"])), "--namespace"))
    if "all_namespaces" in given:
        flags.append(Flag(("cluster", "namespaces"), (), "--all-namespaces"))
    return flags


def _global_flags(parser: argparse.ArgumentParser) -> None:
    """Flags that any command takes, before or after its name; absent from the namespace unless given."""
    group = parser.add_argument_group("which fleet, and how it looks", argument_default=argparse.SUPPRESS)
    group.add_argument("--context", metavar="NAME", help="context of the kubeconfig")
    group.add_argument(
        "-n", "--namespace", metavar="NS", action=_Extend, type=_names, help="only this namespace; may be repeated"
    )
    group.add_argument("-A", "--all-namespaces", action="store_true", help="every namespace")
    group.add_argument("--kubeconfig", metavar="FILE", help="kubeconfig file")
    group.add_argument("--prometheus", metavar="URL", help="Prometheus, Thanos, Mimir or VictoriaMetrics")
    group.add_argument("--read-only", action="store_true", help="let nothing through that changes the cluster")
    group.add_argument("--refresh", metavar="S", type=float, help="seconds between updates")
    group.add_argument("--theme", metavar="T", choices=get_args(ThemeChoice), help="colours")
    group.add_argument("--no-color", action="store_true", help="no colours")
    group.add_argument("--config", dest="config_file", metavar="FILE", type=Path, help="configuration file")


class _Extend(argparse.Action):
    """Like ``extend``, without the default list that ``SUPPRESS`` has none of."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[str] | None,
        option_string: str | None = None,
    ) -> None:
        del parser, option_string
        setattr(namespace, self.dest, [*getattr(namespace, self.dest, ()), *(values or ())])


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scenario", metavar="S", help="what happens to the fleet (default: steady)")
    parser.add_argument("--pods", metavar="N", type=int, help="how many pods")
    parser.add_argument("--seed", metavar="K", type=int, help="the same seed gives the same fleet")
    parser.add_argument("--speed", metavar="X", type=float, help="simulated seconds per second")
    parser.add_argument("--serve", action="store_true", help="the fleet alone, for kubectl, curl and Prometheus")
    parser.add_argument("--port", metavar="P", type=int, help="port of its API server (default: any)")


def _snapshot(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="quarterdeck/snapshot/v1 (docs/snapshot.md)")
    form.add_argument("--table", action="store_true", help="a plain table, worst first (default)")
    parser.add_argument("--wait", metavar="S", type=float, default=30.0, help="wait this long for the sources (30)")


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="quarterdeck/doctor/v1")


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", choices=("show", "check", "path"), help="show the values, check the file, or say which file it is"
    )
