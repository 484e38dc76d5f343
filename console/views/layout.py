"""Layout of lines side by side and one below the other, from which pages are composed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from themes.palette import Role
from widgets.line import BLANK, Line, Span, fit, fit_spans, folded, spans_width

LABEL = 14
"""Cells of the labels at the left edge of a page."""
_NARROW = 60
"""Cells of a page below which texts are not beside their labels."""


def head(title: str, remark: str = "") -> Line:
    """Return the head of a section, with a remark beside it."""
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


def packed(label: str, items: Iterable[tuple[str, Span]], width: int) -> list[Line]:
    """Return ``pairs`` after a label, on as many lines as ``width`` cells require; in a narrow terminal below it."""
    is_narrow = width < _NARROW
    indent = 3 if is_narrow else LABEL + 4
    rows: list[list[tuple[str, Span]]] = [[]]
    for item in items:
        if rows[-1] and indent + spans_width(pairs([*rows[-1], item])) > width:
            rows.append([])
        rows[-1].append(item)
    if not is_narrow:
        return [labelled("" if i else label, *pairs(row)) for i, row in enumerate(rows)]
    below = [Line((Span(" " * indent), *pairs(row))) for row in rows if row]
    return [Line((Span(f"   {label}", Role.DIM),)), *below] if label and below else below


def wrapped(label: str, text: str, width: int, role: Role = Role.TEXT) -> list[Line]:
    """Return a text after a label, on as many lines as ``width`` cells require; none for an empty text.

    In a narrow terminal the column of labels would take half of it: the text then continues below its label.
    """
    if width < _NARROW and text.strip():
        lead = (Span(f"   {label}  " if label else "   ", Role.DIM),)
        return followed(lead, text, role, width - 1, 5 if label else 3)
    parts = folded(text, max(20, width - LABEL - 6))
    return [labelled("" if i else label, Span(part, role)) for i, part in enumerate(parts)]


def followed(lead: Sequence[Span], text: str, role: Role, width: int, indent: int) -> list[Line]:
    """Return spans and a text; what does not fit beside them continues below, ``indent`` cells from the edge."""
    text = " ".join(text.split())
    beside = folded(text, max(12, width - spans_width(lead)))[:1]
    below = folded(text[len(beside[0]) :] if beside else "", max(20, width - indent))
    return [
        Line((*lead, *(Span(part, role) for part in beside))),
        *(Line((Span(" " * indent), Span(part, role))) for part in below),
    ]


def sections(*parts: Sequence[Line]) -> list[Line]:
    """Parts one below the other with a blank line between them; empty ones leave no gap."""
    out: list[Line] = []
    for part in parts:
        if part:
            if out:
                out.append(BLANK)
            out += part
    return out


def side_by_side(left: Sequence[Line], right: Sequence[Line], left_width: int, right_width: int) -> list[Line]:
    """Two blocks side by side, ``left_width`` and ``right_width`` cells wide."""
    return [
        Line((*fit_spans(a.spans, left_width, "left", "…"), *fit_spans(b.spans, right_width, "left", "…")))
        for a, b in zip_longest(left, right, fillvalue=BLANK)
    ]
