"""Hold: pause a ScaledObject at a number of replicas, or resume it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actions.request import Request, Target
from actions.spec import ActionSpec, Argument, Takes, UsageError, Values
from actions.spec import replicas as number_of_replicas
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.running.execution_context import ClusterAction


@dataclass(frozen=True, slots=True)
class Hold(Request):
    """Pause a ScaledObject at a number of replicas; None resumes it."""

    kind: ClassVar[str] = "hold"
    replicas: int | None = None


def _action() -> ClusterAction:
    from actions.kinds.hold.action import HoldAction

    return HoldAction()


def _build(values: Values, targets: tuple[Target, ...]) -> Hold:
    count, off = values.get("count"), bool(values.get("off"))
    if (count is None) is not off:
        raise UsageError("give the number of replicas to pause it at, or --off to resume it")
    return Hold(targets[0], None if count is None else number_of_replicas(count))


HOLD = ActionSpec(
    request=Hold,
    action=_action,
    title="Pause or resume KEDA's scaling",
    about="Pause or resume KEDA's scaling.",
    done="held",
    sends="PATCH of the pause annotation",
    objects=("ScaledObject",),
    arguments=(
        Argument("count", takes=Takes.INTEGER, metavar="REPLICAS", help="pause it at this number"),
        Argument("off", "--off", Takes.SWITCH, help="resume it"),
    ),
    build=_build,
    target_help="scaledobject/NAME",
    sets_replicas=True,
)
