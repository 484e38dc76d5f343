"""The flags of the actions. Imports nothing of them: every command parses these."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from console.cli.how_flags import add_how, seconds

_WORKLOAD = "deployment/NAME, statefulset/NAME, or a name that only one workload has"


def add_scale(parser: argparse.ArgumentParser) -> None:
    """``scale``."""
    parser.add_argument("target", metavar="TARGET", help=_WORKLOAD)
    parser.add_argument("count", metavar="REPLICAS", type=int, nargs="?", help="how many")
    parser.add_argument("--replicas", metavar="N", type=int, help="the same, as kubectl has it")
    _common(parser)


def add_drain(parser: argparse.ArgumentParser) -> None:
    """``drain``."""
    parser.add_argument("targets", metavar="TARGET", nargs="+", help="pods, or node/NAME")
    parser.add_argument("--deadline", metavar="S", type=seconds, help="seconds for its requests (configuration: 300)")
    parser.add_argument("--at-deadline", choices=("evict", "stop"), help="evict all the same, or stop there")
    parser.add_argument(
        "--method", choices=("auto", "label", "orphan", "evict"), help="how a pod is taken out of service"
    )
    first = parser.add_mutually_exclusive_group()
    first.add_argument("--replacement-first", dest="first", action="store_true", default=None, help="wait for another")
    first.add_argument("--no-replacement-first", dest="first", action="store_false", help="take it out at once")
    parser.add_argument("--delete-emptydir-data", action="store_true", help="node: also pods with emptyDir volumes")
    parser.add_argument("--force", action="store_true", help="node: also pods that nothing would start again")
    parser.add_argument(
        "--ignore-daemonsets", action="store_true", help="node: always so; taken because kubectl has it"
    )
    _common(parser)


def add_node(parser: argparse.ArgumentParser) -> None:
    """``cordon`` and ``uncordon``."""
    parser.add_argument("target", metavar="NODE")
    _common(parser)


def add_rollback(parser: argparse.ArgumentParser) -> None:
    """``rollback``."""
    parser.add_argument("target", metavar="TARGET", help=_WORKLOAD)
    parser.add_argument("--to", metavar="REVISION", default="", help="its number, name or hash (the one before)")
    parser.add_argument("--list", action="store_true", help="print the revisions and end")
    _common(parser)


def add_target(parser: argparse.ArgumentParser) -> None:
    """``restart``, ``pause``, ``resume``, ``unblock``."""
    parser.add_argument("target", metavar="TARGET", help=_WORKLOAD)
    _common(parser)


def add_bounds(parser: argparse.ArgumentParser) -> None:
    """``bounds``."""
    parser.add_argument("target", metavar="TARGET", help="hpa/NAME or scaledobject/NAME")
    parser.add_argument("--min", metavar="N", type=int, help="fewest replicas")
    parser.add_argument("--max", metavar="N", type=int, help="most replicas")
    _common(parser)


def add_hold(parser: argparse.ArgumentParser) -> None:
    """``hold``."""
    parser.add_argument("target", metavar="TARGET", help="scaledobject/NAME")
    parser.add_argument("count", metavar="REPLICAS", type=int, nargs="?", help="pause it at this many")
    parser.add_argument("--off", action="store_true", help="let it go on")
    _common(parser)


def add_undo(parser: argparse.ArgumentParser) -> None:
    """``undo``."""
    _common(parser)


Add = Callable[[argparse.ArgumentParser], Any]
COMMANDS: tuple[tuple[str, str, Add], ...] = (
    ("scale", "Change how many replicas a workload has.", add_scale),
    (
        "drain",
        "Take pods, or all pods of a node, out of service and evict them when their requests are done.",
        add_drain,
    ),
    ("cordon", "Let no new pod onto a node.", add_node),
    ("uncordon", "Let pods onto a node again.", add_node),
    ("rollback", "Give a workload the template of an earlier revision.", add_rollback),
    ("restart", "Restart a workload pod by pod, or one pod.", add_target),
    ("pause", "Hold a Deployment's rollout where it is.", add_target),
    ("resume", "Let a paused rollout go on.", add_target),
    ("unblock", "Let a rollout that waits for GPUs replace pods instead of adding them.", add_target),
    ("bounds", "Change the bounds of an autoscaler.", add_bounds),
    ("hold", "Pause KEDA's scaling, or let it go on.", add_hold),
    ("undo", "Take back the last action that you did on this cluster.", add_undo),
)
"""Command, what it does, its flags."""


def _common(parser: argparse.ArgumentParser) -> None:
    add_how(parser, "nothing is sent but dry runs", wait=True)
