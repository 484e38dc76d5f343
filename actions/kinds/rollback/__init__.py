"""Roll back: give a workload the template of an earlier revision."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actions.request import Request
from actions.spec import BY_NAME, ActionSpec, Argument, Inline, Listed
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.running.execution_context import ClusterAction


@dataclass(frozen=True, slots=True)
class RollBack(Request):
    """Give a workload the template of an earlier revision, named by its ReplicaSet or ControllerRevision."""

    kind: ClassVar[str] = "rollback"
    revision: str = ""
    """Name of the ReplicaSet or ControllerRevision: a rollback renumbers revisions. Empty: the previous one."""


def _action() -> ClusterAction:
    from actions.kinds.rollback.action import RollBackAction

    return RollBackAction()


ROLL_BACK = ActionSpec(
    request=RollBack,
    action=_action,
    title="Roll back to an earlier revision",
    about="Give a workload the template of an earlier revision.",
    done="rolled back",
    sends="PATCH of `spec.template`",
    workloads=lambda kind: kind.revisions,
    arguments=(Argument("revision", "--to", metavar="REVISION", help="its number, name or hash (the one before)"),),
    target_help=BY_NAME,
    inline=Inline("revision", "[REVISION]", "revision", choose_from=Listed.REVISIONS),
    names=("rollback", "undo-rollout", "history"),
    keys=("b",),
    hint="roll back",
    undo_requires=frozenset({"revision"}),
)
