"""A prompt and its answer, as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.views.layout import followed, pairs
from fleet.dataclass import dataclass
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span
from widgets.text_pane import wrap
from widgets.untrusted import untrusted, untrusted_line
from widgets.values import scaled, seconds_text

if TYPE_CHECKING:
    from fleet.local.engine_answer import Piece


@dataclass(slots=True)
class Exchange:
    """One prompt. The piece grows until it is over."""

    prompt: str
    piece: Piece | None = None
    over: bool = False
    stopped: str = ""
    """The reason why no more of it was wanted."""
    problem: str = ""
    """The failure."""


def exchange_lines(exchange: Exchange, width: int, glyphs: Glyphs) -> list[Line]:
    """The prompt, the answer as far as it has come, and how fast it came."""
    lines = followed((Span(f" {glyphs.inside} ", Role.KEY),), untrusted(exchange.prompt), Role.STRONG, width, 3)
    piece = exchange.piece
    if piece is not None:
        for line in piece.text.splitlines():
            safe = untrusted_line(line, tab=4)
            lines += [Line((Span(f"   {safe[start:end]}"),)) for start, end in wrap(safe, max(20, width - 4))]
    if exchange.problem:
        lines += followed((Span("   "),), untrusted(exchange.problem), Role.ERROR, width, 3)
    lines.append(Line((Span("   "), *pairs(_numbers(exchange, glyphs)))))
    return lines


def _numbers(exchange: Exchange, glyphs: Glyphs) -> list[tuple[str, Span]]:
    piece = exchange.piece
    if piece is None:
        return [("", Span("" if exchange.over else "waiting for the first token …", Role.DIM))]
    ttft, rate = piece.ttft, piece.rate
    numbers = [
        ("TTFT", Span(glyphs.missing if ttft is None else seconds_text(ttft))),
        ("tokens", Span(str(piece.tokens))),
        ("tok/s", Span(glyphs.missing if rate is None else scaled(rate))),
        ("in", Span(seconds_text(piece.elapsed))),
    ]
    why = exchange.stopped or {"length": "up to the limit"}.get(piece.stopped, "")
    return [*numbers, ("", Span(why, Role.DIM))] if why else numbers
