"""The commands that change the cluster: each leads to a plan, and nothing is sent before that is confirmed.

Those of the actions are made from their declarations in ``actions.kinds``, which contain everything except planning and
execution: that is imported when an action is planned, and never in read-only mode.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from actions.catalogue import KINDS, spec_of
from actions.request import Request, Target
from actions.spec import ActionSpec, Listed, UsageError
from console.commands import on_screen
from console.commands.capabilities import ActionPage, PlanPage
from console.commands.command import Command, Context, ScreenId
from console.commands.desk import Desk
from console.commands.targets import choose
from themes.palette import Role

_SUBJECTS = frozenset({ScreenId.FLEET, ScreenId.DETAIL, ScreenId.INCIDENTS, ScreenId.INCIDENT})
_NODES = frozenset({ScreenId.NODES})
_ANY = frozenset({ScreenId.FLEET, ScreenId.DETAIL, ScreenId.NODES, ScreenId.ACTIONS, ScreenId.ACTION})
_UNDO = _ANY | {ScreenId.LOCAL, ScreenId.LOCAL_SERVER}
_INSTEAD = 9


def _rows() -> Iterator[Command]:
    """Yield a command for each kind of action on the cluster object under the cursor."""
    for entry in KINDS:
        spec = spec_of(entry.kind)
        if spec.names and entry.command and not spec.local:
            yield _row(spec)


def _row(spec: ActionSpec) -> Command:
    """Return the command for a declared action."""

    def available(context: Context) -> str | None:
        choice = choose(spec, context)
        return choice if isinstance(choice, str) else None

    def permitted(context: Context) -> str | None:
        choice = choose(spec, context)
        if isinstance(choice, str) or context.actions is None:
            return None
        denied = context.actions.denied
        return next((why for each in choice if (why := denied(spec.kind, each.ref)) is not None), None)

    return Command(
        f"act.{spec.kind}",
        spec.title,
        partial(_run, spec),
        spec.keys,
        spec.names,
        where=_NODES if "Node" in spec.targets else _SUBJECTS,
        hint=spec.hint,
        argument=spec.inline.shown if spec.inline is not None else "",
        dangerous=True,
        available=available,
        permitted=permitted,
    )


def _run(spec: ActionSpec, desk: Desk, context: Context) -> None:
    """Plan it; if a required argument was not typed, ask for that first."""
    chosen = choose(spec, context)
    if isinstance(chosen, str):
        return
    inline, typed, snapshot = spec.inline, context.argument, context.snapshot
    targets = tuple(Target.of(ref, uid) for ref, uid in chosen)
    values: list[Any] = [typed or None] * len(targets)
    if inline is not None and inline.current is not None and snapshot is not None:
        now = [inline.current(snapshot, ref) for ref, _ in chosen]
        if not typed:
            # The value is typed later, but the plan is for the object under the cursor now.
            label, asked = f"{inline.what} of {_whose(targets, now)}", context._replace
            # One more is what is asked for most, and a plan changes nothing: enter alone answers whether there is room.
            offered = "+1" if len(set(now)) > 1 else now[0] + 1
            desk.line.ask_amount(label, offered, lambda amount: _run(spec, desk, asked(argument=amount)))
            return
        values = [_number(typed, each) for each in now]
        if None in values:
            desk.navigator.say(f"{typed!r} is not a number of {inline.what}; {inline.example}", Role.WARNING)
            return
    elif inline is not None and inline.choose_from is Listed.REVISIONS and not typed and len(targets) == 1:
        desk.actions.open_revisions(targets[0])
        return
    try:
        desk.actions.open_plan(_request(spec, targets, values))
    except UsageError as error:
        desk.navigator.say(str(error), Role.WARNING)


def _request(spec: ActionSpec, targets: Sequence[Target], values: Sequence[Any]) -> Request:
    """The request for these targets, each with its value of the inline argument. Raises UsageError."""
    if spec.many or len(targets) == 1:
        return spec.make({} if spec.inline is None else {spec.inline.field: values[0]}, tuple(targets))
    made = zip(targets, values, strict=True)
    return spec.in_turn([_request(spec, (target,), (value,)) for target, value in made])


def _whose(targets: Sequence[Target], now: Sequence[int]) -> str:
    """``chat-a, now 3``; of several each with its number where they differ: ``each of chat-a 3, chat-b 2``."""
    if len(targets) == 1:
        return f"{targets[0].name}, now {now[0]}"
    # Imported here, because imports at the top delay the first value.
    from actions.number_words import some_names

    differ = len(set(now)) > 1
    numbers = zip(targets, now, strict=True)
    named = some_names([f"{one.name} {number}" if differ else one.name for one, number in numbers])
    return f"each of {named}{'' if differ else f', now {now[0]}'}"


def _number(typed: str, now: int) -> int | None:
    """Return the number for ``6``, ``+1`` or ``-1``; None if it is none of these."""
    try:
        number = int(typed)
    except ValueError:
        return None
    return now + number if typed[0] in "+-" else number


def _is_over(context: Context) -> bool | None:
    """True if the action under the cursor is over; None where there is none."""
    known = context.actions.action_runs if context.actions is not None else ()
    return next((run.outcome is not None for run in known if run.id == context.subject), None)


def _needs_under_way(context: Context) -> str | None:
    return None if _is_over(context) is False else "it has ended"


def _needs_over(context: Context) -> str | None:
    return None if _is_over(context) else "it is still running"


def _needs_actions(context: Context) -> str | None:
    some = context.actions is not None and context.actions.action_runs
    return None if some else "nothing was done in this session; :audit shows what was done before"


def _alternatives() -> Iterator[Command]:
    for number in range(1, _INSTEAD + 1):
        yield Command(
            f"plan.instead_{number}",
            f"Plan alternative {number}",
            on_screen.call(PlanPage.take, number),
            (str(number),),
            where=frozenset({ScreenId.PLAN}),
            family="Plan that alternative instead",
            needs=PlanPage,
            dangerous=True,
        )


ACTIONS: tuple[Command, ...] = (
    Command(
        "open.actions",
        "Actions of this session: running and ended",
        lambda desk, _: desk.actions.open_actions(),
        ("t",),
        ("actions",),
        hint="actions",
        bound=_ANY,
        available=_needs_actions,
        dangerous=True,
    ),
    *_rows(),
    Command(
        "act.undo",
        "Undo the last action",
        lambda desk, _: desk.actions.open_undo(),
        ("z",),
        ("undo",),
        bound=_UNDO,
        dangerous=True,
    ),
    Command(
        "plan.requests",
        "The requests that will be sent",
        on_screen.call(PlanPage.toggle_requests),
        ("r",),
        where=frozenset({ScreenId.PLAN}),
        hint="requests",
        needs=PlanPage,
        dangerous=True,
    ),
    Command(
        "plan.diff",
        "What changes in the object",
        on_screen.call(PlanPage.toggle_diff),
        ("v",),
        where=frozenset({ScreenId.PLAN}),
        hint="diff",
        needs=PlanPage,
        dangerous=True,
    ),
    Command(
        "plan.reason",
        "Enter the reason for the audit log",
        on_screen.call(PlanPage.write_reason),
        ("m",),
        where=frozenset({ScreenId.PLAN}),
        hint="reason",
        needs=PlanPage,
        dangerous=True,
    ),
    *_alternatives(),
    Command(
        "action.stop",
        "Stop the action, after confirmation",
        on_screen.call(ActionPage.stop_action),
        ("x",),
        where=frozenset({ScreenId.ACTION}),
        hint="stop",
        needs=ActionPage,
        dangerous=True,
        available=_needs_under_way,
    ),
    Command(
        "action.again",
        "Plan the same action again",
        on_screen.call(ActionPage.plan_again),
        ("p",),
        where=frozenset({ScreenId.ACTION}),
        hint="plan again",
        needs=ActionPage,
        dangerous=True,
        available=_needs_over,
    ),
)
