"""The request that a command line asks for."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from actions.drain.manner import AtDeadline, Method
from actions.kinds.bounds import Bounds
from actions.kinds.cordon import Cordon, Uncordon
from actions.kinds.drain import Drain
from actions.kinds.drain_node import DrainNode
from actions.kinds.hold import Hold
from actions.kinds.pausing import Pause, Resume
from actions.kinds.restart import Restart
from actions.kinds.rollback import RollBack
from actions.kinds.scale import Scale
from actions.kinds.unblock import Unblock
from actions.request import Request, Target


class UsageError(Exception):
    """What was typed cannot be asked for; the text says why."""


_MOST = 2**31 - 1
"""Kubernetes' APIs have replicas as int32."""

Build = Callable[[argparse.Namespace, tuple[Target, ...]], Request]


def request_of(command: str, options: argparse.Namespace, targets: tuple[Target, ...]) -> Request:
    """The request that the options stand for, on targets that were found. Raises UsageError."""
    return _BUILD[command](options, targets)


def _scale(options: argparse.Namespace, targets: tuple[Target, ...]) -> Request:
    given = {n for n in (options.count, options.replicas) if n is not None}
    if len(given) != 1:
        raise UsageError("say how many replicas: quarterdeck scale deployment/chat 4")
    (count,) = given
    return Scale(targets[0], _replicas(count))


def _drain(options: argparse.Namespace, targets: tuple[Target, ...]) -> Request:
    first, *others = targets
    at_deadline = AtDeadline(options.at_deadline or AtDeadline.EVICT)
    if first.kind == "Node":
        if others:
            raise UsageError("one node at a time")
        return DrainNode(
            first,
            options.deadline,
            at_deadline,
            delete_empty_dir=options.delete_emptydir_data,
            force=options.force,
        )
    return Drain(
        first,
        others=tuple(others),
        method=Method(options.method or Method.AUTO),
        replacement_first=options.first,
        deadline=options.deadline,
        at_deadline=at_deadline,
    )


def _bounds(options: argparse.Namespace, targets: tuple[Target, ...]) -> Request:
    if options.min is None and options.max is None:
        raise UsageError("say what to change: --min N, --max N or both")
    least, most = (None if each is None else _replicas(each) for each in (options.min, options.max))
    return Bounds(targets[0], least, most)


def _hold(options: argparse.Namespace, targets: tuple[Target, ...]) -> Request:
    if (options.count is None) is not options.off:
        raise UsageError("say at how many replicas to pause it, or --off to let it go on")
    return Hold(targets[0], None if options.count is None else _replicas(options.count))


def _replicas(count: int) -> int:
    if count < 0:
        raise UsageError("replicas cannot be fewer than 0")
    if count > _MOST:
        raise UsageError(f"replicas cannot be more than {_MOST}")
    return count


_BUILD: dict[str, Build] = {
    "scale": _scale,
    "drain": _drain,
    "cordon": lambda _, targets: Cordon(targets[0]),
    "uncordon": lambda _, targets: Uncordon(targets[0]),
    "rollback": lambda options, targets: RollBack(targets[0], options.to),
    "restart": lambda _, targets: Restart(targets[0]),
    "pause": lambda _, targets: Pause(targets[0]),
    "resume": lambda _, targets: Resume(targets[0]),
    "unblock": lambda _, targets: Unblock(targets[0]),
    "bounds": _bounds,
    "hold": _hold,
}
