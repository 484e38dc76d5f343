"""Undo: reverse a user's last action on a cluster by the inverse recorded with it.

The inverse goes through the ordinary planner: it is planned against the current cluster. Both the offer on a screen and
the plan are decided here, by two questions: which action is next, and what prevents its undo.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from actions.audit.history import ActionState, RecordedAction
from actions.audit.redaction import redacted
from actions.audit.redaction_marks import MARK
from actions.audit.who import Who
from actions.catalogue import from_json, is_known, spec_of
from actions.event_note import is_note
from actions.number_words import some_names, span
from actions.planning.joined import MOST
from actions.planning.plan import Alternative, Check, Plan, Scope, Verdict
from actions.request import InTurn, Request, in_turn, to_json
from actions.running.action_run import ActionRun
from actions.running.executor import Executor
from fleet.model.objects import ClusterId
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.errors import NotFoundError

ABOUT = "since then"
_GONE: Final = "Its object, or the state to go back to, is gone."
_UNRECORDED: Final = "partly looked like a secret, and was not recorded"


class PastAction(NamedTuple):
    """A past action with the facts that undo needs, from the audit log or from a session's memory."""

    id: str
    title: str
    undoes: str
    """Id of the action that it takes back; empty for all others."""
    reached: bool
    """True if the cluster did, or may have done, anything of it."""
    inverse: Mapping[str, Any]
    """The request that takes it back, as it is recorded; empty where there is none."""


def next_undone(deeds: Sequence[PastAction]) -> PastAction | None:
    """Return the action that undo reverses next, among one user's on one cluster, oldest first.

    Left out: actions already undone, undos themselves, and actions that never reached the cluster.
    """
    reached = [deed for deed in deeds if deed.reached]
    undone = {deed.undoes for deed in reached}
    return next((d for d in reversed(reached) if d.inverse and not d.undoes and d.id not in undone), None)


def inverse_of(deed: PastAction, snapshot: Snapshot) -> Request:
    """Return the request that reverses it. Raises NotFoundError if it is unknown, or its object is gone."""
    if MARK in json.dumps(deed.inverse):
        raise NotFoundError(
            f"the undo of “{deed.title}” {_UNRECORDED}",
            remedy="Undo it by hand; quarterdeck audit show has the rest of it.",
        )
    try:
        request = from_json(deed.inverse)
    except ValueError as error:
        raise NotFoundError(f"the record of how to undo “{deed.title}” cannot be read: {error}") from error
    if gone := _vanished(request, snapshot):
        raise NotFoundError(f"“{deed.title}” cannot be undone: {gone}", remedy=_GONE)
    return request


def why_not(action_run: ActionRun, session: Iterable[ActionRun], snapshot: Snapshot) -> str:
    """Return why undo would not take back this action of a session now; empty where it would.

    ``session``: all its actions, newest first.
    """
    own = _deed_of(action_run)
    same = [run for run in session if run.plan.scope.cluster == action_run.plan.scope.cluster]
    deeds = [_deed_of(run) for run in reversed(same)]
    if not own.inverse:
        return "it cannot be undone"
    if own.undoes:
        return "it is itself an undo, and cannot be undone"
    if not own.reached:
        return "nothing was done"
    if any(deed.reached and deed.undoes == own.id for deed in deeds):
        return "it was already undone"
    following = next_undone(deeds)
    if following is not None and following.id != own.id:
        return f"“{following.title}” is undone before it"
    if MARK in json.dumps(own.inverse):
        return f"what does {_UNRECORDED}"
    request = action_run.plan.undo.request
    return _vanished(request, snapshot) if request is not None else ""


def last_undo(done: Iterable[RecordedAction], who: Who, cluster: ClusterId) -> RecordedAction | None:
    """Return this user's last undoable action on a cluster; ``done`` is oldest first.

    A user is the identity in the cluster together with the login on the machine: several may share either. Actions
    through another context of the same server come after all those through this one: it is the same cluster by another
    name, or another behind the same proxy.
    """
    mine = [
        action
        for action in done
        if action.intent.scope.get("server") == cluster.server
        and (action.who.get("identity"), action.who.get("local_user")) == (who.identity, who.local_user)
    ]
    mine.sort(key=lambda action: action.intent.scope.get("context") == cluster.context)
    found = next_undone([_recorded(action) for action in mine])
    return next((action for action in mine if found is not None and action.id == found.id), None)


async def plan_undo(done: Sequence[RecordedAction], who: Who, executor: Executor) -> Plan:
    """Plan the reversal, and check whether the target has been changed since.

    Raises NotFoundError if there is nothing to undo, and what planning raises.
    """
    context = executor.context()
    action = last_undo(done, who, context.scope.cluster)
    if action is None:
        raise NotFoundError(
            f"{who.identity or who.local_user} has done nothing on this cluster that could be undone",
            remedy="The audit log lists what was done.",
        )
    request = inverse_of(_recorded(action), context.snapshot)
    try:
        plan, left_out = await _plan_what_is_left(request, executor)
    except NotFoundError as error:
        raise NotFoundError(
            f"“{action.title}” cannot be undone: {error.message}",
            remedy=_GONE,
        ) from error
    return replace(
        plan,
        title=f"Undo “{action.title}”: {plan.title[:1].lower()}{plan.title[1:]}",
        checks=(
            *_check_where(action, context.scope),
            _check_since(action, plan, context.now()),
            *left_out,
            *plan.checks,
        ),
        alternatives=(*_each_alone(plan.request), *plan.alternatives)[:MOST],
        undoes=action.id,
    )


