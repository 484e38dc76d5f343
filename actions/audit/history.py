"""The actions that a log tells of: each with what was intended, what was sent and answered, and how it ended.

Reads only. Everything in a record is taken as it comes: an edited log, or one of a later version, is shown as far as it
can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from pathlib import Path
from typing import Any

from actions.audit.line import Record
from actions.audit.process import still_runs
from actions.audit.reading import look_at, records
from actions.request import shown_kind
from fleet.dataclass import dataclass

Alive = Callable[[Mapping[str, Any], str], bool | None]
"""Tell from the process and the host of a record whether it still runs; None where that cannot be seen."""


class ActionState(StrEnum):
    """How much of an action the log has."""

    ENDED = "ended"
    """Result written."""
    UNDER_WAY = "under way"
    """No result yet; the process that does it runs."""
    CUT_OFF = "cut off"
    """No result, and no process that could write one: what became of it must be looked up in the cluster."""
    OUT_OF_SIGHT = "out of sight"
    """No result; it was begun on another machine, where nobody here can see whether it goes on."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request that went out, and its answer. ``answered_at`` is None where the log has none."""

    at: float
    method: str
    path: str
    content: Mapping[str, Any]
    """The whole record: query, content type, body."""
    answered_at: float | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """HTTP status; 0 without an answer of the server."""
        return _int_or_zero(self.answer.get("status"))

    @property
    def unknown(self) -> bool:
        """Whether the server may or may not have done it: no answer came, or none was written down."""
        return self.status == 0 and not self.unsent

    @property
    def unsent(self) -> bool:
        """Whether it is known that nothing of it left: there was no connection to the server."""
        return self.answer.get("sent") is False

    @property
    def done(self) -> bool:
        """Whether the server said that it did it."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class RecordedIntent:
    """The plan as it was confirmed; of nothing where the log has lost it."""

    content: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return str(self.content.get("kind") or "")

    @property
    def reason(self) -> str:
        return str(self.content.get("reason") or "")

    @property
    def scope(self) -> Mapping[str, Any]:
        """Context, server and user."""
        return _mapping(self.content.get("scope"))

    @property
    def target(self) -> Mapping[str, Any]:
        """Kind, namespace, name and uid."""
        return _mapping(self.content.get("target"))

    @property
    def targets(self) -> list[Mapping[str, Any]]:
        """All targets; logs of earlier versions have the first one alone."""
        return _items(self.content.get("targets")) or [self.target]

    @property
    def target_name(self) -> str:
        """Target as it is shown: ``serving/Deployment/chat-70b``, ``local/server/tiny``."""
        namespace, kind, name = (str(self.target.get(part) or "") for part in ("namespace", "kind", "name"))
        others = len(self.targets) - 1
        first = "/".join(part for part in (namespace, shown_kind(kind), name) if part)
        return f"{first} and {others} more" if others > 0 else first

    @property
    def requests(self) -> list[Mapping[str, Any]]:
        """The requests that were planned."""
        return _items(self.content.get("requests"))


@dataclass(frozen=True, slots=True)
class RecordedAction:
    """One action of the log. Times are Unix times."""

    id: str
    records: tuple[Record, ...]
    state: ActionState
    claimed_by: str = ""
    """Owner of the log that says so, where that is not the person whose log it should be."""

    @property
    def intent(self) -> RecordedIntent:
        return RecordedIntent(self._content("intent"))

    @property
    def result(self) -> Mapping[str, Any]:
        """The end, and what users felt as far as it was measured; empty where nobody wrote that down."""
        return {**self._content("result"), **self._content("effect")}

    @property
    def undo(self) -> Mapping[str, Any]:
        """The way back: ``text`` and, where there is one, ``request``."""
        return self._content("undo") or _mapping(self.intent.content.get("undo"))

    @property
    def began(self) -> float:
        return self.records[0].at

    @property
    def ended(self) -> float | None:
        return next((record.at for record in reversed(self.records) if record.event == "result"), None)

    @property
    def last_heard(self) -> float:
        """Time of its last record."""
        return self.records[-1].at

    @property
    def who(self) -> Mapping[str, Any]:
        return self.records[0].who

    @property
    def person(self) -> str:
        """The identity that the cluster knows, else the login on the machine."""
        return str(self.who.get("identity") or self.who.get("local_user") or "")

    @property
    def title(self) -> str:
        return str(self.intent.content.get("title") or self.intent.kind or self.id)

    @property
    def outcome(self) -> str:
        """The end in a word or two: the result, or why there is none."""
        return str(self.result.get("result") or "") or str(self.state)

    @property
    def sent(self) -> tuple[SentRequest, ...]:
        """The requests that went out, in order; an answer belongs to the oldest that has none."""
        out: list[SentRequest] = []
        for record in self.records:
            if record.event == "sending":
                content = record.content
                out.append(
                    SentRequest(record.at, str(content.get("method", "")), str(content.get("path", "")), content)
                )
            elif record.event == "answered":
                at = next((i for i, sent in enumerate(out) if sent.answered_at is None), None)
                if at is not None:
                    open_ = out[at]
                    out[at] = SentRequest(open_.at, open_.method, open_.path, open_.content, record.at, record.content)
        return tuple(out)

    @property
    def unsent(self) -> tuple[Mapping[str, Any], ...]:
        """The requests of the plan that never went out."""
        gone = [(sent.method, sent.path) for sent in self.sent]
        out: list[Mapping[str, Any]] = []
        for planned in self.intent.requests:
            wanted = (str(planned.get("method", "")), str(planned.get("path", "")))
            if wanted in gone:
                gone.remove(wanted)
            else:
                out.append(planned)
        return tuple(out)

    @property
    def reviewed(self) -> bool:
        """Whether a person has looked at what was cut off."""
        return any(record.event == "reviewed" for record in self.records)

    def _content(self, event: str) -> Mapping[str, Any]:
        return next((record.content for record in self.records if record.event == event), {})


def history(found: Iterable[Record], alive: Alive = still_runs) -> list[RecordedAction]:
    """The actions of a log, oldest first. What the log says of itself belongs to none."""
    by_action: dict[str, list[Record]] = {}
    for record in found:
        if record.action:
            by_action.setdefault(record.action, []).append(record)
    return [RecordedAction(id_, tuple(own), _state(own, alive)) for id_, own in by_action.items()]


def unfinished(folder: Path, alive: Alive = still_runs) -> list[RecordedAction]:
    """Actions that were cut off (a kill, a crash, a power cut) and that nobody has looked at since, oldest first.

    ``AuditLog.append("reviewed", id, {})`` says that somebody has. Raises OSError where the log cannot be read.
    """
    found = history(records(look_at(folder)), alive)
    return [action for action in found if action.state is ActionState.CUT_OFF and not action.reviewed]


def _state(own: Sequence[Record], alive: Alive) -> ActionState:
    if any(record.event == "result" for record in own):
        return ActionState.ENDED
    runs = alive(own[0].process, str(own[0].who.get("host", "")))
    if runs is None:
        return ActionState.OUT_OF_SIGHT
    return ActionState.UNDER_WAY if runs else ActionState.CUT_OFF


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _items(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _int_or_zero(value: object) -> int:
    return value if isinstance(value, int) else 0
