"""Restart: a workload pod by pod, or one pod by deleting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actions.permissions import Permission, TargetResource
from actions.request import Request
from actions.spec import BY_NAME, ActionSpec, patch
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.running.execution_context import ClusterAction


@dataclass(frozen=True, slots=True)
class Restart(Request):
    """Restart a workload pod by pod, or one pod by deleting it."""

    kind: ClassVar[str] = "restart"


def _action() -> ClusterAction:
    from actions.kinds.restart.action import RestartAction

    return RestartAction()


def _permissions(resource: TargetResource) -> tuple[Permission, ...]:
    return (Permission("delete", "", "pods"),) if resource.kind == "Pod" else patch(resource)


RESTART = ActionSpec(
    request=Restart,
    action=_action,
    title="Restart the workload one pod at a time, or a single pod",
    about="Restart a workload one pod at a time, or a single pod.",
    done="restarted",
    sends="PATCH of an annotation; DELETE of a pod with its uid",
    workloads=lambda kind: kind.restartable,
    objects=("Pod",),
    permissions=_permissions,
    target_help=BY_NAME,
    names=("restart",),
    keys=("r",),
    hint="restart",
)
