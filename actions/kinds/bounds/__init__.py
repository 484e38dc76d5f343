"""Bounds: change the limits of an autoscaler."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actions.request import Request, Target
from actions.spec import ActionSpec, Argument, Takes, UsageError, Values, replicas
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.running.execution_context import ClusterAction


@dataclass(frozen=True, slots=True)
class Bounds(Request):
    """Change the limits of an autoscaler. The target is a HorizontalPodAutoscaler or a ScaledObject; None keeps a
    limit.
    """

    kind: ClassVar[str] = "bounds"
    minimum: int | None = None
    maximum: int | None = None


def _action() -> ClusterAction:
    from actions.kinds.bounds.action import BoundsAction

    return BoundsAction()


def _build(values: Values, targets: tuple[Target, ...]) -> Bounds:
    least, most = values.get("minimum"), values.get("maximum")
    if least is None and most is None:
        raise UsageError("nothing to change: give --min N, --max N or both")
    return Bounds(targets[0], *(None if each is None else replicas(each) for each in (least, most)))


BOUNDS = ActionSpec(
    request=Bounds,
    action=_action,
    title="Change the bounds of an autoscaler",
    about="Change the bounds of an autoscaler.",
    done="given bounds",
    sends="PATCH of the bounds",
    objects=("HorizontalPodAutoscaler", "ScaledObject"),
    arguments=(
        Argument("minimum", "--min", Takes.INTEGER, "N", "fewest replicas"),
        Argument("maximum", "--max", Takes.INTEGER, "N", "most replicas"),
    ),
    build=_build,
    target_help="hpa/NAME or scaledobject/NAME",
    sets_replicas=True,
)
