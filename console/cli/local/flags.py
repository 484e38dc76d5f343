"""The flags of ``quarterdeck local``. Imports nothing of what they start: read-only mode parses these, too."""

from __future__ import annotations

import argparse
from typing import Any, TypeVar

from actions.kinds.local_bench import LOCAL_BENCH
from actions.kinds.local_down import LOCAL_DOWN
from actions.kinds.local_restart import LOCAL_RESTART
from actions.kinds.local_up import LOCAL_UP
from actions.spec import ActionSpec
from console.cli.action_command import add_argument
from console.cli.how_flags import add_how, count, seconds
from fleet.local.vllm_arguments import ARGUMENTS, SWITCH, WORDS

P = TypeVar("P", bound=argparse.ArgumentParser)

_GATEWAYS = ("nginx", "litellm", "envoy", "haproxy", "gateway-api")


def add_local(parser: P) -> dict[str, P]:
    """Give ``local`` its own commands: the parser of each, of the same class, by name."""
    commands: dict[str, P] = {}
    into: Any = parser.add_subparsers(dest="local_command", metavar="<what>", required=True)
    for name, about, add in (
        ("up", LOCAL_UP.about, _up),
        ("ls", "The servers of this machine.", _ls),
        ("logs", "What a server has written.", _logs),
        ("down", LOCAL_DOWN.about, _down),
        ("restart", LOCAL_RESTART.about, _restart),
        ("undo", "Take back your last action on the servers of this machine.", _common),
        ("try", "Put a prompt to a server; the answer streams to stdout.", _try),
        ("bench", LOCAL_BENCH.about, _bench),
        ("benches", "The benchmarks that were run here.", _benches),
        ("entry", "A server as an entry for gateways: to be copied, nothing is applied.", _entry),
    ):
        command = into.add_parser(name, description=about, allow_abbrev=False)
        add(command)
        commands[f"local {name}"] = command
    return commands


def _up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", nargs="?", help="a folder, org/name of the hub, or a preset")
    parser.add_argument("--name", metavar="NAME", help="what it is called (default: after the model)")
    parser.add_argument("--preset", metavar="P", help="a preset of the settings")
    parser.add_argument("--like", metavar="NS/POD", help="the same as this pod of the current context")
    _arguments(parser)
    _declared(parser, LOCAL_UP)
    parser.add_argument("--detach", action="store_true", help="end when it is started; it loads on")
    _common(parser)
    parser.add_argument("--wait", metavar="S", type=seconds, default=30.0, help="--like: wait for the sources (30)")


def _arguments(parser: argparse.ArgumentParser) -> None:
    """Of vllm serve; those that are not given are absent from the namespace."""
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
    group.add_argument("--env", metavar="K=V", action="append", help="a variable for it (repeatable)")
    group.add_argument(
        "--hub", action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help="let it fetch from the hub"
    )


def _ls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="quarterdeck/local/v1 (docs/local.md)")


def _logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="SERVER")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until Ctrl-C")
    parser.add_argument("--tail", metavar="N", type=count, help="the last N lines alone")


def _down(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", metavar="SERVER", nargs="*")
    parser.add_argument("--all", action="store_true", help="all servers of this machine")
    _declared(parser, LOCAL_DOWN)
    _common(parser)


def _restart(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="SERVER")
    _arguments(parser)
    _declared(parser, LOCAL_RESTART)
    parser.add_argument("--detach", action="store_true", help="end when it is started again; it loads on")
    _common(parser)


def _try(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="SERVER")
    parser.add_argument("prompt", metavar="PROMPT", nargs="+")
    parser.add_argument("--tokens", metavar="N", type=int, default=256, help="at most this many (256)")


def _bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="SERVER")
    _declared(parser, LOCAL_BENCH)
    _common(parser)


def _benches(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="SERVER", nargs="?", help="of this server alone")
    parser.add_argument("--json", action="store_true", help="quarterdeck/benches/v1 (docs/local.md)")


def _entry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="SERVER")
    parser.add_argument("--for", dest="gateway", choices=_GATEWAYS, default="", help="one gateway alone")
    parser.add_argument("--address", metavar="ADDR", default="", help="what the gateway reaches this machine by")


def _declared(parser: argparse.ArgumentParser, spec: ActionSpec) -> None:
    for argument in spec.arguments:
        add_argument(parser, argument)


def _common(parser: argparse.ArgumentParser) -> None:
    add_how(parser, "nothing is started or ended", wait=False)
