"""Undo: the last action of a person on a cluster, taken back by the inverse that was recorded with it.

The inverse goes through the ordinary planner: it is planned against the cluster as it is now.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from actions.audit.history import RecordedAction, State
from actions.audit.marks import MARK
from actions.audit.who import Who
from actions.plan import Check, Plan, Verdict
from actions.planner import make_plan
from actions.request import Kind, from_json
from actions.scene import Scene
from actions.words import span
from fleet.kube.errors import NotFoundError
from fleet.kube.resources import EVENTS

ABOUT = "since then"
_STANDS: Mapping[str, frozenset[str]] = {Kind.ROLL_BACK: frozenset({"revision"})}
"""By which of its values an action is seen to stand still; all of them where it is not named here."""


def last_undo(done: Iterable[RecordedAction], who: Who, server: str) -> RecordedAction | None:
    """The last action of this person on the cluster at ``server`` that can be taken back; ``done`` is oldest first.

    Left out: what was taken back already, what takes back another, and what never reached the cluster. A person is the
    identity that the cluster knows together with the login on the machine: several may share either.
    """
    mine = [
        action
        for action in done
        if action.scope.get("server") == server
        and (action.who.get("identity"), action.who.get("local_user")) == (who.identity, who.local_user)
        and _reached(action)
    ]
    undone = {str(action.intent.get("undoes") or "") for action in mine}
    for action in reversed(mine):
        if not action.intent.get("undoes") and action.id not in undone and action.undo.get("request"):
            return action
    return None


async def plan_undo(done: Sequence[RecordedAction], who: Who, scene: Scene) -> Plan:
    """What would take it back now, and whether somebody has changed the target since.

    Raises NotFoundError where there is nothing to take back, and KubeError as ``make_plan`` does.
    """
    action = last_undo(done, who, scene.scope.server)
    if action is None:
        raise NotFoundError(
            f"{who.identity or who.local_user} has done nothing on this cluster that could be taken back",
            remedy="The audit log tells what was done.",
        )
    if MARK in json.dumps(action.undo["request"]):
        raise NotFoundError(
            f"what takes back “{action.title}” looked like a secret in part, and was not recorded",
            remedy="Take it back by hand; quarterdeck audit show has the rest of it.",
        )
    try:
        request = from_json(action.undo["request"])
    except ValueError as error:
        raise NotFoundError(f"the record of how to take back “{action.title}” cannot be read: {error}") from error
    try:
        plan = await make_plan(request, scene)
    except NotFoundError as error:
        raise NotFoundError(
            f"“{action.title}” cannot be taken back: {error.message}",
            remedy="What it was done to, or would go back to, is gone.",
        ) from error
    return replace(
        plan,
        title=f"Undo “{action.title}”: {plan.title[:1].lower()}{plan.title[1:]}",
        checks=(_check_since(action, plan, scene.now()), *plan.checks),
        undoes=action.id,
    )


def _check_since(action: RecordedAction, plan: Plan, now: float) -> Check:
    ago = f"{span(now - action.last_heard)} ago"
    if action.state is State.UNDER_WAY:
        return Check(ABOUT, Verdict.WARN, f"it is still under way, begun {span(now - action.began)} ago")
    left = {str(c.get("what")): str(c.get("after")) for c in _changes(action.intent)}
    looked_at = _STANDS.get(action.kind, frozenset(left))
    others = [
        f"{change.what} {change.before} (it left {left[change.what]})"
        for change in plan.changes
        if change.what in looked_at and left.get(change.what, change.before) != change.before
    ]
    if others:
        text = f"changed by somebody since it was done {ago}: now {', '.join(others)}"
        return Check(ABOUT, Verdict.WARN, text, "ask who did, and why")
    return Check(ABOUT, Verdict.PASS, f"what it left {ago} is still so")


def _reached(action: RecordedAction) -> bool:
    """Whether the cluster did, or may have done, more of it than to note it down."""
    return any(sent.done or sent.unknown for sent in action.sent if not sent.path.endswith(f"/{EVENTS.name}"))


def _changes(intent: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = intent.get("changes")
    return [change for change in found if isinstance(change, Mapping)] if isinstance(found, list) else []
