"""The worst of a fleet, in two lines: the answer to the first question."""

from __future__ import annotations

from collections import Counter
from itertools import chain

from console.views.fleet_order import scores_at, severities_of
from console.views.incident_words import acknowledged_text, place
from console.views.root_words import caused_by, held_up, known_objects, root_reason
from console.views.severity_since import ShownSince, SinceTracker, since_text
from console.views.subject import assessment_of, is_free_gpu, pod_for, queue_text
from fleet.model.awaited import is_awaited
from fleet.model.finding import FindingState, Incident
from fleet.model.quantity import MEANINGS, Quantity
from fleet.model.severity import Severity, rank
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import BLANK, Line, Span, fit_end, fit_spans, plain, spans_width, width_of
from widgets.severity import severity_role, severity_span
from widgets.untrusted import untrusted, untrusted_line, untrusted_name
from widgets.values import reading_text

_TROUBLE = (Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN)


def worst_workloads(snapshot: Snapshot) -> list[str]:
    """The serving workloads in trouble, in the order of the table."""
    serving = tuple(snapshot.model_of)
    severities = zip(serving, severities_of(snapshot, serving), strict=True)
    ranks = {key: rank(severity) for key, severity in severities if severity in _TROUBLE}
    frame = snapshot.by_workload
    scores = dict(zip(ranks, scores_at(frame, frame.rows(ranks)), strict=True))
    known = known_objects(snapshot)
    return sorted(ranks, key=lambda key: (ranks[key], key in known, -scores[key], key))


def summary(snapshot: Snapshot, since: SinceTracker, width: int, glyphs: Glyphs) -> tuple[Line, Line]:
    """The worst workload with its reason, and how many others deserve a look."""
    if not snapshot.is_judged:
        return _unjudged(snapshot), BLANK
    worst = worst_workloads(snapshot)
    if worst and is_awaited(snapshot):
        # That nothing is measured yet is no fault of theirs.
        worst = [key for key in worst if assessment_of(snapshot, key).severity is not Severity.UNKNOWN]
        if not worst:
            return _unjudged(snapshot), BLANK
    if not worst:
        unseen = _seen_by_no_row(snapshot)
        if unseen is not None:
            return Line(fit_spans(_acknowledged(snapshot, unseen, glyphs), width, "left", glyphs.ellipsis)), BLANK
        held = held_up(snapshot)
        if held:
            spans = _worst(snapshot, since, held[0], width, glyphs)
            return Line(fit_spans(spans, width, "left", glyphs.ellipsis)), _calm(snapshot, glyphs)
        return _calm(snapshot, glyphs), _warned(snapshot, width, glyphs)
    spans = _worst(snapshot, since, worst[0], width, glyphs)
    grows = queue_text(snapshot, worst[0])
    # Whether its queue grows is never left out: without room on the first line it begins the second.
    untold = grows and not any(grows in span.text for span in spans)
    role = severity_role(assessment_of(snapshot, worst[0]).severity)
    queue = (Span(f" its queue {grows}  ", role),) if untold else ()
    beside = (*queue, *_others(snapshot, worst[1:], glyphs))
    room = min(width, spans_width(beside))
    first = Line(fit_spans(spans, width, "left", glyphs.ellipsis))
    return first, Line(fit_spans(beside, room, "left", glyphs.ellipsis)) if beside else BLANK


def _worst(snapshot: Snapshot, since: SinceTracker, key: str, width: int, glyphs: Glyphs) -> tuple[Span, ...]:
    """The model, the cause and the object, then the numbers; of these as many as there is room for."""
    standing = assessment_of(snapshot, key)
    model = snapshot.models.get(snapshot.model_of[key])
    called = model.name if model else snapshot.workloads[key].name
    pod, incident = pod_for(snapshot, key), caused_by(snapshot, key)
    reason = root_reason(snapshot, key) or (root_reason(snapshot, pod) if pod else "") or standing.severity.value
    known = incident.acknowledged if incident is not None and incident.is_known else None
    # A workload that starts has no fault itself: the severity is that of what keeps it from being complete.
    severity = incident.severity if incident is not None and standing.severity not in _TROUBLE else standing.severity
    lead = (
        Span(" "),
        severity_span(severity, glyphs),
        Span(f" {untrusted_name(called)}", Role.STRONG),
        Span(f": {untrusted(reason)}", severity_role(severity) if known is None else Role.TEXT),
    )
    if known is not None:
        # The acknowledgement comes before the numbers: the next person on call needs it first.
        return (*lead, Span(f"  {untrusted_line(acknowledged_text(known, snapshot.at))}", Role.DIM))
    ttft = _number(snapshot, key, Quantity.TTFT_P95, "  TTFT95 ", glyphs)
    waits = _number(snapshot, key, Quantity.WAITING, "  wait ", glyphs)
    seen, grows = _onset(incident) or since.since(key), queue_text(snapshot, key)
    shown = [
        waits,
        (Span(f"  {grows}", severity_role(standing.severity)),) if grows else (),
        ttft,
        _where(snapshot, incident, pod),
        (Span(f"  {since_text(seen)}", Role.DIM),) if seen else (),
    ]
    for least in (4, 2, 0, 1):
        if spans_width((*lead, *chain(*shown))) > width:
            shown[least] = ()
    where = shown[3]
    if where and (over := spans_width((*lead, *chain(*shown))) - width) > 0:
        # Pods of a workload differ in how their names end.
        name = where[-1].text
        shown[3] = (*where[:-1], Span(fit_end(name, max(8, width_of(name) - over), "left", glyphs.ellipsis)))
    return (*lead, *chain(*shown))


