"""The flags of ``quarterdeck local``. Imports nothing that starts servers: read-only mode parses these too."""

from __future__ import annotations

import argparse
from typing import Any, TypeVar

from actions.catalogue import commands as acting
from actions.catalogue import specs_of
from actions.spec import ActionSpec, Launch
from console.cli.action_flags import add_argument
from console.cli.shared_flags import add_how, add_output, between, count, seconds
from fleet.local.vllm_arguments import ARGUMENTS, SWITCH, WORDS

P = TypeVar("P", bound=argparse.ArgumentParser)

_GATEWAYS = ("nginx", "litellm", "envoy", "haproxy", "gateway-api")


def add_local(parser: P) -> dict[str, P]:
    """Give ``local`` its own commands: the parser of each, of the same class, by name."""
    commands: dict[str, P] = {}
    into: Any = parser.add_subparsers(dest="local_command", metavar="<what>", required=True)
    acts = {name: specs_of(f"local {name}")[0] for name in acting("local")}
    for name, spec in acts.items():
        commands[name] = command = into.add_parser(name, description=spec.about, help=spec.about, allow_abbrev=False)
        _acting(command, spec)
    for name, about, add in (
        ("undo", "Undo your last action on the servers on this machine.", _common),
        ("ls", "The servers on this machine.", _ls),
        ("logs", "The log of a server.", _logs),
        ("try", "Send a prompt to a server; the answer streams to stdout.", _try),
        ("benches", "The benchmarks run on this machine.", _benches),
        ("entry", "A server as a configuration entry for gateways, to copy; nothing is applied.", _entry),
    ):
        commands[name] = command = into.add_parser(name, description=about, help=about, allow_abbrev=False)
        add(command)
    return {f"local {name}": command for name, command in commands.items()}


def _acting(parser: argparse.ArgumentParser, spec: ActionSpec) -> None:
    """An action, from its declaration: its target, vLLM's arguments where it starts a server, and its own."""
    new = spec.launch is Launch.NEW
    if new:
        parser.add_argument("model", metavar="MODEL", nargs="?", help="a folder, org/name on the hub, or a preset")
        parser.add_argument("--name", metavar="NAME", help="its name (default: after the model)")
        parser.add_argument("--preset", metavar="P", help="a preset from the settings")
        parser.add_argument("--like", metavar="NS/POD", help="with the settings of this pod of the current context")
    elif spec.each:
        parser.add_argument("names", metavar=spec.target_metavar, nargs="*", help=spec.target_help or None)
        parser.add_argument("--all", action="store_true", help="all servers on this machine")
    else:
        parser.add_argument("name", metavar=spec.target_metavar, help=spec.target_help or None)
    if spec.launch is not None:
        _arguments(parser)
    for argument in spec.arguments:
        add_argument(parser, argument)
    if spec.launch is not None:
        parser.add_argument("--detach", action="store_true", help="exit once it is started; it continues to load")
    _common(parser)
    if new:
        parser.add_argument("--wait", metavar="S", type=seconds, default=30.0, help="--like: wait for the sources (30)")


def _arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of vllm serve; absent ones do not appear in the namespace."""
    group = parser.add_argument_group("arguments of vllm serve", argument_default=argparse.SUPPRESS)
    for each in ARGUMENTS:
        names = (*each.short, each.flag)
        if each.kind is SWITCH:
            switch = argparse.BooleanOptionalAction
            group.add_argument(*names, action=switch, default=argparse.SUPPRESS, help=each.help)
        elif each.kind is WORDS:
            group.add_argument(*names, metavar=each.metavar, nargs="+", help=each.help)
        else:
            group.add_argument(*names, metavar=each.metavar, type=each.kind.typed, help=each.help)
    group.add_argument("--env", metavar="K=V", action="append", help="an environment variable for it (repeatable)")
    group.add_argument(
        "--hub", action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help="let it download from the hub"
    )


def _ls(parser: argparse.ArgumentParser) -> None:
    add_output(parser, "quarterdeck/local/v1 (docs/local.md)", watch=True)


def _logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="SERVER")
    parser.add_argument("-f", "--follow", action="store_true", help="continue until Ctrl-C")
    parser.add_argument("--tail", metavar="N", type=count, help="only the last N lines")


def _try(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="SERVER")
    parser.add_argument("prompt", metavar="PROMPT", nargs="+")
    parser.add_argument(
        "--tokens", metavar="N", type=between(1, 1_000_000), default=256, help="at most this many (256)"
    )


def _benches(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="SERVER", nargs="?", help="only of this server")
    add_output(parser, "quarterdeck/benches/v1 (docs/local.md)")


def _entry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="SERVER")
    parser.add_argument("--for", dest="gateway", choices=_GATEWAYS, default="", help="only this gateway")
    parser.add_argument(
        "--address", metavar="ADDR", default="", help="the address at which the gateway reaches this machine"
    )


def _common(parser: argparse.ArgumentParser) -> None:
    add_how(parser, "nothing is started or stopped", wait=False)
