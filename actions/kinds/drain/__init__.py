"""Drain: take pods out of service, wait for their running requests, evict them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actions.drain.options import AtDeadline, Method
from actions.permissions import EVICT, LIST_ENDPOINTS, PATCH_POD, Permission, TargetResource
from actions.request import Request, Target
from actions.spec import ActionSpec, Argument, Takes
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.running.execution_context import ClusterAction

DEADLINE = Argument("deadline", "--deadline", Takes.SECONDS, "S", "seconds for its requests (configuration: 300)")
AT_DEADLINE = Argument(
    "at_deadline",
    "--at-deadline",
    help="evict anyway, or stop there",
    choices=tuple(AtDeadline),
    convert=AtDeadline,
)
"""Both also of a node's drain."""


@dataclass(frozen=True, slots=True)
class Drain(Request):
    """Take a pod out of service, wait for its running requests, evict it. ``others`` are drained after it, in turn."""

    kind: ClassVar[str] = "drain"
    others: tuple[Target, ...] = ()
    method: Method = Method.AUTO
    replacement_first: bool | None = None
    """Wait for a replacement before anything is taken away; None where the plan shall choose."""
    deadline: float | None = None
    """Seconds for the running requests; None for the default of the settings."""
    at_deadline: AtDeadline = AtDeadline.EVICT

    @property
    def targets(self) -> tuple[Target, ...]:
        return (self.target, *self.others)


def _action() -> ClusterAction:
    from actions.kinds.drain.action import DrainAction

    return DrainAction()


def _permissions(resource: TargetResource) -> tuple[Permission, ...]:
    del resource
    return (PATCH_POD, EVICT)


DRAIN = ActionSpec(
    request=Drain,
    action=_action,
    title="Drain: the pod or the marked pods",
    about="Take pods, or all pods of a node, out of service and evict them when their requests have finished.",
    done="drained",
    sends="PATCH of a label, POST of the eviction with the pod's uid",
    objects=("Pod",),
    many=True,
    permissions=_permissions,
    reads=(LIST_ENDPOINTS,),
    arguments=(
        DEADLINE,
        AT_DEADLINE,
        Argument(
            "method",
            "--method",
            help="how a pod is taken out of service",
            choices=tuple(Method),
            convert=Method,
        ),
        Argument(
            "replacement_first",
            "--replacement-first",
            Takes.SWITCH,
            help="wait for a replacement",
            negative="take it out immediately",
        ),
    ),
    target_help="pods, or node/NAME",
    names=("drain",),
    keys=("ctrl+d",),
    hint="drain",
)
