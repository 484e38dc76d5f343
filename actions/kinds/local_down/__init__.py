"""Take a vLLM server on this machine down."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actions.request import LOCAL_SERVER, Request
from actions.spec import ActionSpec, Argument, Takes, no_permissions
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.local.context import LocalAction

GRACE = Argument("grace", "--grace", Takes.SECONDS, "S", "seconds for running requests (configuration: 300)")


@dataclass(frozen=True, slots=True)
class LocalDown(Request):
    """Take a server on this machine down: no new requests, the running ones to their end, then the process."""

    kind: ClassVar[str] = "local-down"
    grace: float | None = None
    """Seconds for the running requests; None for the default of the settings."""


def _action() -> LocalAction:
    from actions.kinds.local_down.action import LocalDownAction

    return LocalDownAction()


LOCAL_DOWN = ActionSpec(
    request=LocalDown,
    action=_action,
    title="Stop the server; running requests finish first",
    about="Stop servers after their running requests have finished.",
    done="taken down",
    sends="nothing to a cluster: it signals a process",
    objects=(LOCAL_SERVER,),
    each=True,
    permissions=no_permissions,
    arguments=(GRACE,),
    target_metavar="SERVER",
    names=("down", "local-down"),
    keys=("s", "x"),
    hint="stop",
)
