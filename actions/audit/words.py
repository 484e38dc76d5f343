"""A recorded action in words: the same for the command line, the screen and the HTML page.

The words contain outside text; the display makes it safe.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from actions.audit.anchor import Anchored
from actions.audit.chain import Verification
from actions.audit.history import ActionState, RecordedAction, SentRequest
from actions.audit.opened_logs import Opened
from fleet.json_fields import as_list, as_mapping, mappings_in
from fleet.model.counting import count

_HTTP: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


class Tone(StrEnum):
    """The tone of a fact."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    """The outcome is unknown, and should be looked up."""


class RecordFact(NamedTuple):
    """A label (empty: it continues the previous one) and its text, which may have several lines."""

    label: str
    text: str
    tone: Tone = Tone.PLAIN


def moment(at: float) -> str:
    """``2026-09-21 14:13:20Z``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def outcome_tone(action: RecordedAction) -> Tone:
    """Return the tone of an action's outcome."""
    if action.state is not ActionState.ENDED:
        return Tone.PLAIN if action.state is ActionState.UNDER_WAY else Tone.UNKNOWN
    return Tone.GOOD if action.outcome == "converged" else Tone.BAD


def chain_text(verdict: Verification) -> list[RecordFact]:
    """Return whether the log is unchanged, as far as can be verified."""
    if verdict.broken is not None:
        before = f"; the records before it are intact: {count(verdict.records, 'record')}" if verdict.records else ""
        facts = [RecordFact("chain", f"BROKEN at {verdict.broken}{before}", Tone.BAD)]
    elif not verdict.records:
        facts = [RecordFact("chain", "nothing is recorded yet")]
    else:
        since = f", since {moment(verdict.since)}" if verdict.since is not None else ""
        alone = "" if verdict.anchored else " (of one file: what was before and after it is not known)"
        facts = [RecordFact("chain", f"intact, {count(verdict.records, 'record')}{since}{alone}", Tone.GOOD)]
    for torn in verdict.torn:
        marked = "marked in the log" if torn.marked else "not yet marked, the next record will"
        facts.append(
            RecordFact("", f"{torn.file}:{torn.line}: a write was interrupted here, {torn.size} bytes of it ({marked})")
        )
    return facts


def opened_text(opened: Opened) -> list[RecordFact]:
    """Return the verification of all opened logs, broken ones first; then the anchors."""
    return [*_chains_text(opened), *(_anchor_text(one) for one in opened.anchored)]


def _anchor_text(one: Anchored) -> RecordFact:
    if one.place is not None:
        return RecordFact("anchor", f"{one.anchor} is in {one.place}: the records up to then are present", Tone.GOOD)
    gone = "is in no log: the log was rewritten, restored to an earlier state, or is a different one"
    return RecordFact("anchor", f"{one.anchor} {gone}", Tone.BAD)


def _chains_text(opened: Opened) -> list[RecordFact]:
    if len(opened.chains) == 1 and not opened.closed:
        return chain_text(opened.chains[0].verdict)
    facts = [fact for chain in opened.chains if not chain.verdict.intact for fact in chain_text(chain.verdict)]
    whole = [chain.verdict for chain in opened.chains if chain.verdict.intact]
    if whole:
        records = sum(verdict.records for verdict in whole)
        facts.append(RecordFact("chains", f"{count(len(whole), 'log')} intact, {count(records, 'record')}", Tone.GOOD))
        facts += [fact for verdict in whole for fact in chain_text(verdict)[1:]]
    facts += [RecordFact("", f"{place} may not be read", Tone.UNKNOWN) for place in opened.closed]
    return facts


def summary(action: RecordedAction) -> list[RecordFact]:
    """Return what an on-call engineer or an auditor looks for first."""
    facts = [RecordFact("who", _person_text(action)), RecordFact("where", _scope_text(action))]
    if action.intent.reason:
        facts.append(RecordFact("reason", action.intent.reason))
    facts += _changes(action)
    facts += _request_facts(action)
    facts += _result(action)
    if text := str(action.undo.get("text") or ""):
        facts.append(RecordFact("undo", text))
    return facts


