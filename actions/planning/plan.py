"""A plan: what an action would do, the checks against it, and how to undo it. Nothing in it has happened yet."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import field, replace
from enum import StrEnum
from typing import Any, Final

from actions.request import Request, Target, placed
from fleet.dataclass import dataclass
from fleet.model.objects import ClusterId

MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
JSON: Final = "application/json"

MANAGER: Final = "quarterdeck"
"""The fieldManager of every write."""
STRICT: Final[Mapping[str, str]] = {"fieldManager": MANAGER, "fieldValidation": "Strict"}
"""The query of every write: with the default validation, a misspelt field is dropped with a warning and nothing
changes.
"""


class Verdict(StrEnum):
    """The verdict of a check."""

    PASS = "pass"  # noqa: S105 - not a password
    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Check:
    """A check before the action, with its result in a sentence."""

    about: str
    """One or two words: permission, owner, budget, capacity, spare GPUs, quota, rollout, data, server …"""
    verdict: Verdict
    text: str
    fix: str = ""
    """Remedy that makes it pass; empty if none is needed."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value before and after."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class CheckTable:
    """Numbers behind a check: each input with where it comes from."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Rows, as wide as the head."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One request that changes something, exactly as it will be sent.

    On this machine (actions/local) the method is START, SIGNAL or REMOVE, and the path a command, a process or a file.
    """

    method: str
    path: str
    body: Any = None
    """JSON; None for none."""
    content_type: str = JSON
    query: Mapping[str, str] = field(default_factory=lambda: dict(STRICT))
    about: str = ""
    """Description in words."""

    def dry(self) -> Mutation:
        """The same, for the server to check and not to keep."""
        body = self.body
        if self.method == "DELETE" and body is not None:
            # A DELETE with a body takes its options only from there: a dry run in the query would delete for real.
            body = {**body, "dryRun": ["All"]}
        return replace(self, body=body, query={**self.query, "dryRun": "All"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the action, in order of execution."""

    title: str
    detail: str = ""
    mutations: tuple[Mutation, ...] = ()
    """Mutations that it sends; empty for a step that only waits."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A request that may serve better than the planned one."""

    title: str
    request: Request
    why: str = ""


@dataclass(frozen=True, slots=True)
class Undo:
    """The way back from an action: in words, and as a request where there is one."""

    text: str
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """The place and the identity of an action: shown with every confirmation."""

    context: str
    server: str
    user: str
    production: bool = False
    require_reason: bool = False
    """A reason must be given before the action may run (policy or settings)."""

    @property
    def cluster(self) -> ClusterId:
        """The cluster of all that a plan is about."""
        return ClusterId.of(self.context, self.server)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a user should know before confirming. Made by ``actions.planning.planner``."""

    request: Request
    scope: Scope
    title: str
    """``Scale chat-70b to 6``."""
    made_at: float
    """Unix time."""
    steps: tuple[Step, ...]
    checks: tuple[Check, ...] = ()
    changes: tuple[Change, ...] = ()
    impact: tuple[Change, ...] = ()
    """Load on the others: each quantity now (mean of the last ten minutes) and after."""
    tables: tuple[CheckTable, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    diff: str = ""
    """Unified diff of the object's changes, if they are more than a number."""
    undo: Undo = Undo("")
    note: Mutation | None = None
    """The Event on the target with the author and the reason; None if it may not be written."""
    fingerprint: str = ""
    """Fingerprint of all that people and GitOps write of the target, as it was planned with; not of its status."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Facts that ``execute`` needs from the planning: JSON values only."""
    recorded: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the record that only this kind of action has: JSON values only."""
    undoes: str = ""
    """Id of the action that it undoes; empty for an independent one."""
    parts: tuple[Plan, ...] = ()
    """The plans that are carried out in turn, where it is one of several; its steps and checks are theirs."""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def target(self) -> Target:
        """The object that the action is about."""
        return self.request.target

    @property
    def kind(self) -> str:
        """Kind of the action; for several in turn, the kind of each."""
        return self.request.does

    def placed(self) -> Plan:
        """Return the plan with every target assigned to the cluster that it was made on."""
        here = self.scope.cluster
        others = tuple(replace(one, request=placed(one.request, here)) for one in self.alternatives)
        back = self.undo.request
        undo = replace(self.undo, request=placed(back, here)) if back is not None else self.undo
        return replace(self, request=placed(self.request, here), alternatives=others, undo=undo)

    def same_change(self, other: Plan) -> bool:
        """True if another plan of the same request makes the same change to the same object: only its status has
        changed.
        """
        return (
            not other.blocks
            and other.request == self.request
            and other.changes == self.changes
            and other.diff == self.diff
            and bool(self.fingerprint)
            and other.fingerprint == self.fingerprint
        )

    @property
    def verdict(self) -> Verdict:
        """The worst of the checks."""
        found = {check.verdict for check in self.checks}
        return next((v for v in (Verdict.BLOCK, Verdict.WARN) if v in found), Verdict.PASS)

    @property
    def blocks(self) -> tuple[Check, ...]:
        """The checks that forbid it."""
        return tuple(check for check in self.checks if check.verdict is Verdict.BLOCK)

    @property
    def mutations(self) -> tuple[Mutation, ...]:
        """All requests that would be sent, in order; the note comes after the first."""
        if self.parts:
            return tuple(mutation for part in self.parts for mutation in part.mutations)
        sent = [mutation for step in self.steps for mutation in step.mutations]
        return tuple(sent) if self.note is None else (*sent[:1], self.note, *sent[1:])
