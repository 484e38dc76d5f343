"""The worst of a fleet, in two lines: the answer to the first question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from console.views.fleet_order import scores_at, severities_of
from console.views.since import SinceTracker, since_text
from console.views.subject import assessment_of, is_free_gpu, pod_for, reason_of
from fleet.model.quantity import MEANINGS, Quantity
from fleet.model.snapshot import Severity, Snapshot, rank
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import BLANK, Line, Span, fit_spans, plain
from widgets.severity import severity_role, severity_span
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import reading_text

_TROUBLE = (Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN)


def worst_workloads(snapshot: Snapshot) -> list[str]:
    """The serving workloads in trouble, in the order of the table."""
    serving = tuple(snapshot.model_of)
    severities = zip(serving, severities_of(snapshot, serving), strict=True)
    ranks = {key: rank(severity) for key, severity in severities if severity in _TROUBLE}
    frame = snapshot.by_workload
    scores = dict(zip(ranks, scores_at(frame, frame.rows(ranks)), strict=True))
    return sorted(ranks, key=lambda key: (ranks[key], -scores[key], key))


def summary(snapshot: Snapshot, since: SinceTracker, width: int, glyphs: Glyphs) -> tuple[Line, Line]:
    """The worst workload with its reason, and how many others deserve a look."""
    worst = worst_workloads(snapshot)
    if not worst:
        return _calm(snapshot, glyphs), BLANK
    return Line(fit_spans(tuple(_worst(snapshot, since, worst[0], glyphs)), width, "left", glyphs.ellipsis)), _others(
        snapshot, worst[1:], glyphs
    )


def _worst(snapshot: Snapshot, since: SinceTracker, key: str, glyphs: Glyphs) -> Iterable[Span]:
    standing = assessment_of(snapshot, key)
    model = snapshot.models.get(snapshot.model_of[key])
    role = severity_role(standing.severity)
    yield Span(" ")
    yield severity_span(standing.severity, glyphs)
    yield Span(f" {untrusted_name(model.name if model else snapshot.workloads[key].name)}", Role.STRONG)
    pod = pod_for(snapshot, key)
    reason = reason_of(snapshot, key) or (reason_of(snapshot, pod) if pod else "") or standing.severity.value
    yield Span(f": {untrusted(reason)}", role)
    for quantity, words in ((Quantity.WAITING, "wait"), (Quantity.TTFT_P95, "TTFT95")):
        reading = snapshot.by_workload.get(key, quantity)
        if reading.known:
            value = reading_text(reading, MEANINGS[quantity].unit, glyphs=glyphs)
            yield Span(f"  {words} ", Role.DIM)
            yield Span(*value)
    if pod is not None and assessment_of(snapshot, pod).severity is not Severity.OK:
        yield Span("  pod ", Role.DIM)
        yield Span(untrusted_name(snapshot.pods[pod].name))
    seen = since.since(key)
    if seen is not None:
        yield Span(f"  {since_text(seen)}", Role.DIM)


def _others(snapshot: Snapshot, keys: list[str], glyphs: Glyphs) -> Line:
    """``▲ 2 more  ■ 1 more`` by severity, the worst first."""
    count = Counter(assessment_of(snapshot, key).severity for key in keys)
    spans: list[Span] = []
    for severity in _TROUBLE:
        if count[severity]:
            spans += [Span(" "), severity_span(severity, glyphs), Span(f" {count[severity]} more ", Role.DIM)]
    unmatched = sum(not is_free_gpu(snapshot, entry) for entry in snapshot.unmatched)
    if unmatched:
        spans.append(Span(f" {unmatched} could not be joined ", Role.DIM))
        spans.append(Span(":joins", Role.KEY))
    return Line(tuple(spans))


def _calm(snapshot: Snapshot, glyphs: Glyphs) -> Line:
    serving = len(snapshot.model_of)
    if not serving:
        return BLANK
    starting = [key for key in snapshot.model_of if assessment_of(snapshot, key).severity is Severity.STARTING]
    if starting:
        return _starting(snapshot, min(starting), len(starting), glyphs)
    words = f" {serving} serving {'workload is' if serving == 1 else 'workloads are'} well"
    return Line((Span(" "), severity_span(Severity.OK, glyphs), *plain(words, Role.DIM).spans))


def _starting(snapshot: Snapshot, key: str, count: int, glyphs: Glyphs) -> Line:
    """Nothing is wrong, and something is not there yet."""
    workload, model = snapshot.workloads[key], snapshot.models.get(snapshot.model_of[key])
    reason = assessment_of(snapshot, key).reason or Severity.STARTING.value
    rest = [f"{count - 1} more start"] * (count > 1) + ["the others are well"] * (count < len(snapshot.model_of))
    return Line(
        (
            Span(" "),
            severity_span(Severity.STARTING, glyphs),
            Span(f" {untrusted_name(model.name if model else workload.name)}", Role.STRONG),
            Span(f": {workload.ready} of {workload.desired} ready, {untrusted(reason)}", Role.STARTING),
            *(Span(f"; {words}", Role.DIM) for words in rest),
        )
    )