def everything(action: RecordedAction) -> list[RecordFact]:
    """All that the log has of an action."""
    intent = action.intent.content
    facts = [
        RecordFact("id", action.id),
        RecordFact("began", moment(action.began)),
        *summary(action)[:2],
        RecordFact(
            "identity", " · ".join(map(str, (action.who.get("identity", ""), *as_list(action.who.get("groups")))))
        ),
        RecordFact("server", str(action.intent.scope.get("server") or "")),
        RecordFact("uid", str(action.intent.target.get("uid") or "")),
        RecordFact("reason", action.intent.reason or "none was given"),
        RecordFact("confirmed", str(intent.get("confirmation") or "")),
        *_changes(action),
        *_labelled("others", (f"{item}" for item in _impact(intent))),
        *_labelled("checks", _checks(intent)),
        *_labelled("steps", (_joined(one.get("title"), one.get("detail")) for one in mappings_in(intent.get("steps")))),
        *_labelled("diff", [str(intent["diff"])] if intent.get("diff") else []),
        *_exchanges(action),
        *_labelled("progress", _progress(action)),
        *_result(action),
        RecordFact("undoes", str(intent.get("undoes") or "")),
        RecordFact("undo", str(action.undo.get("text") or "")),
        RecordFact("", _json(action.undo.get("request")) if action.undo.get("request") else ""),
    ]
    return [fact for fact in facts if fact.text]


def _person_text(action: RecordedAction) -> str:
    who = action.who
    login = str(who.get("local_user") or "")
    sudo = f" (sudo from {who['sudo_user']})" if who.get("sudo_user") else ""
    origin = f", from {who['ssh_origin']}" if who.get("ssh_origin") else ""
    here = f"{login}{sudo} on {who.get('host', '')}{origin}"
    identity = str(who.get("identity") or "")
    person = f"{identity}, {here}" if identity else here
    return f"{person}: according to a log that belongs to {action.claimed_by}" if action.claimed_by else person


def _scope_text(action: RecordedAction) -> str:
    production = " (production)" if action.intent.scope.get("production") else ""
    parts = (f"{action.intent.scope.get('context') or 'in-cluster'}{production}", action.intent.target_name)
    return " · ".join(part for part in parts if part)


def _changes(action: RecordedAction) -> list[RecordFact]:
    changes = mappings_in(action.intent.content.get("changes"))
    return _labelled("change", map(_change, changes))


def _change(change: Mapping[str, Any]) -> str:
    """Return ``replicas 3 → 5``; without a previous value, the new state: ``chat-8b-x evicted``."""
    what, before, after = (str(change.get(name) or "") for name in ("what", "before", "after"))
    return f"{what} {before} → {after}" if before else f"{what} {after}"


def _impact(intent: Mapping[str, Any]) -> Iterator[str]:
    for item in mappings_in(intent.get("blast")):
        yield f"{item.get('what', '')} {item.get('before', '')} → {item.get('after', '')}"


def _checks(intent: Mapping[str, Any]) -> Iterator[str]:
    for check in mappings_in(intent.get("checks")):
        yield _joined(
            f"{check.get('verdict', '')}: {check.get('about', '')}: {check.get('text', '')}", check.get("fix")
        )


def _request_facts(action: RecordedAction) -> list[RecordFact]:
    facts = [RecordFact("", f"{_request(sent)}: {_answer(sent)}", _tone(sent)) for sent in action.sent]
    if action.state is not ActionState.ENDED or not action.sent:
        facts += [
            RecordFact("", f"{planned.get('method')} {planned.get('path')}: not sent") for planned in action.unsent
        ]
    if not facts:
        return [RecordFact("sent", "nothing")]
    return [facts[0]._replace(label="sent"), *facts[1:]]


def _exchanges(action: RecordedAction) -> list[RecordFact]:
    """Each request with its body, and its answer."""
    facts: list[RecordFact] = []
    for sent in action.sent:
        query = "&".join(f"{name}={value}" for name, value in as_mapping(sent.content.get("query")).items())
        facts.append(RecordFact("sent", f"{moment(sent.at)} {_request(sent)}{'?' if query else ''}{query}"))
        if sent.content.get("body") is not None:
            facts.append(RecordFact("", _json(sent.content["body"])))
        facts.append(RecordFact("answered", _answer(sent), _tone(sent)))
    facts += [RecordFact("not sent", f"{item.get('method')} {item.get('path')}") for item in action.unsent]
    return facts


