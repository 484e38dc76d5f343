"""Put a pod back into service: the inverse of a drain that has not evicted yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from actions.permissions import LIST_ENDPOINTS, PATCH_POD, Permission, TargetResource
from actions.request import Request, Target
from actions.spec import ActionSpec
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.running.execution_context import ClusterAction


@dataclass(frozen=True, slots=True)
class Restore(Request):
    """Put a pod back into service: the inverse of a drain that has not evicted yet. ``labels``: None removes one."""

    kind: ClassVar[str] = "restore"
    labels: Mapping[str, str | None]
    others: tuple[Target, ...] = ()
    """Pods that get the same labels back; those that are gone are skipped."""

    @property
    def targets(self) -> tuple[Target, ...]:
        return (self.target, *self.others)


def _action() -> ClusterAction:
    from actions.kinds.restore.action import RestoreAction

    return RestoreAction()


def _permissions(resource: TargetResource) -> tuple[Permission, ...]:
    del resource
    return (PATCH_POD,)


RESTORE = ActionSpec(
    request=Restore,
    action=_action,
    title="Put the pod back into service",
    about="Restore the labels of a pod that is being drained. Only undo uses it.",
    done="put back into service",
    sends="PATCH of the labels",
    objects=("Pod",),
    many=True,
    permissions=_permissions,
    reads=(LIST_ENDPOINTS,),
)
