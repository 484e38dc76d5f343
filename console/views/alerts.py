"""Alerts on the screen: a row per alert, the details of one, and the mark of the objects that they concern."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from console.views.alert_marks import board, explained, object_words, summary_of
from console.views.filter import Filter
from console.views.incident_words import place, shown_severity
from console.views.layout import head, labelled, wrapped
from console.views.severity_since import clock
from fleet.alerts.board import AlertRow
from fleet.dataclass import dataclass
from fleet.model.alerts import NAME, Evaluated, MonitoringRule, Notified, Silence
from fleet.model.finding import Incident
from fleet.model.snapshot import Health, Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.cells import NOTHING, Cell, Name, Text
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.line import Line, Span
from widgets.severity import severity_role
from widgets.untrusted import untrusted, untrusted_line, untrusted_name
from widgets.values import age_text

_COLUMNS = (
    GridColumn("alert", "ALERT", 22, align="left", grow=2, widest=44, priority=0),
    GridColumn("state", "STATE", 9, align="left", priority=1),
    GridColumn("since", "SINCE", 6, priority=1),
    GridColumn("object", "OBJECT", 20, align="left", grow=2, widest=44, priority=0),
    GridColumn("summary", "SUMMARY", 16, align="left", grow=5, widest=200, priority=2, explains=True),
    GridColumn("incident", "INCIDENT", 12, align="left", grow=2, widest=40, priority=3),
)


def row_of(snapshot: Snapshot, key: str) -> AlertRow | None:
    """One alert by its key; None if it is over."""
    alerts = board(snapshot)
    return alerts.rows.get(key) if alerts is not None else None


def in_view(snapshot: Snapshot) -> list[str]:
    """Return the keys of alerts that concern the view, or no namespace; worst first."""
    namespace = snapshot.cluster.namespace
    alerts = board(snapshot)
    rows = alerts.rows if alerts is not None else {}
    return [key for key, row in rows.items() if not namespace or row.concerned.namespace in ("", namespace)]


def object_of(snapshot: Snapshot, row: AlertRow) -> str | None:
    """The closest object of an alert that is in view; None where there is none."""
    kinds = (snapshot.pods, snapshot.workloads, snapshot.gpus, snapshot.nodes)
    objects = row.concerned.objects
    here = next((key for key in objects if any(key in rows for rows in kinds)), None)
    if here is not None:
        return here
    models = [snapshot.models[key] for key in objects if key in snapshot.models]
    return next((key for model in models for key in model.workloads if key in snapshot.workloads), None)


@dataclass(frozen=True, slots=True, eq=False)
class AlertsModel:
    """A GridModel of alerts; ``only`` is the key of an object, to show its alerts alone."""

    snapshot: Snapshot
    filter: Filter
    only: str = ""
    sort: Sort | None = None
    columns: tuple[GridColumn, ...] = _COLUMNS

    @property
    def waiting(self) -> str:
        if self.filter:
            return "no alert matches\nesc shows all again"
        if self.only:
            return f"no alert concerns {untrusted_name(self.only)}\n:alerts shows all"
        return empty_text(self.snapshot)

    @property
    def groups(self) -> Sequence[RowGroup]:
        alerts = board(self.snapshot)
        if alerts is None:
            return []
        keys = alerts.of.get(self.only, ()) if self.only else in_view(self.snapshot)
        return [RowGroup(key) for key in keys if not self.filter or _matches(alerts.rows[key], self.filter)]

    def row(self, key: str) -> GridRow:
        row = row_of(self.snapshot, key)
        if row is None:
            return GridRow(key, tuple(NOTHING for _ in _COLUMNS))
        alert, severity = row.merged.alert, row.severity
        since = age_text(self.snapshot.at - alert.since) if alert.since is not None else ""
        cells: tuple[Cell, ...] = (
            Text(untrusted(alert.name) or "(no name)", severity_role(severity)),
            Text(alert.state, Role.DIM if alert.suppressed or not alert.firing else Role.TEXT),
            Text(since),
            Name(object_words(self.snapshot, row)),
            Text(untrusted_line(summary_of(row)), Role.DIM),
            _incident_cell(self.snapshot, key),
        )
        return GridRow(key, cells, severity)


def empty_text(snapshot: Snapshot) -> str:
    """Return the text for no alerts: nothing fires, or no source would report it."""
    facts = snapshot.facts
    told_by = [*facts.of(Notified), *facts.of(Evaluated)]
    if told_by:
        of = f" in namespace {untrusted_name(snapshot.cluster.namespace)}" if snapshot.cluster.namespace else ""
        return f"no alert is pending or fires{of} ({', '.join(map(untrusted, told_by))})"
    sources = [source for source in snapshot.sources if source.name.partition("/")[0] in ("alertmanager", "rules")]
    down = next((source for source in sources if source.health is Health.DOWN), None)
    if down is not None:
        return f"not known: {untrusted_line(down.problem)}\n:sources says more"
    if not sources or any(source.health is Health.STARTING for source in sources):
        return "asking for alerts …"
    return "\n".join(untrusted_line(f"{source.problem}: {source.remedy}") for source in sources)


def incident_of(snapshot: Snapshot, key: str) -> Incident | None:
    """Return the incident that an alert belongs to; None if no incident explains it."""
    found = explained(snapshot)
    return found.by.get(key) if found is not None else None


def _incident_cell(snapshot: Snapshot, key: str) -> Cell:
    incident = incident_of(snapshot, key)
    return Text(untrusted(incident.root.words), severity_role(shown_severity(incident))) if incident else NOTHING


def _matches(row: AlertRow, wanted: Filter) -> bool:
    alert = row.merged.alert
    labels = (f"{name}={value}" for name, value in alert.labels.items())
    words = (alert.name, alert.state, *row.concerned.objects, *labels, *alert.annotations.values())
    return wanted.matches(" ".join(words), dict(alert.labels))


def alert_lines(snapshot: Snapshot, key: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Everything of one alert, as a page."""
    del glyphs
    row = row_of(snapshot, key)
    if row is None:
        return [Line((Span(" this alert has ended", Role.DIM),))]
    alert, rule = row.merged.alert, row.merged.rule
    role = severity_role(row.severity)
    lines = [Line((Span(f" {untrusted(alert.name)}", role), Span(f"  {alert.state}", Role.STRONG)))]
    lines += _facts(_alert_facts(snapshot, row), width)
    lines += [head("annotations")] if alert.annotations else []
    lines += _facts(alert.annotations.items(), width)
    lines += [head("labels")]
    lines += _facts(((name, value) for name, value in sorted(alert.labels.items()) if name != NAME), width)
    if rule is not None:
        holds = f"for {age_text(rule.holds)}" if rule.holds else "at once"
        facts = [("group", rule.group), ("expression", rule.expression), ("fires", holds)]
        facts += [("health", rule.health if rule.health != "err" else f"err: {rule.problem}")] if rule.health else []
        lines += [head("rule"), *_facts(facts, width)]
    elif "rules" not in "".join(row.merged.sources):
        lines += [head("rule", "not known: no queried source evaluates it")]
    if alert.link:
        lines += [head("where it comes from"), *_facts([("link", alert.link)], width)]
    return lines


