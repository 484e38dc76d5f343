"""Start a vLLM server on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actions.request import LOCAL_SERVER, Request
from actions.spec import ActionSpec, Argument, Launch, Takes, no_permissions
from fleet.dataclass import dataclass
from fleet.local.spec import LaunchSpec

if TYPE_CHECKING:
    from actions.local.context import LocalAction

VERIFY = Argument("verify", "--verify", Takes.SWITCH, help="also read all weights, to compare their checksums")


@dataclass(frozen=True, slots=True)
class LocalUp(Request):
    """Start a vLLM server on this machine. The target's name is the spec's."""

    kind: ClassVar[str] = "local-up"
    spec: LaunchSpec
    verify: bool = False
    """Also read all weights to compare their checksums, however large they are."""


def _action() -> LocalAction:
    from actions.kinds.local_up.action import LocalUpAction

    return LocalUpAction()


LOCAL_UP = ActionSpec(
    request=LocalUp,
    action=_action,
    title="Start a vLLM server on this machine",
    about="Start a vLLM server on this machine; arguments after -- are passed to vllm serve unchanged.",
    done="started",
    sends="nothing to a cluster: it starts a process",
    objects=(LOCAL_SERVER,),
    launch=Launch.NEW,
    permissions=no_permissions,
    arguments=(VERIFY,),
    target_metavar="[MODEL]",
    names=("up", "local-up"),
    keys=("n",),
    hint="new",
)
