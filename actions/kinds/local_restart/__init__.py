"""Take a vLLM node of this machine down and start it again, with other arguments where they were changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from actions.request import LOCAL_NODE, Request
from actions.spec import ActionSpec, nothing
from fleet.local.spec import LaunchSpec

if TYPE_CHECKING:
    from actions.execution_context import Action


@dataclass(frozen=True, slots=True)
class LocalRestart(Request):
    """Take a node down and start it again, with other arguments where ``spec`` differs."""

    kind: ClassVar[str] = "local-restart"
    spec: LaunchSpec
    grace: float | None = None
    verify: bool = False


def _action() -> Action:
    from actions.kinds.local_restart.action import LocalRestartAction

    return LocalRestartAction()


LOCAL_RESTART = ActionSpec(
    request=LocalRestart,
    action=_action,
    title="Restart the node, with other arguments where they are changed",
    about="Start a node again, with other arguments where they are given.",
    done="restarted",
    sends="nothing to a cluster: it signals a process and starts another",
    targets=(LOCAL_NODE,),
    permissions=nothing,
    names=("local-restart",),
    keys=("r",),
    hint="restart",
)