def _alert_facts(snapshot: Snapshot, row: AlertRow) -> Iterator[tuple[str, str]]:
    alert = row.merged.alert
    for at, one in enumerate(row.concerned.objects):
        called = place(snapshot, one)
        yield "" if at else "object", f"{called}, {one}" if one in snapshot.gpus else called
    if not row.concerned.objects:
        yield "object", f"none: {row.concerned.unjoined}"
    incident = incident_of(snapshot, row.merged.key)
    if incident is not None:
        yield "incident", f"{place(snapshot, incident.about)}: {incident.root.words}; {incident.sentence}"
    if alert.since is not None:
        yield "since", f"{_moment(alert.since)}, {age_text(snapshot.at - alert.since)} ago"
    if alert.value is not None:
        yield "value", f"{alert.value:g}"
    for silence in row.merged.silences:
        yield "silenced", _silence_words(silence, snapshot.at)
    if alert.silenced_by and not row.merged.silences:
        yield "silenced", f"by {', '.join(alert.silenced_by)}"
    if row.merged.inhibitors:
        yield "inhibited", f"by {', '.join(dict.fromkeys(row.merged.inhibitors))}, which says more"
    if alert.muted_by:
        yield "muted", f"by {', '.join(alert.muted_by)}"
    if alert.receivers:
        yield "told to", ", ".join(alert.receivers)
    yield "told by", f"{', '.join(row.merged.sources)}, heard {clock(row.merged.at)}"


def _silence_words(silence: Silence, now: float) -> str:
    matchers = " ".join(map(str, silence.matchers))
    until = f"until {_moment(silence.ends)} ({age_text(max(0.0, silence.ends - now))} more)"
    return f"{until} by {silence.by}: {silence.comment}  {{{matchers}}}  id {silence.id}"


def _moment(at: float) -> str:
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return "an invalid time"


def _facts(facts: Iterable[tuple[str, str]], width: int) -> list[Line]:
    lines: list[Line] = []
    for label, text in facts:
        lines += wrapped(untrusted(label), untrusted_line(text), width) or [labelled(untrusted(label))]
    return lines


def rules_of(snapshot: Snapshot) -> tuple[MonitoringRule, ...]:
    """Return every rule of any source, including recording rules."""
    return tuple(rule for dated in snapshot.facts.of(Evaluated).values() for rule in dated.value.rules)