async def _plan_what_is_left(request: Request, executor: Executor) -> tuple[Plan, tuple[Check, ...]]:
    """Plan the reversal of what can still be reversed, and say which of several objects are left out.

    Those are gone, or as they were before: somebody has put them back, or the action ended before their turn. Raises
    what planning raises; NotFoundError only if nothing is left.
    """
    if not isinstance(request, InTurn):
        return await executor.plan(request), ()
    try:
        plan = await executor.plan(request)
    except NotFoundError as error:
        there = [part for part in request.parts if await _is_there(part, executor)]
        if not there:
            raise
        plan, left_out = await _plan_what_is_left(in_turn(there), executor)
        gone = _names_of(part for part in request.parts if part not in there)
        return plan, (Check("gone", Verdict.WARN, f"{gone}: not undone ({error.message})"), *left_out)
    as_before = [part.request for part in plan.parts if part.blocks and _changes_nothing(part)]
    if not as_before or len(as_before) == len(plan.parts):
        return plan, ()
    left = [part.request for part in plan.parts if part.request not in as_before]
    check = Check("as before", Verdict.PASS, f"{_names_of(as_before)}: already as before, so nothing is sent there")
    return await executor.plan(in_turn(left)), (check,)


async def _is_there(request: Request, executor: Executor) -> bool:
    try:
        await executor.plan(request)
    except NotFoundError:
        return False
    return True


def _changes_nothing(plan: Plan) -> bool:
    return bool(plan.changes) and all(change.before == change.after for change in plan.changes)


def _names_of(requests: Iterable[Request]) -> str:
    return some_names(list(dict.fromkeys(target.name for request in requests for target in request.targets)))


def _each_alone(request: Request) -> tuple[Alternative, ...]:
    """Offer to take back each of several objects alone."""
    if not isinstance(request, InTurn):
        return ()
    return tuple(
        Alternative(f"{part.target.name} alone", part, "the others stay as they are") for part in request.parts
    )


def _check_where(action: RecordedAction, here: Scope) -> tuple[Check, ...]:
    """Check the context: one server may front several clusters, and select by the caller."""
    context = str(action.intent.scope.get("context") or "")
    if context in ("", here.context):
        return ()
    text = f"it was done through the context {context}, which uses the same server"
    return (Check("cluster", Verdict.WARN, text, f"make sure that {context} and {here.context} are one cluster"),)


def _check_since(action: RecordedAction, plan: Plan, now: float) -> Check:
    ago = f"{span(now - action.last_heard)} ago"
    if action.state is ActionState.UNDER_WAY:
        return Check(ABOUT, Verdict.WARN, f"it is still running, started {span(now - action.began)} ago")
    left = {str(c.get("what")): str(c.get("after")) for c in _changes(action.intent.content)}
    stands = spec_of(action.intent.kind).undo_requires if is_known(action.intent.kind) else frozenset[str]()
    looked_at = stands or frozenset(left)
    others = [
        f"{change.what} {change.before} (it left {left[change.what]})"
        for change in plan.changes
        if _is_of(change.what, looked_at) and left.get(change.what, change.before) != change.before
    ]
    if others:
        text = f"changed since it was done {ago}: now {', '.join(others)}"
        return Check(ABOUT, Verdict.WARN, text, "ask who did it, and why")
    return Check(ABOUT, Verdict.PASS, f"unchanged since {ago}")


def _is_of(what: str, looked_at: Collection[str]) -> bool:
    """True if a change is one of these; of several objects each has its object's name in front."""
    return any(what == one or what.endswith(f" {one}") for one in looked_at)


def _deed_of(action_run: ActionRun) -> PastAction:
    plan = action_run.plan
    request = plan.undo.request
    # As recorded in the log, which undo relies on.
    inverse = redacted(to_json(request)) if request is not None else {}
    return PastAction(plan.id, plan.title, plan.undoes, action_run.reached, inverse)


def _recorded(action: RecordedAction) -> PastAction:
    intent, request = action.intent.content, action.undo.get("request")
    inverse = request if isinstance(request, Mapping) else {}
    return PastAction(action.id, action.title, str(intent.get("undoes") or ""), _may_have_happened(action), inverse)


def _vanished(request: Request, snapshot: Snapshot) -> str:
    """Return which of a request's objects no longer exist; empty if that is unknown, or some do."""
    whole = snapshot.everything
    if request.target.kind != "Pod" or whole.coverage.lack("pods"):
        return ""
    targets = request.targets
    there = {pod.uid for pod in whole.pods.values()}
    if not whole.pods or any(not target.uid or target.uid in there for target in targets):
        return ""
    return f"{some_names([target.name for target in targets])} {'is' if len(targets) == 1 else 'are'} gone"


def _may_have_happened(action: RecordedAction) -> bool:
    """True if the cluster did, or may have done, more of it than record it."""
    return any(sent.done or sent.unknown for sent in action.sent if not is_note(sent.path))


def _changes(intent: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = intent.get("changes")
    return [change for change in found if isinstance(change, Mapping)] if isinstance(found, list) else []
