"""The actions in a log: each with its intent, the requests and answers, and its outcome.

Reads only. Records are not trusted: an edited log, or one of a later version, is shown as far as it can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from pathlib import Path
from typing import Any

from actions.audit.line import Record
from actions.audit.process import still_runs
from actions.audit.reading import read_log, records
from actions.request import shown_kind
from fleet.dataclass import dataclass
from fleet.json_fields import as_mapping, mappings_in

Alive = Callable[[Mapping[str, Any], str], bool | None]
"""Returns whether a record's process, on its host, is still running; None if that cannot be seen."""


class ActionState(StrEnum):
    """The state of an action according to the log."""

    ENDED = "ended"
    """Result written."""
    UNDER_WAY = "under way"
    """No result yet; the process that does it runs."""
    CUT_OFF = "cut off"
    """No result, and no process that could write one: its outcome must be looked up in the cluster."""
    OUT_OF_SIGHT = "out of sight"
    """No result; it was begun on another machine, whose processes cannot be seen from here."""


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
        """True if the outcome is unknown: no answer came, or none was recorded."""
        return self.status == 0 and not self.unsent

    @property
    def unsent(self) -> bool:
        """True if it is certain that nothing of it was sent: there was no connection to the server."""
        return self.answer.get("sent") is False

    @property
    def done(self) -> bool:
        """True if the server reported success."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class RecordedIntent:
    """The confirmed plan; empty if it is missing from the log."""

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
        return as_mapping(self.content.get("scope"))

    @property
    def target(self) -> Mapping[str, Any]:
        """Kind, namespace, name and uid."""
        return as_mapping(self.content.get("target"))

    @property
    def targets(self) -> list[Mapping[str, Any]]:
        """All targets; logs of earlier versions have the first one alone."""
        return mappings_in(self.content.get("targets")) or [self.target]

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
        return mappings_in(self.content.get("requests"))


@dataclass(frozen=True, slots=True)
class RecordedAction:
    """One action of the log. Times are Unix times."""

    id: str
    records: tuple[Record, ...]
    state: ActionState
    claimed_by: str = ""
    """Owner of the log with this record, if that is not the user that the log is named after."""

    @property
    def intent(self) -> RecordedIntent:
        return RecordedIntent(self._content("intent"))

    @property
    def result(self) -> Mapping[str, Any]:
        """The outcome and the measured effect on users; empty if neither was recorded."""
        return {**self._content("result"), **self._content("effect")}

    @property
    def undo(self) -> Mapping[str, Any]:
        """The way back: ``text`` and, where there is one, ``request``."""
        return self._content("undo") or as_mapping(self.intent.content.get("undo"))

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
        """The identity in the cluster, else the login on the machine."""
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
        """The planned requests that were never sent."""
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
        """True if a user has reviewed the interrupted action."""
        return any(record.event == "reviewed" for record in self.records)

    def _content(self, event: str) -> Mapping[str, Any]:
        return next((record.content for record in self.records if record.event == event), {})


def history(found: Iterable[Record], alive: Alive = still_runs) -> list[RecordedAction]:
    """Return the actions of a log, oldest first. The log's own records belong to none."""
    by_action: dict[str, list[Record]] = {}
    for record in found:
        if record.action:
            by_action.setdefault(record.action, []).append(record)
    return [RecordedAction(id_, tuple(own), _state(own, alive)) for id_, own in by_action.items()]


def unfinished(folder: Path, alive: Alive = still_runs) -> list[RecordedAction]:
    """Return interrupted actions (a kill, a crash, a power failure) that were not reviewed yet, oldest first.

    ``AuditLog.append("reviewed", id, {})`` marks one as reviewed. Raises OSError if the log cannot be read.
    """
    found = history(records(read_log(folder)), alive)
    return [action for action in found if action.state is ActionState.CUT_OFF and not action.reviewed]


def _state(own: Sequence[Record], alive: Alive) -> ActionState:
    if any(record.event == "result" for record in own):
        return ActionState.ENDED
    runs = alive(own[0].process, str(own[0].who.get("host", "")))
    if runs is None:
        return ActionState.OUT_OF_SIGHT
    return ActionState.UNDER_WAY if runs else ActionState.CUT_OFF


def _int_or_zero(value: object) -> int:
    return value if isinstance(value, int) else 0
