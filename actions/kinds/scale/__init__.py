"""Scale: change the replicas of anything with a scale subresource."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actions.permissions import Permission, TargetResource
from actions.request import Request, Target
from actions.spec import BY_NAME, ActionSpec, Argument, Inline, Takes, UsageError, Values, replicas
from fleet.dataclass import dataclass
from fleet.kinds.registry import kind_of

if TYPE_CHECKING:
    from actions.running.execution_context import ClusterAction
    from fleet.model.objects import ObjectRef
    from fleet.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Scale(Request):
    """Change the replicas of anything with a scale subresource."""

    kind: ClassVar[str] = "scale"
    replicas: int


def _action() -> ClusterAction:
    from actions.kinds.scale.action import ScaleAction

    return ScaleAction()


def _permissions(resource: TargetResource) -> tuple[Permission, ...]:
    return (Permission("patch", resource.group, resource.plural, kind_of(resource.kind).scale),)


def _build(values: Values, targets: tuple[Target, ...]) -> Scale:
    given = {n for n in (values.get("count"), values.get("replicas")) if n is not None}
    if len(given) > 1:
        raise UsageError(f"two numbers are given: {' and '.join(map(str, sorted(given)))}")
    if not given:
        raise UsageError("no number of replicas given: quarterdeck scale deployment/chat 4")
    (count,) = given
    return Scale(targets[0], replicas(count))


def _desired(snapshot: Snapshot, target: ObjectRef) -> int:
    return snapshot.workloads[f"{target.namespace}/{target.kind}/{target.name}"].desired


SCALE = ActionSpec(
    request=Scale,
    action=_action,
    title="Scale",
    about="Change how many replicas a workload has.",
    done="scaled",
    sends="PATCH of the `scale` subresource only",
    workloads=lambda kind: kind.scale,
    other_workloads=True,
    permissions=_permissions,
    arguments=(
        Argument("count", takes=Takes.INTEGER, metavar="REPLICAS", help="how many"),
        Argument("replicas", "--replicas", Takes.INTEGER, "N", "the same, as in kubectl"),
    ),
    build=_build,
    target_help=BY_NAME,
    inline=Inline("replicas", "[REPLICAS | +N | -N]", "replicas", _desired, ":scale 3, or :scale +1"),
    names=("scale",),
    keys=("s",),
    hint="scale",
    sets_replicas=True,
)
