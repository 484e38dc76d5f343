"""The rows of the table that change the cluster: each leads to a plan, and nothing is sent before that is confirmed.

What an action is made of is imported when one is asked for: in read-only mode none is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from console.commands.command import Command, Context, ScreenId
from console.commands.desk import Desk, Toggle
from console.commands.targets import (
    Choice,
    Choose,
    Chosen,
    cordoned,
    node,
    pods,
    uncordoned,
    workload,
    workload_of,
    workload_or_pod,
)
from themes.palette import Role

if TYPE_CHECKING:
    from actions.request import Target

Begin = Callable[[Desk, Context, tuple[Chosen, ...]], None]
Why = Callable[[Context], str | None]

_SUBJECTS = frozenset({ScreenId.FLEET, ScreenId.DETAIL})
_NODES = frozenset({ScreenId.NODES})
_ANY = frozenset({ScreenId.FLEET, ScreenId.DETAIL, ScreenId.NODES, ScreenId.ACTIONS, ScreenId.ACTION})
_UNDO = _ANY | {ScreenId.LOCAL, ScreenId.LOCAL_NODE}
_INSTEAD = 9


def _target(chosen: Chosen) -> Target:
    from actions.request import Target

    return Target(chosen.ref.kind, chosen.ref.namespace, chosen.ref.name, chosen.uid)


def _plain(kind: str) -> Begin:
    """A request that says no more than what it is for."""

    def begin(desk: Desk, context: Context, chosen: tuple[Chosen, ...]) -> None:
        from actions.catalogue import spec_of

        del context
        desk.open_plan(spec_of(kind).make({}, (_target(chosen[0]),)))

    return begin


def _scale(desk: Desk, context: Context, chosen: tuple[Chosen, ...]) -> None:
    found = workload_of(context)
    if found is None:
        return

    def plan(number: int) -> None:
        from actions.kinds.scale import Scale

        if number < 0:
            desk.say("there are no less than 0 replicas", Role.WARNING)
        else:
            desk.open_plan(Scale(_target(chosen[0]), number))

    if not context.argument:
        desk.ask_amount(f"replicas of {found.name}", found.desired, plan)
        return
    try:
        number = int(context.argument)
    except ValueError:
        desk.say(f"{context.argument!r} is not a number of replicas; :scale 3, or :scale +1", Role.WARNING)
        return
    plan(found.desired + number if context.argument[0] in "+-" else number)


def _drain_any(desk: Desk, context: Context, chosen: tuple[Chosen, ...]) -> None:
    if context.where is ScreenId.NODES:
        _plain("drain-node")(desk, context, chosen)
        return
    from actions.kinds.drain import Drain

    first, *others = (_target(pod) for pod in chosen)
    desk.open_plan(Drain(first, others=tuple(others)))


def _roll_back(desk: Desk, context: Context, chosen: tuple[Chosen, ...]) -> None:
    target = _target(chosen[0])
    if not context.argument:
        desk.open_revisions(target)
        return
    from actions.kinds.rollback import RollBack

    desk.open_plan(RollBack(target, context.argument))


def _pods_or_node(context: Context) -> Choice:
    return node(context) if context.where is ScreenId.NODES else pods(context)


def _available(choose: Choose) -> Why:
    def why(context: Context) -> str | None:
        choice = choose(context)
        return choice if isinstance(choice, str) else None

    return why


def _permitted(kind: str, choose: Choose) -> Why:
    def why(context: Context) -> str | None:
        choice = choose(context)
        if isinstance(choice, str) or context.acting is None:
            return None
        of_node = kind == "drain" and context.where is ScreenId.NODES
        return context.acting.denied("drain-node" if of_node else kind, choice[0].ref)

    return why


def _action(
    kind: str,
    title: str,
    choose: Choose,
    begin: Begin,
    keys: tuple[str, ...] = (),
    *,
    names: tuple[str, ...] = (),
    where: frozenset[ScreenId] = _SUBJECTS,
    bound: frozenset[ScreenId] | None = None,
    hint: str = "",
    argument: str = "",
) -> Command:
    def run(desk: Desk, context: Context) -> None:
        choice = choose(context)
        if not isinstance(choice, str):
            begin(desk, context, choice)

    return Command(
        f"act.{kind}",
        title,
        run,
        keys,
        names,
        where,
        hint,
        argument,
        bound=bound,
        dangerous=True,
        available=_available(choose),
        permitted=_permitted(kind, choose),
    )


def _toggle(switch: Toggle) -> Callable[[Desk, Context], None]:
    return lambda _, context: context.view.toggle(switch)


def _is_over(context: Context) -> bool | None:
    """Whether the action under the cursor is over; None where there is none."""
    known = context.acting.action_runs if context.acting is not None else ()
    return next((u.outcome is not None for u in known if u.id == context.subject), None)


def _needs_under_way(context: Context) -> str | None:
    return None if _is_over(context) is False else "it is over"


def _needs_over(context: Context) -> str | None:
    return None if _is_over(context) else "it is under way"


def _needs_actions(context: Context) -> str | None:
    some = context.acting is not None and context.acting.action_runs
    return None if some else "nothing was done in this session; :audit shows what was done before"


def _take(number: int) -> Callable[[Desk, Context], None]:
    return lambda _, context: context.view.take(number)


def _instead() -> Iterator[Command]:
    for number in range(1, _INSTEAD + 1):
        yield Command(
            f"plan.instead_{number}",
            f"Plan alternative {number}",
            _take(number),
            (str(number),),
            where=frozenset({ScreenId.PLAN}),
            family="Plan that alternative instead",
            dangerous=True,
        )


_DEPLOYMENT = workload("Deployment")
_KEEPS_REVISIONS = workload("Deployment", "StatefulSet")

ACTIONS: tuple[Command, ...] = (
    Command(
        "open.actions",
        "Actions of this session: under way and over",
        lambda desk, _: desk.open_actions(),
        ("t",),
        ("actions",),
        hint="actions",
        bound=_ANY,
        available=_needs_actions,
        dangerous=True,
    ),
    _action(
        "scale",
        "Scale",
        workload(),
        _scale,
        ("s",),
        names=("scale",),
        hint="scale",
        argument="[REPLICAS | +N | -N]",
    ),
    _action(
        "restart",
        "Restart the workload pod by pod, or one pod",
        workload_or_pod,
        _plain("restart"),
        ("r",),
        names=("restart",),
        hint="restart",
    ),
    _action(
        "drain",
        "Drain: the pod or the marked pods, on the screen of nodes the node",
        _pods_or_node,
        _drain_any,
        ("ctrl+d",),
        names=("drain",),
        where=_SUBJECTS | _NODES,
        bound=_SUBJECTS,
        hint="drain",
    ),
    _action(
        "rollback",
        "Roll back to an earlier revision",
        _KEEPS_REVISIONS,
        _roll_back,
        ("b",),
        names=("rollback", "undo-rollout", "history"),
        hint="roll back",
        argument="[REVISION]",
    ),
    _action("pause", "Pause the rollout", _DEPLOYMENT, _plain("pause"), names=("pause",)),
    _action("resume", "Let a paused rollout go on", _DEPLOYMENT, _plain("resume"), names=("resume",)),
    _action(
        "unblock",
        "Unblock a rollout that waits for GPUs: replace pods instead of adding them",
        _DEPLOYMENT,
        _plain("unblock"),
        names=("unblock",),
    ),
    _action(
        "cordon",
        "Cordon: no new pods onto the node",
        uncordoned,
        _plain("cordon"),
        ("c",),
        names=("cordon",),
        where=_NODES,
        hint="cordon",
    ),
    _action(
        "uncordon",
        "Uncordon: pods onto the node again",
        cordoned,
        _plain("uncordon"),
        ("u",),
        names=("uncordon",),
        where=_NODES,
        hint="uncordon",
    ),
    _action(
        "drain-node",
        "Drain the node",
        node,
        _plain("drain-node"),
        ("r",),
        names=("drain-node",),
        where=_NODES,
        hint="drain",
    ),
    Command(
        "act.undo",
        "Undo the last action",
        lambda desk, _: desk.open_undo(),
        ("z",),
        ("undo",),
        bound=_UNDO,
        dangerous=True,
    ),
    Command(
        "plan.requests",
        "The requests that will be sent",
        _toggle(Toggle.REQUESTS),
        ("r",),
        where=frozenset({ScreenId.PLAN}),
        hint="requests",
        dangerous=True,
    ),
    Command(
        "plan.diff",
        "What changes in the object",
        _toggle(Toggle.DIFF),
        ("v",),
        where=frozenset({ScreenId.PLAN}),
        hint="diff",
        dangerous=True,
    ),
    *_instead(),
    Command(
        "action.stop",
        "Stop the action; asks first",
        lambda _, context: context.view.stop_action(),
        ("x",),
        where=frozenset({ScreenId.ACTION}),
        hint="stop",
        dangerous=True,
        available=_needs_under_way,
    ),
    Command(
        "action.again",
        "Plan the same again",
        lambda _, context: context.view.plan_again(),
        ("p",),
        where=frozenset({ScreenId.ACTION}),
        hint="plan again",
        dangerous=True,
        available=_needs_over,
    ),
)
