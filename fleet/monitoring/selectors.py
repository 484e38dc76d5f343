"""The series selectors of a PromQL expression: just enough of its grammar to find them.

A name is a selector unless it is followed by a parenthesis (a function), is a keyword, or is in a list of labels.
Series within ``absent`` are meant to be absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from fleet.model.alerts import Matcher

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|\#[^\n]*)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
    | (?P<number>\.?[0-9](?:[eE][+-][0-9]|[0-9a-zA-Z_.])*)
    | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    | (?P<sign>=~|!~|!=|==|<=|>=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LISTS: Final = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
"""Keywords with a list of labels behind them."""
_WORDS: Final = frozenset(
    {"and", "or", "unless", "atan2", "bool", "offset", "inf", "nan", "start", "end", "limit_ratio"}
)
_AGGREGATIONS: Final = frozenset(
    {"sum", "avg", "min", "max", "count", "stddev", "stdvar", "group", "topk", "bottomk", "quantile"}
    | {"count_values", "limitk", "limit_ratio"}
)
"""May be followed by their list of labels in place of a parenthesis."""
_ABSENT: Final = frozenset({"absent", "absent_over_time"})
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class Selector(NamedTuple):
    """One selector of series. ``name`` is empty where the matchers name the metric."""

    name: str
    matchers: tuple[Matcher, ...] = ()

    def __str__(self) -> str:
        """Written as PromQL."""
        plain = _PLAIN.fullmatch(self.name) is not None
        named = () if plain or not self.name else (Matcher("__name__", self.name),)
        inside = ",".join(map(str, (*named, *self.matchers)))
        return f"{self.name if plain else ''}{{{inside}}}" if inside or not self.name else self.name

    def without(self, matcher: Matcher) -> Selector:
        """The same, less one matcher."""
        return self._replace(matchers=tuple(one for one in self.matchers if one is not matcher))


class Read(NamedTuple):
    """The selectors of an expression, and whether some are alternatives to others."""

    selectors: tuple[Selector, ...]
    alternatives: bool
    """True if there is ``or`` or ``unless``: an absent series may then be intended."""


class _Token(NamedTuple):
    kind: str
    text: str


def read(expression: str) -> Read:
    """The selectors of an expression, each once. One that cannot be understood has fewer."""
    tokens = [_Token(m.lastgroup or "", m[0]) for m in _TOKEN.finditer(expression) if m.lastgroup != "space"]
    found = tuple(dict.fromkeys(_Reader(tokens).selectors()))
    return Read(found, any(token in (_Token("name", "or"), _Token("name", "unless")) for token in tokens))


class _Reader:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def selectors(self) -> Iterator[Selector]:
        absent: list[int] = []
        """Depths of the parentheses within which series are meant to be absent."""
        depth = 0
        while self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            self._at += 1
            if text == "(" and kind == "sign":
                depth += 1
            elif text == ")" and kind == "sign":
                depth -= 1
                while absent and absent[-1] > depth:
                    absent.pop()
            elif text == "[" and kind == "sign":
                # A range, perhaps with the step of a subquery, whose colon could start a name.
                self._skip_to("]")
            elif kind == "name" and text in _LISTS:
                if self._take("("):
                    self._skip_to(")")
            elif kind == "name" and self._next() == "(":
                if text in _ABSENT:
                    absent.append(depth + 1)
            elif text == "{" and kind == "sign":
                selector = self._matchers("")
                if not absent:
                    yield selector
            elif kind == "name" and not self._is_word(text):
                selector = self._matchers(text) if self._take("{") else Selector(text)
                if not absent:
                    yield selector

    def _is_word(self, text: str) -> bool:
        return text.lower() in _WORDS or (text in _AGGREGATIONS and self._next() in _LISTS)

    def _next(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _take(self, text: str) -> bool:
        if self._next() != text:
            return False
        self._at += 1
        return True

    def _skip_to(self, end: str) -> None:
        while self._at < len(self._tokens) and not self._take(end):
            self._at += 1

    def _matchers(self, name: str) -> Selector:
        """Read a selector from behind its opening brace to behind the closing one."""
        found: list[Matcher] = []
        while self._at < len(self._tokens) and not self._take("}"):
            kind, label = self._tokens[self._at]
            self._at += 1
            if label == ",":
                continue
            label = _unquoted(label) if kind == "string" else label
            sign = self._next()
            if sign not in ("=", "!=", "=~", "!~"):
                # A quoted name may contain any character.
                name = name or label
                continue
            self._at += 1
            value = _unquoted(self._next())
            self._at += 1
            if label == "__name__" and sign == "=":
                name = name or value
            else:
                found.append(Matcher(label, value, regex=sign.endswith("~"), equal=sign[0] == "="))
        return Selector(name, tuple(found))


def _unquoted(text: str) -> str:
    if text[:1] == "`" or len(text) < 2:
        return text[1:-1]
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1], flags=re.DOTALL)
