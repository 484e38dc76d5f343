"""Pause and resume the rollout of a Deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actions.request import Request
from actions.spec import BY_NAME, ActionSpec
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.running.execution_context import ClusterAction


@dataclass(frozen=True, slots=True)
class Pause(Request):
    """Pause a Deployment's rollout where it is."""

    kind: ClassVar[str] = "pause"


@dataclass(frozen=True, slots=True)
class Resume(Request):
    """Resume a paused rollout."""

    kind: ClassVar[str] = "resume"


def _action() -> ClusterAction:
    from actions.kinds.pausing.action import PausingAction

    return PausingAction()


PAUSE = ActionSpec(
    request=Pause,
    action=_action,
    title="Pause the rollout",
    about="Pause a Deployment's rollout where it is.",
    done="paused",
    sends="PATCH of `spec.paused`",
    workloads=lambda kind: kind.pausable,
    target_help=BY_NAME,
    names=("pause",),
)
RESUME = ActionSpec(
    request=Resume,
    action=_action,
    title="Resume a paused rollout",
    about="Resume a paused rollout.",
    done="resumed",
    sends="PATCH of `spec.paused`",
    workloads=lambda kind: kind.pausable,
    target_help=BY_NAME,
    names=("resume",),
)
