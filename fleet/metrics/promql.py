"""PromQL as the console writes it: selectors, parts, and queries short enough for a URL.

Queries are joined with ``or``; each part carries a label ``q`` that identifies it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import quote

from fleet.metrics.dialect import Match, Op

TAG = "q"
"""The label that names a part of a joined query."""
LONGEST = 7000
"""Characters of an encoded query; proxies accept URLs of 8 kB."""


_within: ContextVar[tuple[Match, ...]] = ContextVar("within", default=())


@contextmanager
def limited_to(matches: Iterable[Match]) -> Iterator[None]:
    """Queries that are written meanwhile are about series that match these too: one cluster of a store of several."""
    before = _within.set(tuple(matches))
    try:
        yield
    finally:
        _within.reset(before)


_exact: ContextVar[bool] = ContextVar("exact", default=False)


@contextmanager
def by_exact_names(exact: bool) -> Iterator[None]:
    """Queries that are written meanwhile have no regular expression on ``__name__``."""
    before = _exact.set(exact)
    try:
        yield
    finally:
        _exact.reset(before)


def equal_to(labels: Mapping[str, str]) -> tuple[Match, ...]:
    """The matches of series with these labels."""
    return tuple(Match(label, Op.EQUAL, value) for label, value in sorted(labels.items()))


def names_are_exact() -> bool:
    """True if queries written now spell out every name."""
    return _exact.get()


def literal(text: str) -> str:
    """A PromQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def pattern(values: Iterable[str]) -> str:
    """Return a regular expression (RE2) that matches these strings.

    Dots are not escaped: the values are addresses and names, escaping would double the length of the URL, and the
    reader of the answer drops what was not requested.
    """
    return "|".join("".join(f"\\{c}" if c in r"\+*?()|[]{}^$" else c for c in value) for value in sorted(values))


def selector(name: str, matches: Iterable[Match] = ()) -> str:
    """An instant selector; a colon in a name needs no quotes."""
    inside = ",".join(f"{match.label}{match.op.value}{literal(match.value)}" for match in (*matches, *_within.get()))
    return f"{name}{{{inside}}}" if inside else name


def span(seconds: float) -> str:
    """A time, to the millisecond."""
    milliseconds = round(seconds * 1000)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def duration(seconds: float) -> str:
    """A range, to the millisecond."""
    return f"[{span(seconds)}]"


def scaled(expression: str, scale: float) -> str:
    """A part in the canonical unit."""
    # All digits: :g keeps six, and a MiB has seven.
    return expression if scale == 1.0 else f"{expression} * {scale!r}"


class TaggedPart(str):
    """A part of a joined query whose series all carry the same tag."""

    __slots__ = ("tag",)

    tag: str

    @classmethod
    def of(cls, tag: str, expression: str) -> TaggedPart:
        part = cls(expression)
        part.tag = str(tag)
        return part


def tagged(tag: str, expression: str) -> TaggedPart:
    """A part of a joined query."""
    # Each space is three characters of a URL.
    return TaggedPart.of(tag, f'label_replace({expression},"{TAG}","{tag}","","")')


def joined(parts: Sequence[str]) -> str:
    """Return one query of these parts.

    Parts with the same tag, or without one, are joined with ``or``, which compares all labels of all series. The others
    have no series in common with them: to say that the tag decides saves a store that comparison, an eighth of what
    the numbers of a fleet cost it.
    """
    alike: dict[str, list[str]] = {}
    for part in parts:
        alike.setdefault(part.tag if isinstance(part, TaggedPart) else "", []).append(part)
    return _tree([_tree(some, " or ") for some in alike.values()], f" or on({TAG}) ")


def _tree(parts: Sequence[str], operator: str) -> str:
    """Join parts as a balanced tree: each operator scans everything on its left, which a chain would repeat."""
    if len(parts) <= 2:
        return operator.join(parts)
    half = (len(parts) + 1) // 2
    return f"({_tree(parts[:half], operator)}){operator}({_tree(parts[half:], operator)})"


def listed(labels: Iterable[str]) -> str:
    """Labels, as ``by`` and ``without`` take them; each space would be three characters of a URL."""
    return ",".join(labels)


def queries(parts: Sequence[str]) -> list[str]:
    """Return as few queries of these parts as are short enough for a URL."""
    packed: list[list[str]] = []
    for part in parts:
        if packed and len(quote(joined([*packed[-1], part]))) <= LONGEST:
            packed[-1].append(part)
        else:
            packed.append([part])
    return [joined(together) for together in packed]
