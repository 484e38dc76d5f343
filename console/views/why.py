"""The page that explains why an object is slow: a sentence, phases now and before, and what the slow replicas share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

from console.views.layout import LABEL, head, labelled, packed, sections, wrapped
from console.views.timeline import clock
from fleet.latency.comparison import LastChange, LatencyComparison
from fleet.latency.exact_tests import FAMILY_WISE
from fleet.latency.phases import Breakdown, RequestPhase
from fleet.latency.report import LatencyReport, dominant
from fleet.latency.separation import Division, Separation
from fleet.latency.slowness import FEWEST
from fleet.model.counting import count
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span, fit
from widgets.untrusted import untrusted_line, untrusted_name
from widgets.values import seconds_text

MEANINGS = {
    RequestPhase.GATEWAY: "The time is spent in the gateways in front of the engine, or on the network between them.",
    RequestPhase.QUEUE: "The engine receives more than it can run at once: it lacks replicas or KV cache.",
    RequestPhase.PREFILL: "Prompts are long, or miss the prefix cache.",
    RequestPhase.DECODE: "Tokens are generated slowly, or answers are long.",
}
"""Meaning of a phase that takes the time."""
_ROLES = {
    RequestPhase.GATEWAY: Role.UNKNOWN,
    RequestPhase.QUEUE: Role.WARNING,
    RequestPhase.PREFILL: Role.ACCENT,
    RequestPhase.DECODE: Role.BAR,
}
_CELL = 9
_LEAST = 20
"""Cells below which a bar is left out."""
_SHOWN = 3
"""Slow replicas that are named."""
_ALONE = 6
"""Number of attributes shown if too few replicas are slow for a test."""


def why_lines(
    report: LatencyReport, now: float, state: str, width: int, glyphs: Glyphs, *, is_problem: bool = False
) -> list[Line]:
    """Return the page at ``now`` (Unix time). ``state`` describes the query of the past, empty once it is complete."""
    name = untrusted_name(report.key.rpartition("/")[2])
    return sections(
        [
            Line((Span(f" why slow: {name}", Role.STRONG),)),
            *wrapped("", sentence(report), width),
            *wrapped("", _meaning(report), width, Role.DIM),
        ],
        [
            *_phases(report.comparison, now, width, glyphs),
            *wrapped("", state, width, Role.WARNING if is_problem else Role.DIM),
        ],
        _separations(report, width),
    )


def _meaning(report: LatencyReport) -> str:
    if report.hung:
        return "A request that hangs is in no histogram: the times are those of requests that finished."
    phase = dominant(report)
    return "" if phase is None else MEANINGS[phase]


def sentence(report: LatencyReport) -> str:
    """Return which replicas hang, if any do, and where the time of all other requests goes, with its numbers."""
    phases = _phase_sentence(report)
    if not report.hung:
        return phases
    first, *others = report.hung
    more = f" and {count(len(others), 'other replica')}" if others else ""
    requests = count(sum(one.requests for one in report.hung), "request")
    hang = (
        f"{untrusted_name(first.pod.rpartition('/')[2])}{more} {'hang' if others else 'hangs'}: {requests} get no token"
    )
    return f"{hang}. Of the others, {phases}" if report.comparison.now.longest is not None else f"{hang}."


def _phase_sentence(report: LatencyReport) -> str:
    now, growth = report.comparison.now, report.growth
    longest = now.longest
    if longest is None:
        return "No phase of its requests is known: none has finished in the window, or its engine does not expose it."
    if growth is not None:
        then = seconds_text(growth.then)
        return f"{growth.phase} takes {seconds_text(growth.now)} of {seconds_text(now.total)}; {growth.than} {then}."
    share = f"{now.share(longest):.0%}"
    text = f"{longest} takes {seconds_text(now.of(longest))} of {seconds_text(now.total)} ({share})"
    others = list(report.comparison.others())
    return f"{text}, as {_listed(others)}." if others else f"{text}."


def _listed(words: Sequence[str]) -> str:
    phrases = {"its peers": "for its peers", "before change": "before the last change"}
    return " and ".join(phrases.get(one, one) for one in words)


def _phases(comparison: LatencyComparison, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """A line for the breakdown now and for each that it is held against, in columns and as bars of one scale."""
    rows = [("now", comparison.now), *((words, each) for words, each in comparison.others().items())]
    if not any(each.seconds for _, each in rows):
        return []
    phases = [phase for phase in RequestPhase if any(phase in each.seconds for _, each in rows)]
    titles = "".join(fit(title, _CELL, "right", "") for title in (*phases, "total"))
    lines = [head("where the time goes", "mean seconds per request")]
    # The label with its margins, three blanks, the columns, two blanks, then the bar, and the right margin.
    room = width - LABEL - 10 - _CELL * (len(phases) + 1)
    is_narrow = room < -2
    if not is_narrow:
        lines.append(labelled("", Span(" " * 3 + titles, Role.HEAD)))
    longest = max(each.total for _, each in rows if each.seconds)
    for words, each in rows:
        if is_narrow:
            parts = [(phase.value, Span(_text(each.of(phase), glyphs), _ROLES[phase])) for phase in phases]
            lines += packed(words, [*parts, ("total", Span(_text(each.total, glyphs), Role.STRONG))], width)
            continue
        spans = [Span("   ")]
        spans += [Span(_seconds(each.of(phase), glyphs), _ROLES[phase]) for phase in phases]
        spans += [Span(_seconds(each.total, glyphs), Role.STRONG if words == "now" else Role.TEXT), Span("  ")]
        spans += _bar(each, phases, room, longest, glyphs) if room >= _LEAST else ()
        lines.append(labelled(words, *spans))
    if comparison.change is not None:
        lines += wrapped("the change", change_text(comparison.change, now), width, Role.DIM)
    return lines


def change_text(change: LastChange, now: float) -> str:
    """The last change, with its time."""
    return f"{clock(change.at, now)} {untrusted_line(change.what)}"


def _text(value: float, glyphs: Glyphs) -> str:
    return glyphs.missing if math.isnan(value) else seconds_text(value)


def _seconds(value: float, glyphs: Glyphs) -> str:
    return fit(_text(value, glyphs), _CELL, "right", glyphs.ellipsis)


def _bar(each: Breakdown, phases: Sequence[RequestPhase], width: int, longest: float, glyphs: Glyphs) -> Iterator[Span]:
    """Yield the parts of one bar, marked by their first letters as well as by colour."""
    used, drawn = 0.0, 0
    for phase in phases:
        used += each.seconds.get(phase, 0.0)
        size = round(used / longest * width) - drawn if longest > 0 else 0
        drawn += size
        if size:
            yield Span(phase[0] + glyphs.bar[-1] * (size - 1), _ROLES[phase])


def _separations(report: LatencyReport, width: int) -> list[Line]:
    """Return lines on what the slow replicas of the model have and the others lack, by each measure."""
    title = "what separates slow from fast"
    if not report.separations:
        return [head(title, f"fewer than {FEWEST} replicas are measured: nothing to compare")]
    most = max(len(one.values) for one in report.separations)
    lines = [head(title, f"{count(most, 'replica')} serving the same")]
    # The same replica is often slow by several measures, for one reason: it is given once.
    for reasons, alike in groupby(report.separations, key=_reasons):
        for one in alike:
            lines += _measured(one, width)
        for text, role in reasons:
            lines += wrapped("", f"  {text}", width, role)
    return lines


def _reasons(one: Separation) -> tuple[tuple[str, Role], ...]:
    """Return what separates the slow ones, or that nothing does; empty if none is slow."""
    if not one.values or not one.slow:
        return ()
    if not one.named:
        return ((unseparated_text(one), Role.DIM),)
    return tuple((division_text(one, division), Role.TEXT) for division in one.named)


def _measured(one: Separation, width: int) -> list[Line]:
    """Return the slow replicas by one measure."""
    if not one.values:
        return wrapped("", f"{one.measure.name}: not measured", width, Role.DIM)
    if not one.slow:
        text = f"{one.measure.name}: none is slow (median {seconds_text(one.median)})"
        return wrapped("", text, width, Role.DIM)
    names = ", ".join(untrusted_name(key.rpartition("/")[2]) for key in sorted(one.slow)[:_SHOWN])
    more = f" and {len(one.slow) - _SHOWN} more" if len(one.slow) > _SHOWN else ""
    worst = max(one.values[key] for key in one.slow)
    number = f"up to {seconds_text(worst)}, the median is {seconds_text(one.median)}"
    summary = f"{one.measure.name}: {len(one.slow)} of {len(one.values)} slow ({names}{more}), {number}"
    return wrapped("", summary, width, Role.WARNING)


def division_text(one: Separation, division: Division) -> str:
    """One attribute, with its counts and how likely that is by luck."""
    others = len(division.having) - division.slow
    fast = len(one.values) - len(one.slow)
    words = " = ".join(untrusted_line(words) for words in division.attributes)
    counts = f"{division.slow} of the {len(one.slow)} slow ones, {others} of the {fast} others"
    return f"{words}: {counts} (chance of coincidence: {chance_text(division.chance)}, {count(one.tests, 'test')})"


def unseparated_text(one: Separation) -> str:
    """Return in words that no attribute separates them, and why not."""
    if not one.can_tell:
        alone = f"; only theirs: {', '.join(map(untrusted_line, one.alone[:_ALONE]))}" if one.alone else ""
        return f"too few for a test to exclude chance{alone}"
    best = one.divisions[0] if one.divisions else None
    nearest = f"; nearest: {untrusted_line(best.attributes[0])}, {chance_text(best.chance)}" if best is not None else ""
    return f"no attribute does, at a significance level of {FAMILY_WISE:.0%}{nearest}"


def chance_text(chance: float) -> str:
    """A probability in percent."""
    return f"{chance:.0%}" if chance >= 0.1 else f"{chance:.2g}" if chance < 0.001 else f"{chance:.1%}"