def _request(sent: SentRequest) -> str:
    return f"{sent.method} {sent.path}"


def _answer(sent: SentRequest) -> str:
    if sent.answered_at is None:
        return "no answer is recorded: whether the server did it is not known; check the object"
    error = str(sent.answer.get("error") or "")
    if sent.unsent:
        return f"not sent: {error}"
    if sent.unknown:
        return f"no answer ({error}): whether the server did it is not known; check the object"
    # Actions on this machine have no answer of a server to show.
    parts = [str(sent.status) if sent.method in _HTTP or not sent.done else "done"]
    if error:
        parts.append(error)
    if sent.answer.get("resource_version"):
        parts.append(f"resourceVersion {sent.answer['resource_version']}")
    if sent.answer.get("audit_id"):
        parts.append(f"audit id {sent.answer['audit_id']}")
    return ", ".join(parts)


def _tone(sent: SentRequest) -> Tone:
    if sent.unknown:
        return Tone.UNKNOWN
    return Tone.PLAIN if sent.done else Tone.BAD


def _progress(action: RecordedAction) -> Iterator[str]:
    for record in action.records:
        if record.event == "step":
            yield f"{moment(record.at)} {record.content.get('text') or _json(record.content)}"


def _result(action: RecordedAction) -> list[RecordFact]:
    tone = outcome_tone(action)
    if action.state is ActionState.UNDER_WAY:
        return [RecordFact("result", "under way: its process is still running", tone)]
    if action.state is ActionState.CUT_OFF:
        text = f"interrupted: its process ended at or after {moment(action.last_heard)}, before it recorded a result"
        return [RecordFact("result", text, tone), *_unfinished_facts(action)]
    if action.state is ActionState.OUT_OF_SIGHT:
        host = action.who.get("host", "another machine")
        text = f"none yet: it was started on {host}, check there whether it is still running"
        return [RecordFact("result", text, tone), *_unfinished_facts(action)]
    ended = f" at {moment(action.ended)}" if action.ended is not None else ""
    text = _joined(f"{action.outcome}{ended}: {action.result.get('text', '')}", action.result.get("remedy"))
    return [
        RecordFact("result", text, tone),
        *([RecordFact("effect", effect)] if (effect := _effect(action.result)) else []),
    ]


def _unfinished_facts(action: RecordedAction) -> list[RecordFact]:
    """Return the known and the unknown facts about an action without a result."""
    sent = action.sent
    unknown = sum(one.unknown for one in sent)
    if not sent:
        return [RecordFact("", "nothing had been sent by then: the cluster is unchanged", Tone.GOOD)]
    counts = f"{len(sent)} sent, {len(sent) - unknown} answered, {unknown} unknown"
    return [RecordFact("", f"{counts}; what the cluster did since is not in the log: check the object", Tone.UNKNOWN)]


def _effect(result: Mapping[str, Any]) -> str:
    before, after = as_mapping(result.get("before")), as_mapping(result.get("after"))
    parts = []
    for name, words, form in (
        ("waiting", "requests waiting", "{:.0f}"),
        ("ttft_p95", "TTFT p95", "{:.2f} s"),
        ("error_ratio", "errors", "{:.1%}"),
    ):
        if any(_number(side.get(name)) is not None for side in (before, after)):
            shown = [form.format(n) if (n := _number(side.get(name))) is not None else "–" for side in (before, after)]
            parts.append(f"{words} {shown[0]} → {shown[1]}")
    return ", ".join(parts)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _labelled(label: str, texts: Iterator[str] | list[str]) -> list[RecordFact]:
    return [RecordFact("" if i else label, text) for i, text in enumerate(text for text in texts if text)]


def _joined(text: object, more: object) -> str:
    return f"{text}; {more}" if more else str(text)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
