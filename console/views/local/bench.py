"""Benchmarks of a model on this machine, beside the previous run and the fleet's own numbers."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from console.views.layout import head, sections
from console.views.load import method_text
from console.views.severity_since import clock
from fleet.local.benches import Bench, ConcurrencyLevel
from fleet.local.comparison import RATES, SweepComparison, against_fleet, compare, latest_comparable
from fleet.model.counting import count, share
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span, fit, folded
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import fewer_digits, scaled, seconds_text

_FIRST = 12
"""Cells for the concurrency, or for the name of a comparison."""
_NUMBER = 7
_CHANGE = 8
_MATTERS = 0.05
"""Relative difference (5 %) that exceeds the variation between runs."""
_COLUMNS: Mapping[str, str] = {
    "requests_rate": "REQ/S",
    "output_rate": "TOK/S",
    "ttft_p50": "TTFT50",
    "ttft_p95": "TTFT95",
    "ttft_p99": "TTFT99",
    "itl_p50": "ITL50",
    "itl_p95": "ITL95",
    "itl_p99": "ITL99",
}
"""Field of Level → its head."""
_COMPARED = ("output_rate", "ttft_p95", "itl_p95")
_TABLE = 3 + _FIRST + len(_COLUMNS) * (_NUMBER + 1)
_BESIDE = 3 + len(_COMPARED) * _CHANGE + len(" % since 14:02")


def benches_lines(
    benches: Sequence[Bench], snapshot: Snapshot | None, own: Collection[str], width: int, glyphs: Glyphs
) -> list[Line]:
    """Return all of them, newest first; the fleet's numbers for the same served name are under the newest.

    ``own``: uids of pods that are this machine's own, and so are excluded.
    """
    if not benches:
        return []
    parts = [_bench(bench, latest_comparable(bench, benches), width, glyphs) for bench in benches]
    fleet = _fleet(benches[0], snapshot, own, width, glyphs) if snapshot is not None else []
    return sections(parts[0], fleet, *parts[1:])


def _bench(bench: Bench, earlier: Bench | None, width: int, glyphs: Glyphs) -> list[Line]:
    lengths = f"{bench.prompt_tokens} {glyphs.right} {bench.output_tokens} tokens"
    remark = untrusted(f"{bench.server}, {lengths}, vLLM {bench.version or glyphs.unknown}")
    compared = compare(bench, earlier) if earlier is not None else None
    wide = compared is not None and width >= _TABLE + _BESIDE
    title = head(_day(bench.at), remark + (", stopped early" if bench.cancelled else ""))
    lines = [title, Line((*_heads("CONCURRENT"), *(_comparison(compared) if compared is not None and wide else ())))]
    for level in bench.levels:
        changes = _changes(compared, level.concurrency, glyphs) if compared is not None and wide else ()
        lines.append(Line((*_numbers(str(level.concurrency), _values(level), glyphs), *changes)))
        if level.failed:
            lines.append(Line((Span(f"   {share(level.failed, level.requests, 'request')} failed", Role.ERROR),)))
    if compared is None:
        return lines
    if not wide:
        lines.append(Line((Span(" " * (3 + _FIRST)), *_comparison(compared))))
        for level in bench.levels:
            lead = Span(f"   {fit(str(level.concurrency), _FIRST, 'left', glyphs.ellipsis)}", Role.DIM)
            lines.append(Line((lead, *_changes(compared, level.concurrency, glyphs))))
    for words in compared.circumstances:
        lines += [Line((Span(f"   {part}", Role.WARNING),)) for part in folded(untrusted(words), width - 4)]
    return lines


def _day(at: float) -> str:
    """Return when it was run: ``21 Nov 14:02``."""
    return f"{datetime.fromtimestamp(at, tz=UTC).astimezone():%d %b} {clock(at)}"


def _heads(first: str) -> tuple[Span, ...]:
    titles = "".join(f" {fit(title, _NUMBER, 'right', '')}" for title in _COLUMNS.values())
    return (Span(f"   {fit(first, _FIRST, 'left', '')}{titles}", Role.HEAD),)


def _comparison(compared: SweepComparison) -> tuple[Span, ...]:
    words = "".join(fit(_COLUMNS[name], _CHANGE, "right", "") for name in _COMPARED)
    return (Span(f"   {words}", Role.HEAD), Span(f" % since {clock(compared.earlier.at)}", Role.DIM))


def _changes(compared: SweepComparison, concurrency: int, glyphs: Glyphs) -> tuple[Span, ...]:
    """Return the changes in per cent, deteriorations as a warning."""
    found = next((d.ratios for d in compared.differences if d.concurrency == concurrency), {})
    spans = [Span("   ")]
    for name in _COMPARED:
        ratio = found.get(name)
        if ratio is None:
            spans.append(Span(fit(glyphs.missing, _CHANGE, "right", ""), Role.DIM))
            continue
        worse = -ratio if name in RATES else ratio
        role = Role.TEXT if abs(ratio) < _MATTERS else Role.WARNING if worse > 0 else Role.OK
        spans.append(Span(fit(f"{ratio * 100:+.0f}", _CHANGE, "right", ""), role))
    return tuple(spans)


def _values(level: ConcurrencyLevel) -> dict[str, float | None]:
    return {name: getattr(level, name) for name in _COLUMNS}


def _numbers(first: str, values: Mapping[str, float | None], glyphs: Glyphs) -> tuple[Span, ...]:
    spans = [Span(f"   {fit(first, _FIRST, 'left', glyphs.ellipsis)}", Role.STRONG)]
    for name in _COLUMNS:
        value = values[name]
        if value is None or math.isnan(value):
            text, role = glyphs.missing, Role.DIM
        else:
            text, role = (scaled(value) if name in RATES else seconds_text(value)), Role.TEXT
        spans.append(Span(f" {fit(fewer_digits(text, _NUMBER), _NUMBER, 'right', glyphs.ellipsis)}", role))
    return tuple(spans)


def _fleet(bench: Bench, snapshot: Snapshot, own: Collection[str], width: int, glyphs: Glyphs) -> list[Line]:
    """The same served name in the cluster in view: rates per pod, as one server here is one pod there."""
    rows = against_fleet(bench.levels[0], snapshot, bench.model, own) if bench.levels else ()
    if not rows:
        return []
    where = untrusted(snapshot.cluster.context)
    title = head("the fleet", f"{untrusted_name(bench.model)} in {where}, rates per pod")
    numbers = [Line(_numbers(count(row.pods, "pod"), row.values, glyphs)) for row in rows]
    words = f"{method_text(snapshot)}; from real requests of other lengths"
    return [title, Line(_heads("")), *numbers, *(Line((Span(f"   {p}", Role.DIM),)) for p in folded(words, width - 4))]
