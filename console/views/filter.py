"""Filters in k9s' syntax: ``regex``, ``!regex`` (all that do not match), ``-l labels``, ``-f fuzzy``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from fleet.dataclass import dataclass


class FilterError(Exception):
    """The text is no filter: why."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter: its text, and a predicate on (the row's text, its labels)."""

    text: str
    matches: Callable[[str, Mapping[str, str]], bool]

    def __bool__(self) -> bool:
        """False for the filter that accepts everything."""
        return bool(self.text)


EVERYTHING = Filter("", lambda _text, _labels: True)


def parse_filter(text: str) -> Filter:
    """The filter that a person typed. Letters match in either case. Raises FilterError."""
    text = text.strip()
    if not text or text == "!":
        return EVERYTHING
    if text.startswith("-l"):
        return Filter(text, _selector(text[2:].strip()))
    if text.startswith("-f"):
        wanted = text[2:].replace(" ", "").casefold()
        return Filter(text, lambda row, _labels: any(_is_subsequence(wanted, word) for word in row.casefold().split()))
    # Nothing is typed before the first value.
    from fleet.model.typed_pattern import typed_pattern

    inverse = text.startswith("!")
    try:
        pattern = typed_pattern(text[1:] if inverse else text, re.IGNORECASE)
    except re.error as error:
        raise FilterError(f"not a regular expression: {error}") from error
    return Filter(text, lambda row, _labels: (pattern.search(row) is None) is inverse)


def _is_subsequence(wanted: str, word: str) -> bool:
    """All characters of ``wanted`` are in ``word``, in their order."""
    rest = iter(word)
    return all(char in rest for char in wanted)


_TERM = re.compile(r"\s*(?:(?P<not>!)\s*)?(?P<key>[\w./-]+)\s*(?:(?P<op>==|=|!=)\s*(?P<value>[\w.-]*)|"
                   r"(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?\s*")  # fmt: skip


def _selector(text: str) -> Callable[[str, Mapping[str, str]], bool]:
    """A label selector with kubectl's syntax: ``a=b,c!=d,e,!f,g in (h,i),j notin (k)``."""
    tests: list[Callable[[Mapping[str, str]], bool]] = []
    at = 0
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None or (term.end() < len(text) and text[term.end()] != ","):
            raise FilterError(f"not a label selector: {text!r}")
        tests.append(_label_test(term))
        at = term.end() + 1
    if not tests:
        raise FilterError("which labels? for example -l app=llama,tier!=batch")
    return lambda _row, labels: all(test(labels) for test in tests)


def _label_test(term: re.Match[str]) -> Callable[[Mapping[str, str]], bool]:
    key, value = term["key"], term["value"]
    if term["set"]:
        values = frozenset(part.strip() for part in term["values"].split(","))
        inside = term["set"] == "in"
        # As the API server does it, "notin" and "!=" also hold for objects without the label.
        return lambda labels: labels.get(key) in values if inside else labels.get(key) not in values
    if term["op"] == "!=":
        return lambda labels: labels.get(key) != value
    if term["op"]:
        return lambda labels: labels.get(key) == value
    return (lambda labels: key not in labels) if term["not"] else (lambda labels: key in labels)
