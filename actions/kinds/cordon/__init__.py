"""Cordon and uncordon: whether new pods may be scheduled on a node. Running pods are unaffected."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actions.permissions import PATCH_NODE, Permission, TargetResource
from actions.request import Request
from actions.spec import ActionSpec
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.running.execution_context import ClusterAction
    from fleet.model.objects import ObjectRef
    from fleet.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Cordon(Request):
    """Keep new pods off a node."""

    kind: ClassVar[str] = "cordon"


@dataclass(frozen=True, slots=True)
class Uncordon(Request):
    """Allow new pods on a node again."""

    kind: ClassVar[str] = "uncordon"


def _action() -> ClusterAction:
    from actions.kinds.cordon.action import CordonAction

    return CordonAction()


def _permissions(resource: TargetResource) -> tuple[Permission, ...]:
    del resource
    return (PATCH_NODE,)


def _uncordoned(snapshot: Snapshot, target: ObjectRef) -> str | None:
    return "it is cordoned already" if snapshot.nodes[target.name].unschedulable else None


def _cordoned(snapshot: Snapshot, target: ObjectRef) -> str | None:
    return None if snapshot.nodes[target.name].unschedulable else "it is not cordoned"


CORDON = ActionSpec(
    request=Cordon,
    action=_action,
    title="Cordon: no new pods on the node",
    about="Keep new pods off a node.",
    done="cordoned",
    sends="PATCH of `spec.unschedulable`",
    objects=("Node",),
    available=_uncordoned,
    permissions=_permissions,
    target_metavar="NODE",
    names=("cordon",),
    keys=("c",),
    hint="cordon",
)
UNCORDON = ActionSpec(
    request=Uncordon,
    action=_action,
    title="Uncordon: allow pods on the node again",
    about="Allow pods on a node again.",
    done="uncordoned",
    sends="PATCH of `spec.unschedulable`",
    objects=("Node",),
    available=_cordoned,
    permissions=_permissions,
    target_metavar="NODE",
    names=("uncordon",),
    keys=("u",),
    hint="uncordon",
)
