"""Benchmarks of a model on this machine, beside the run before and the fleet's own numbers."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from console.views.layout import head, sections
from console.views.load import method_text
from console.views.since import clock
from fleet.local.benches import Bench, Level
from fleet.model.frame import Frame
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span, fit, folded
from widgets.untrusted import untrusted
from widgets.values import fewer_digits, scaled, seconds_text

Q = Quantity

_FIRST = 12
"""Cells of the concurrency, or of whose numbers they are."""
_NUMBER = 7
_CHANGE = 8
_MATTERS = 0.05
"""From 5 % on a difference is more than one run differs from the next."""


class _Column(NamedTuple):
    title: str
    field: str
    """Of Level."""
    quantity: Quantity
    """What the fleet has for it."""


_COLUMNS = (
    _Column("REQ/S", "requests_rate", Q.REQUESTS),
    _Column("TOK/S", "output_rate", Q.GENERATION_TOKENS),
    _Column("TTFT50", "ttft_p50", Q.TTFT_P50),
    _Column("TTFT95", "ttft_p95", Q.TTFT_P95),
    _Column("TTFT99", "ttft_p99", Q.TTFT_P99),
    _Column("ITL50", "itl_p50", Q.ITL_P50),
    _Column("ITL95", "itl_p95", Q.ITL_P95),
    _Column("ITL99", "itl_p99", Q.ITL_P99),
)
_RATES = frozenset({"requests_rate", "output_rate"})
"""Where more is better, and what all pods of a model do together."""
_COMPARED = ("output_rate", "ttft_p95", "itl_p95")


def benches_lines(
    benches: Sequence[Bench], snapshot: Snapshot | None, own: Collection[str], width: int, glyphs: Glyphs
) -> list[Line]:
    """All of them, the newest first; the fleet's numbers for the same served name stand under the newest.

    ``own``: uids of the pods that are this machine's: they are no fleet to compare with.
    """
    if not benches:
        return []
    parts = [_bench(bench, _before(bench, benches[i + 1 :]), width, glyphs) for i, bench in enumerate(benches)]
    fleet = _fleet(benches[0].model, snapshot, own, width, glyphs) if snapshot is not None else []
    return sections(parts[0], fleet, *parts[1:])


def _before(bench: Bench, earlier: Iterable[Bench]) -> Bench | None:
    """The latest earlier one that can be compared: with the same lengths."""
    lengths = (bench.prompt_tokens, bench.output_tokens)
    return next((other for other in earlier if (other.prompt_tokens, other.output_tokens) == lengths), None)


def _bench(bench: Bench, before: Bench | None, width: int, glyphs: Glyphs) -> list[Line]:
    when = f"{bench.prompt_tokens} {glyphs.right} {bench.output_tokens} tokens, vLLM {bench.version or glyphs.unknown}"
    remark = f"{untrusted(bench.node)}, {untrusted(when)}" + (", stopped before its end" if bench.cancelled else "")
    wide = before is not None and _FIRST + len(_COLUMNS) * (_NUMBER + 1) + len(_COMPARED) * _CHANGE + 9 <= width
    known = {level.concurrency: level for level in before.levels} if before is not None else {}
    against = _against(before, glyphs) if before is not None else ()
    lines = [head(f"{day(bench.at)}", remark), Line((*_heads("CONCURRENT"), *(against if wide else ())))]
    below: list[Line] = []
    for level in bench.levels:
        spans = _numbers(str(level.concurrency), _values(level), glyphs)
        changes = _changes(level, known.get(level.concurrency), glyphs)
        lines.append(Line((*spans, *(changes if wide else ()))))
        below.append(Line((Span(f"   {fit(str(level.concurrency), _FIRST, 'left', '')}", Role.DIM), *changes)))
        if level.failed:
            lines.append(Line((Span(f"   {level.failed} of {level.requests} requests failed", Role.ERROR),)))
    if before is not None and not wide:
        lines += [Line((Span(" " * (_FIRST + 3)), *against)), *below]
    if before is not None and (other := _other_circumstances(bench, before)):
        lines += [Line((Span(f"   {part}", Role.WARNING),)) for part in folded(other, width - 4)]
    return lines


def day(at: float) -> str:
    """When it was run: ``21 Nov 14:02``."""
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(at, tz=UTC).astimezone():%d %b} {clock(at)}"


def _other_circumstances(bench: Bench, before: Bench) -> str:
    """What is not the same beside the numbers."""
    told = []
    if bench.version != before.version:
        told.append(f"vLLM {before.version or 'unknown'} then")
    if bench.arguments != before.arguments:
        gone = [word for word in before.arguments if word not in bench.arguments]
        new = [word for word in bench.arguments if word not in before.arguments]
        told.append(" ".join(["other arguments then:", *(gone or ["without", *new])]))
    return untrusted(", ".join(told))


def _heads(first: str) -> tuple[Span, ...]:
    titles = "".join(f" {fit(column.title, _NUMBER, 'right', '')}" for column in _COLUMNS)
    return (Span(f"   {fit(first, _FIRST, 'left', '')}{titles}", Role.HEAD),)


def _against(before: Bench, glyphs: Glyphs) -> tuple[Span, ...]:
    del before
    titles = {column.field: column.title for column in _COLUMNS}
    words = "".join(fit(titles[name], _CHANGE, "right", "") for name in _COMPARED)
    return (Span(f"  {glyphs.inside}", Role.DIM), Span(words, Role.HEAD), Span(" % since", Role.DIM))


def _changes(level: Level, before: Level | None, glyphs: Glyphs) -> tuple[Span, ...]:
    spans = [Span("   ")]
    for name in _COMPARED:
        now, then = _of(level, name), _of(before, name) if before is not None else None
        if now is None or not then:
            spans.append(Span(fit(glyphs.missing, _CHANGE, "right", ""), Role.DIM))
            continue
        ratio = now / then - 1
        worse = -ratio if name in _RATES else ratio
        role = Role.TEXT if abs(ratio) < _MATTERS else Role.WARNING if worse > 0 else Role.OK
        spans.append(Span(fit(f"{ratio * 100:+.0f}", _CHANGE, "right", ""), role))
    return tuple(spans)


def _of(level: Level, name: str) -> float | None:
    value = getattr(level, name)
    return None if value is None else float(value)


def _values(level: Level) -> dict[str, float | None]:
    return {column.field: _of(level, column.field) for column in _COLUMNS}


def _numbers(first: str, values: Mapping[str, float | None], glyphs: Glyphs) -> tuple[Span, ...]:
    spans = [Span(f"   {fit(first, _FIRST, 'left', glyphs.ellipsis)}", Role.STRONG)]
    for column in _COLUMNS:
        value = values[column.field]
        if value is None or math.isnan(value):
            text, role = glyphs.missing, Role.DIM
        else:
            text, role = (scaled(value) if column.field in _RATES else seconds_text(value)), Role.TEXT
        spans.append(Span(f" {fit(fewer_digits(text, _NUMBER), _NUMBER, 'right', glyphs.ellipsis)}", role))
    return tuple(spans)


def _fleet(served: str, snapshot: Snapshot, own: Collection[str], width: int, glyphs: Glyphs) -> list[Line]:
    """The same served name in the cluster in view: rates per pod, as one node here is one pod there."""
    rows: list[tuple[str, dict[str, float | None]]] = []
    for key, model in snapshot.models.items():
        pods = [pod for workload in model.workloads for pod in snapshot.pods_of.get(workload, ())]
        ready = [pod for pod in pods if snapshot.pods[pod].ready]
        if model.name == served and ready and not any(snapshot.pods[pod].uid in own for pod in pods):
            rows.append((f"{len(ready)} pods", _fleet_values(snapshot.by_model, key, len(ready))))
    if not rows:
        return []
    lead = head("the fleet", f"{untrusted(served)} in {untrusted(snapshot.cluster.context)}, rates per pod")
    words = f"{method_text(snapshot)}; of real requests, whose lengths are others"
    notes = [Line((Span(f"   {part}", Role.DIM),)) for part in folded(words, width - 4)]
    return [lead, Line(_heads("")), *(Line(_numbers(first, values, glyphs)) for first, values in rows), *notes]


def _fleet_values(frame: Frame, key: str, pods: int) -> dict[str, float | None]:
    values: dict[str, float | None] = {}
    for column in _COLUMNS:
        reading = frame.get(key, column.quantity)
        share = pods if column.field in _RATES else 1
        values[column.field] = reading.value / share if reading.known and reading.state is not State.STALE else None
    return values
