"""Alerts as typed: ``Full``, ``Full{pod="chat-1"}``, or the fingerprint that Alertmanager gives one."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Sequence

from actions.kinds.silence import ALERT
from actions.request import Target
from console.cli.find_object import NotNamedError
from console.views.alert_marks import board
from console.views.alerts import empty_text
from fleet.alerts.board import AlertRow
from fleet.dataclass import dataclass
from fleet.model.alerts import NAME, Matcher, Notified
from fleet.model.counting import count
from fleet.model.snapshot import Snapshot
from fleet.model.typed_pattern import typed_pattern

_TYPED = re.compile(r"(?P<name>[^{]*)(?:\{(?P<matchers>.*)\})?")
_MATCHER = re.compile(
    r'\s*(?P<label>[^=!~\s,"]+)\s*(?P<sign>=~|!~|!=|=)\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^,"]*?))\s*(?:,|$)'
)
_ESCAPED = re.compile(r"\\(.)")
_MOST = 10
"""Number of candidates listed if the name is ambiguous."""


def find_alert(typed: str, snapshot: Snapshot, namespace: str) -> Target:
    """Return the named alert; for a silence whose alerts are over, its id as a target.

    ``namespace`` is the requested one, empty for none. Raises NotNamedError, which lists the candidates.
    """
    alerts = board(snapshot)
    rows = list(alerts.rows.values()) if alerts is not None else []
    here = [row for row in rows if not namespace or row.concerned.namespace in ("", namespace)]
    found = [row for row in rows if typed in (row.merged.key, row.merged.alert.fingerprint)] or _matching(typed, here)
    if len(found) == 1:
        return Target(ALERT, "", found[0].merged.alert.name or "(no name)", found[0].merged.key)
    if found:
        shown = "\n".join(_shown(row, found) for row in found[:_MOST])
        more = f"\nand {len(found) - _MOST} more" if len(found) > _MOST else ""
        raise NotNamedError(f"{typed} is {count(len(found), 'alert')}; choose one:\n{shown}{more}")
    if any(one.id == typed for notified in snapshot.facts.of(Notified).values() for one in notified.value.silences):
        return Target(ALERT, "", f"silence {typed}", typed)
    if not rows:
        raise NotNamedError(f"no alert {typed}: {empty_text(snapshot)}")
    name = typed.partition("{")[0]
    near = difflib.get_close_matches(name, sorted({row.merged.alert.name for row in here}), n=3)
    where = f" in {namespace}" if namespace else ""
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise NotNamedError(f"no alert {typed}{where}{hint}")


def _matching(typed: str, rows: Sequence[AlertRow]) -> list[AlertRow]:
    parts = _TYPED.fullmatch(typed)
    if parts is None:
        raise NotNamedError(f'{typed}: an alert is NAME or NAME{{label="value"}}')
    name, conditions = parts["name"].strip(), [_condition(one) for one in _matchers(parts["matchers"] or "", typed)]
    if not name and not conditions:
        raise NotNamedError("no alert named")
    named = [row for row in rows if not name or row.merged.alert.name == name]
    return [row for row in named if all(one.holds(row.merged.alert.labels.get(one.label, "")) for one in conditions)]


@dataclass(frozen=True, slots=True)
class _Condition:
    """A typed label matcher."""

    label: str
    holds: Callable[[str], bool]


def _condition(matcher: Matcher) -> _Condition:
    if not matcher.regex:
        return _Condition(matcher.name, lambda value: (value == matcher.value) is matcher.equal)
    try:
        pattern = typed_pattern(matcher.value)
    except re.error as error:
        raise NotNamedError(f"{matcher}: not a regular expression: {error}") from error
    return _Condition(matcher.name, lambda value: (pattern.fullmatch(value) is not None) is matcher.equal)


def _matchers(text: str, typed: str) -> list[Matcher]:
    found, at = [], 0
    while at < len(text.rstrip()):
        one = _MATCHER.match(text, at)
        if one is None:
            raise NotNamedError(f"{typed}: {text[at:].strip()} is not a matcher; label=value, or != =~ !~")
        value = one["bare"] if one["quoted"] is None else _ESCAPED.sub(_unescaped, one["quoted"])
        found.append(Matcher(one["label"], value, "~" in one["sign"], "!" not in one["sign"]))
        at = one.end()
    return found


def _unescaped(escaped: re.Match[str]) -> str:
    return "\n" if escaped[1] == "n" else escaped[1]


def _shown(row: AlertRow, others: Sequence[AlertRow]) -> str:
    """Return the alert as it can be typed: its name, and the labels in which the candidates differ."""
    labels = row.merged.alert.labels
    every = {label for other in others for label in other.merged.alert.labels}
    differ = sorted(
        label for label in every - {NAME} if len({other.merged.alert.labels.get(label, "") for other in others}) > 1
    )
    matchers = ",".join(str(Matcher(label, labels.get(label, ""))) for label in differ)
    typed = shlex.quote(f"{row.merged.alert.name}{{{matchers}}}")
    return f"  {typed}  {row.merged.alert.state}  {row.merged.alert.fingerprint}".rstrip()
