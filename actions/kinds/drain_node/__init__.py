"""Drain a node: cordon it, and drain every pod on it that kubectl drain would."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actions.drain.options import AtDeadline
from actions.kinds.cordon import Cordon
from actions.kinds.drain import AT_DEADLINE, DEADLINE
from actions.permissions import EVICT, LIST_ENDPOINTS, PATCH_NODE, PATCH_POD, Permission, TargetResource
from actions.request import Request
from actions.spec import ActionSpec, Argument, Takes
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.running.execution_context import ClusterAction


@dataclass(frozen=True, slots=True)
class DrainNode(Request):
    """Cordon a node and drain every pod on it that kubectl drain would."""

    kind: ClassVar[str] = "drain-node"
    deadline: float | None = None
    at_deadline: AtDeadline = AtDeadline.EVICT
    delete_empty_dir: bool = False
    force: bool = False
    """True to include pods that nothing would restart."""


def _action() -> ClusterAction:
    from actions.kinds.drain_node.action import DrainNodeAction

    return DrainNodeAction()


def _permissions(resource: TargetResource) -> tuple[Permission, ...]:
    del resource
    # Its pods may be in any namespace.
    return (PATCH_NODE, PATCH_POD._replace(namespaced=False), EVICT._replace(namespaced=False))


DRAIN_NODE = ActionSpec(
    request=DrainNode,
    action=_action,
    title="Drain the node",
    about="Cordon a node and drain every pod on it that kubectl drain would evict.",
    done="drained",
    sends="PATCH of the node, then as of the drain of each pod",
    objects=("Node",),
    permissions=_permissions,
    reads=(LIST_ENDPOINTS,),
    arguments=(
        DEADLINE,
        AT_DEADLINE,
        Argument(
            "delete_empty_dir",
            "--delete-emptydir-data",
            Takes.SWITCH,
            help="node: also pods with emptyDir volumes",
        ),
        Argument("force", "--force", Takes.SWITCH, help="node: also pods that nothing would restart"),
        Argument(
            "", "--ignore-daemonsets", Takes.SWITCH, help="node: always so; accepted for compatibility with kubectl"
        ),
    ),
    # Otherwise pods from the first node would land on the next.
    before=Cordon,
    names=("drain-node", "drain"),
    keys=("r",),
    hint="drain",
)
