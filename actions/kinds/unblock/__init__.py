"""Unblock: let a rollout that waits for GPUs replace pods instead of adding them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actions.request import Request
from actions.spec import BY_NAME, ActionSpec
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.running.execution_context import ClusterAction


@dataclass(frozen=True, slots=True)
class Unblock(Request):
    """Let a rollout that waits for GPUs replace pods instead of adding them; values as in ``rollingUpdate``."""

    kind: ClassVar[str] = "unblock"
    max_surge: int | str = 0
    max_unavailable: int | str = 1


def _action() -> ClusterAction:
    from actions.kinds.unblock.action import UnblockAction

    return UnblockAction()


UNBLOCK = ActionSpec(
    request=Unblock,
    action=_action,
    title="Unblock a rollout that waits for GPUs: replace pods instead of adding them",
    about="Let a rollout that waits for GPUs replace pods instead of adding them.",
    done="unblocked",
    sends="PATCH of the strategy: maxSurge 0, maxUnavailable 1",
    workloads=lambda kind: kind.unblockable,
    target_help=BY_NAME,
    names=("unblock",),
)
