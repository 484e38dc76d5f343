"""Label and field selectors, in the syntax of `labelSelector=` and `fieldSelector=`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from simulator.api.errors import bad_request

LabelTest = Callable[[Mapping[str, str]], bool]
FieldTest = Callable[[dict[str, Any]], bool]

_KEY = r"(?P<key>[A-Za-z0-9][\w.\-/]*)"
_REQUIREMENT = re.compile(
    rf"\s*(?:(?P<absent>!)\s*)?{_KEY}\s*"
    r"(?:(?P<op>==|=|!=)\s*(?P<value>[\w.\-]*)"
    r"|(?:\b(?P<set>in|notin)\s*\((?P<values>[^()]*)\)))?\s*(?:,|$)"
)
_FIELD = re.compile(r"(?P<path>[^=!,]+)(?P<op>==|=|!=)(?P<value>(?:\\.|[^\\,=])*)(?:,|$)")


def label_selector(text: str) -> LabelTest | None:
    """The test for the labels of an object; None selects everything. Raises ApiError 400."""
    tests: list[LabelTest] = []
    at = 0
    while at < len(text):
        match = _REQUIREMENT.match(text, at)
        if match is None or (match["absent"] and (match["op"] or match["set"])):
            raise bad_request(f"unable to parse requirement: {text[at:]!r} in {text!r}")
        tests.append(_label_test(match))
        at = match.end()
    if not tests:
        return None
    return lambda labels: all(test(labels) for test in tests)


def _label_test(match: re.Match[str]) -> LabelTest:
    key, op, value = match["key"], match["op"], match["value"]
    if match["absent"]:
        return lambda labels: key not in labels
    if match["set"]:
        values = {part.strip() for part in match["values"].split(",")}
        if match["set"] == "in":
            return lambda labels: labels.get(key) in values
        # notin and != also select objects that do not have the label at all.
        return lambda labels: labels.get(key) not in values
    if op in ("=", "=="):
        return lambda labels: labels.get(key) == value
    if op == "!=":
        return lambda labels: labels.get(key) != value
    return lambda labels: key in labels


def field_selector(text: str, known: Collection[str]) -> FieldTest | None:
    """Return the test for the fields of an object; None selects everything.

    `known` are the paths that the resource can be selected by; another path, or an invalid text, raises ApiError 400.
    """
    tests: list[FieldTest] = []
    at = 0
    while at < len(text):
        match = _FIELD.match(text, at)
        if match is None:
            raise bad_request(f"invalid selector: {text!r}; can't understand {text[at:]!r}")
        if match["path"] not in known:
            raise bad_request(f"field label not supported: {match['path']}")
        tests.append(_field_test(match["path"], match["op"], re.sub(r"\\(.)", r"\1", match["value"])))
        at = match.end()
    if not tests:
        return None
    return lambda obj: all(test(obj) for test in tests)


def _field_test(path: str, op: str, value: str) -> FieldTest:
    if op == "!=":
        return lambda obj: field_value(obj, path) != value
    return lambda obj: field_value(obj, path) == value


def field_value(obj: dict[str, Any], path: str) -> str:
    """The field as selectors compare it: a missing one is the empty string."""
    if path == "source":  # of an Event: whoever reported it, under its old name or its new one
        return str((obj.get("source") or {}).get("component") or obj.get("reportingComponent") or "")
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        # A bool that is not set selects as false (spec.unschedulable of nodes, spec.hostNetwork of pods).
        return "false" if path in ("spec.unschedulable", "spec.hostNetwork") else ""
    return str(value).lower() if isinstance(value, bool) else str(value)
