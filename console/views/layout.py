"""Lines side by side and one below the other: how pages are put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from themes.palette import Role
from widgets.line import BLANK, Line, Span, fit, fit_spans, width_of

LABEL = 14
"""Cells of the labels at the left edge of a page."""


def head(title: str, remark: str = "") -> Line:
    """The head of a section, and a remark beside it."""
    spans = [Span(f" {title.upper()}", Role.HEAD)]
    if remark:
        spans.append(Span(f"  {remark}", Role.DIM))
    return Line(tuple(spans))


def labelled(label: str, *spans: Span) -> Line:
    """A line with a label at its left edge."""
    return Line((Span(f"   {fit(label, LABEL, 'left', '…')} ", Role.DIM), *spans))


def pairs(items: Iterable[tuple[str, Span]]) -> tuple[Span, ...]:
    """``running 31   waiting 12``: names dimmed, values in their roles."""
    spans: list[Span] = []
    for name, value in items:
        if spans:
            spans.append(Span("   "))
        if name:
            spans.append(Span(f"{name} ", Role.DIM))
        spans.append(value)
    return tuple(spans)


def sections(*parts: Sequence[Line]) -> list[Line]:
    """Parts one below the other with a blank line between them; empty ones leave no gap."""
    out: list[Line] = []
    for part in parts:
        if part:
            if out:
                out.append(BLANK)
            out += part
    return out


def beside(left: Sequence[Line], right: Sequence[Line], left_width: int, right_width: int) -> list[Line]:
    """Two blocks side by side, ``left_width`` and ``right_width`` cells wide."""
    return [
        Line((*fit_spans(a.spans, left_width, "left", "…"), *fit_spans(b.spans, right_width, "left", "…")))
        for a, b in zip_longest(left, right, fillvalue=BLANK)
    ]


def folded(text: str, width: int) -> list[str]:
    """Text in lines of at most ``width`` cells, broken at blanks where there are any."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        while width_of(word) > width > 0:
            if line:
                lines.append(line)
                line = ""
            lines.append(word[:width])
            word = word[width:]
        if line and width_of(line) + 1 + width_of(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line else lines
