"""The actions, one file each. What they all go through is in actions.planner and actions.runner."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from actions.request import Kind

if TYPE_CHECKING:
    from actions.execution_context import Action

_ACTIONS = {
    Kind.SCALE: ("scale", "ScaleAction"),
    Kind.BOUNDS: ("bounds", "BoundsAction"),
    Kind.HOLD: ("hold", "HoldAction"),
    Kind.DRAIN: ("drain", "DrainAction"),
    Kind.RESTORE: ("restore", "RestoreAction"),
    Kind.DRAIN_NODE: ("drain_node", "DrainNodeAction"),
    Kind.CORDON: ("cordon", "CordonAction"),
    Kind.UNCORDON: ("cordon", "CordonAction"),
    Kind.ROLL_BACK: ("rollback", "RollBackAction"),
    Kind.RESTART: ("restart", "RestartAction"),
    Kind.PAUSE: ("pausing", "PausingAction"),
    Kind.RESUME: ("pausing", "PausingAction"),
    Kind.UNBLOCK: ("unblock", "UnblockAction"),
    Kind.LOCAL_UP: ("local_up", "LocalUpAction"),
    Kind.LOCAL_DOWN: ("local_down", "LocalDownAction"),
    Kind.LOCAL_RESTART: ("local_restart", "LocalRestartAction"),
    Kind.LOCAL_BENCH: ("local_bench", "LocalBenchAction"),
}


def action_of(kind: Kind) -> Action:
    """The action of a kind; only what is asked for is imported."""
    module, name = _ACTIONS[kind]
    action: Action = getattr(import_module(f"actions.kinds.{module}"), name)()
    return action
