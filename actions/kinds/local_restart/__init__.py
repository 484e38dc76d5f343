"""Take a vLLM server on this machine down and start it again, optionally with other arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actions.kinds.local_down import GRACE
from actions.kinds.local_up import VERIFY
from actions.request import LOCAL_SERVER, Request
from actions.spec import ActionSpec, Launch, no_permissions
from fleet.dataclass import dataclass
from fleet.local.spec import LaunchSpec

if TYPE_CHECKING:
    from actions.local.context import LocalAction


@dataclass(frozen=True, slots=True)
class LocalRestart(Request):
    """Take a server down and start it again, with other arguments where ``spec`` differs."""

    kind: ClassVar[str] = "local-restart"
    spec: LaunchSpec
    grace: float | None = None
    verify: bool = False


def _action() -> LocalAction:
    from actions.kinds.local_restart.action import LocalRestartAction

    return LocalRestartAction()


LOCAL_RESTART = ActionSpec(
    request=LocalRestart,
    action=_action,
    title="Restart the server, with its arguments or changed ones",
    about="Restart a server, optionally with other arguments.",
    done="restarted",
    sends="nothing to a cluster: it signals a process and starts another",
    objects=(LOCAL_SERVER,),
    launch=Launch.AGAIN,
    permissions=no_permissions,
    arguments=(GRACE, VERIFY),
    target_metavar="SERVER",
    names=("local-restart",),
    keys=("r",),
    hint="restart",
)