def _onset(incident: Incident | None) -> ShownSince | None:
    """Return since when the root of an incident has held: the page of the incident tells the same minute."""
    return None if incident is None else ShownSince(incident.since, not incident.root.may_be_older)


def _where(snapshot: Snapshot, incident: Incident | None, pod: str | None) -> tuple[Span, ...]:
    """Return the object of the cause; without one, the worst pod."""
    root = incident.root.key if incident is not None else pod or ""
    if root in snapshot.pods:
        if incident is None and assessment_of(snapshot, root).severity is Severity.OK:
            return ()
        return Span("  pod ", Role.DIM), Span(untrusted_name(snapshot.pods[root].name))
    return (Span("  "), Span(untrusted_name(place(snapshot, root)))) if root in snapshot.gpus else ()


def _number(snapshot: Snapshot, key: str, quantity: Quantity, before: str, glyphs: Glyphs) -> tuple[Span, ...]:
    reading = snapshot.by_workload.get(key, quantity)
    if not reading.known:
        return ()
    value = reading_text(reading, MEANINGS[quantity].unit, glyphs=glyphs)
    return Span(before, Role.DIM), Span(*value)


def _others(snapshot: Snapshot, keys: list[str], glyphs: Glyphs) -> list[Span]:
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
    return spans


def _seen_by_no_row(snapshot: Snapshot) -> Incident | None:
    """Return the worst incident of a workload whose pods are all well: at its route, or its error budget."""
    return next(
        (
            one
            for one in snapshot.incidents
            if one.state is FindingState.FIRING and one.severity is Severity.CRITICAL and one.about in snapshot.model_of
        ),
        None,
    )


def _warned(snapshot: Snapshot, width: int, glyphs: Glyphs) -> Line:
    """The worst that fires while all workloads are well (a route, a certificate, a setup), and the number of others.

    What somebody knows of is left to the incidents' screen.
    """
    firing = [one for one in snapshot.incidents if one.state is FindingState.FIRING and not one.is_known]
    if not firing:
        return BLANK
    spans = _acknowledged(snapshot, firing[0], glyphs)
    more = (Span(f"  {len(firing) - 1} more", Role.DIM),) if len(firing) > 1 else ()
    room = width - spans_width(more)
    return Line((*fit_spans(spans, min(room, spans_width(spans)), "left", glyphs.ellipsis), *more))


def _acknowledged(snapshot: Snapshot, incident: Incident, glyphs: Glyphs) -> tuple[Span, ...]:
    known = incident.acknowledged if incident.is_known else None
    role = severity_role(incident.severity) if known is None else Role.TEXT
    note = "" if known is None else f"  {acknowledged_text(known, snapshot.at)}"
    return (
        Span(" "),
        severity_span(incident.severity, glyphs),
        Span(f" {untrusted_name(place(snapshot, incident.about))}", Role.STRONG),
        Span(f": {untrusted(incident.root.words)}", role),
        Span(untrusted_line(note), Role.DIM),
    )


def _unjudged(snapshot: Snapshot) -> Line:
    serving = len(snapshot.model_of)
    words = f" {serving} serving {'workload' if serving == 1 else 'workloads'}, not assessed yet"
    return plain(words, Role.DIM) if serving else BLANK


def _calm(snapshot: Snapshot, glyphs: Glyphs) -> Line:
    serving = len(snapshot.model_of)
    if not serving:
        return BLANK
    starting = [key for key in snapshot.model_of if assessment_of(snapshot, key).severity is Severity.STARTING]
    if starting:
        return _starting(snapshot, min(starting), len(starting), glyphs)
    words = f" {serving} serving {'workload is' if serving == 1 else 'workloads are'} well"
    return Line((Span(" "), severity_span(Severity.OK, glyphs), *plain(words, Role.DIM).spans, *_grows(snapshot)))


def _grows(snapshot: Snapshot) -> tuple[Span, ...]:
    """Return the longest growing queue, if nothing is wrong yet."""
    waiting = snapshot.by_workload
    longest = sorted(snapshot.model_of, key=lambda key: -_or_none(waiting.value(key, Quantity.WAITING)))
    for key in longest:
        if not waiting.value(key, Quantity.WAITING) > 0:
            break
        if (text := queue_text(snapshot, key)).startswith("grows"):
            model = snapshot.models[snapshot.model_of[key]]
            return (Span(f"; {untrusted_name(model.name)}: its queue {text}", Role.WARNING),)
    return ()


def _or_none(value: float) -> float:
    return value if value == value else 0.0


def _starting(snapshot: Snapshot, key: str, count: int, glyphs: Glyphs) -> Line:
    """Return the line for a fleet without problems that is not complete yet."""
    workload, model = snapshot.workloads[key], snapshot.models.get(snapshot.model_of[key])
    reason = assessment_of(snapshot, key).reason or Severity.STARTING.value
    rest = [f"{count - 1} more start"] * (count > 1) + ["the others are healthy"] * (count < len(snapshot.model_of))
    return Line(
        (
            Span(" "),
            severity_span(Severity.STARTING, glyphs),
            Span(f" {untrusted_name(model.name if model else workload.name)}", Role.STRONG),
            Span(f": {workload.ready} of {workload.desired} ready, {untrusted(reason)}", Role.STARTING),
            *(Span(f"; {words}", Role.DIM) for words in rest),
        )
    )
