"""Incidents on the screen: one row each, worst first, and the details of one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from itertools import groupby
from typing import TYPE_CHECKING

from console.views.alert_marks import alert_state_lines, alerts_of, object_words, summary_of, unexplained
from console.views.baselines import baseline_lines
from console.views.filter import Filter
from console.views.incident_words import (
    acknowledged_text,
    cause_name,
    duration_text,
    in_time,
    known_to,
    place,
    reach_text,
    shown_severity,
)
from console.views.layout import followed, head, labelled, sections, wrapped
from console.views.plots import plot_block
from console.views.severity_since import clock, coarse
from fleet.dataclass import dataclass
from fleet.diagnosis.incidents.evidence import Explanation, IncidentEvidence, LookAlike, explain
from fleet.model.baseline import Baselines
from fleet.model.finding import Finding, FindingState, Incident
from fleet.model.in_past import is_past
from fleet.model.severity import Severity, rank
from fleet.model.snapshot import Health, Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.cells import NOTHING, Name, Text
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.line import BLANK, Line, Span
from widgets.severity import severity_role, severity_span
from widgets.untrusted import untrusted, untrusted_line, untrusted_name

if TYPE_CHECKING:
    from fleet.alerts.board import AlertRow

_COLUMNS = (
    GridColumn("where", "WHERE", 18, align="left", grow=2, widest=60, priority=0, share=0.22),
    GridColumn("what", "WHAT", 16, align="left", grow=3, widest=80, priority=0, share=0.36, explains=True),
    GridColumn("time", "FOR", 10, align="left", priority=1),
    GridColumn("replicas", "REPLICAS", 8, priority=2),
    GridColumn("waiting", "WAIT", 6, priority=1),
    GridColumn("alerts", "ALERTS", 10, align="left", grow=1, widest=40, priority=3),
)
_KNOWN = 2
"""Place of the next column among the others."""
_WHO_KNOWS = GridColumn("known", "KNOWN TO", 16, align="left", grow=4, widest=60, priority=1)
_SILENT = frozenset({Health.STARTING, Health.DOWN})
_INDENT = 6
_LEAST_BELOW = 8
"""Free lines below the list from which the incident under the cursor is shown there."""
KeyOf = Callable[[str], str]
"""The name of a command → its key on the screen, or how else to give it."""


@dataclass(frozen=True, slots=True, eq=False)
class IncidentsModel:
    """A GridModel of incidents, then of the alerts that belong to none; a key is an incident's or an alert's."""

    snapshot: Snapshot
    filter: Filter
    sort: Sort | None = None
    _by_key: dict[str, Incident] = field(default_factory=dict)

    @property
    def waiting(self) -> str:
        """Text for no rows: "nothing is wrong" only if every source has answered."""
        if self.filter:
            return "no incident matches\nesc shows all again"
        silent = [one.name for one in self.snapshot.sources if one.health in _SILENT]
        if silent:
            return f"nothing is found so far: not heard from {', '.join(silent)}\n:sources says why, and what to do"
        return "nothing is wrong\n:timeline shows what happened, % what was promised and is left of it"

    @property
    def columns(self) -> tuple[GridColumn, ...]:
        """Columns of the table, with acknowledgements if there are any."""
        known = any(one.acknowledged is not None for one in self.snapshot.incidents)
        return (*_COLUMNS[:_KNOWN], _WHO_KNOWS, *_COLUMNS[_KNOWN:]) if known else _COLUMNS

    @property
    def groups(self) -> Sequence[RowGroup]:
        self._by_key.update((one.key, one) for one in self.snapshot.incidents)
        wanted = self.filter
        found = [RowGroup(one.key) for one in self.snapshot.incidents if not wanted or self._matches(one)]
        alone = unexplained(self.snapshot).items()
        alerts = (key for key, row in alone if not wanted or _alert_matches(self.snapshot, row, wanted))
        return [*found, *map(RowGroup, alerts)]

    def row(self, key: str) -> GridRow:
        incident = self._by_key.get(key)
        if incident is None:
            row = _alert_row(self.snapshot, key)
            return row if len(self.columns) == len(row.cells) else _with_nothing(row)
        severity = shown_severity(incident)
        reach, waits = incident.reach, incident.reach.waiting
        cells = (
            Name(untrusted_name(place(self.snapshot, incident.about))),
            Text(untrusted(incident.root.words), severity_role(severity if not incident.is_known else Severity.OK)),
            *((_known(incident, self.snapshot.at),) if len(self.columns) > len(_COLUMNS) else ()),
            Text(_short_time(incident, self.snapshot.at), Role.DIM),
            Text(f"{reach.replicas}/{reach.of}" if reach.of else "–"),
            Text(f"{waits:,.0f}" if waits == waits else "–", Role.WARNING if waits > 0 else Role.DIM),
            Text(alert_names(self.snapshot, key), Role.DIM),
        )
        return GridRow(key, cells, severity)

    def _matches(self, incident: Incident) -> bool:
        alerts = (row.merged.alert.name for row in alerts_of(self.snapshot, incident.key))
        words = (place(self.snapshot, incident.about), incident.root.words, incident.sentence, *alerts)
        labels = {"cause": incident.root.cause, "severity": incident.severity.value, "state": incident.state.value}
        if incident.acknowledged is not None:
            labels["by"] = incident.acknowledged.by
        return self.filter.matches(" ".join(words), labels)


def _known(incident: Incident, now: float) -> Text:
    """Return the cell of an acknowledgement: its author and text."""
    one = incident.acknowledged
    if one is None:
        return Text("")
    return Text(untrusted_line(known_to(one, now)), Role.DIM if one.holds else Role.WARNING)


def alert_names(snapshot: Snapshot, incident: str) -> str:
    """The names of the alerts of an incident, each once; empty for none."""
    return ", ".join(dict.fromkeys(untrusted(row.merged.alert.name) for row in alerts_of(snapshot, incident)))


def _with_nothing(row: GridRow) -> GridRow:
    """The same if there is a column for acknowledgements: an alert needs none here."""
    return GridRow(row.key, (*row.cells[:_KNOWN], NOTHING, *row.cells[_KNOWN:]), row.severity)


def _alert_row(snapshot: Snapshot, key: str) -> GridRow:
    """Return the row of an alert that no incident explains."""
    row = unexplained(snapshot).get(key)
    if row is None:
        return GridRow(key, tuple(NOTHING for _ in _COLUMNS))
    alert = row.merged.alert
    name = untrusted(alert.name) or "(no name)"
    summary = untrusted_line(summary_of(row))
    cells = (
        Name(object_words(snapshot, row) or "(no object)"),
        Text(f"alert {name}: {summary}" if summary else f"alert {name}", severity_role(row.severity)),
        Text(duration_text(snapshot.at - alert.since) if alert.since is not None else "", Role.DIM),
        Text("–"),
        Text("–", Role.DIM),
        Text(name, Role.DIM),
    )
    return GridRow(key, cells, row.severity)


def _alert_matches(snapshot: Snapshot, row: AlertRow, wanted: Filter) -> bool:
    alert = row.merged.alert
    labels = dict(alert.labels) | {"severity": row.severity.value, "state": alert.state}
    words = (object_words(snapshot, row), *row.concerned.objects, alert.name, summary_of(row))
    return wanted.matches(" ".join(words), labels)


def _short_time(incident: Incident, now: float) -> str:
    """Return ``3m``, ``40s of 1m`` while pending, or ``easing``."""
    held = duration_text(now - incident.since)
    match incident.state:
        case FindingState.PENDING:
            due = min(one.due for one in incident.findings if one.due)
            return f"{held} of {duration_text(due - incident.since)}"
        case FindingState.RECOVERING:
            return "easing"
        case FindingState.FIRING:
            return held


def concerned(snapshot: Snapshot, key: str | None) -> str | None:
    """The incident that an object has a part in, the worst first; None for none."""
    if key is None:
        return None
    members = {key, *snapshot.pods_of.get(key, ()), *snapshot.gpus_on.get(key, ())}
    for incident in snapshot.incidents:
        if incident.about == key or any(one.key in members for one in incident.findings):
            return incident.key
    return None


def incident_lines(
    snapshot: Snapshot, key: str, key_of: KeyOf, width: int, glyphs: Glyphs, usual: Baselines | None = None
) -> list[Line]:
    """Everything of one incident, as a page: the sentence, the proof, and the key to press."""
    incident = next((one for one in snapshot.incidents if one.key == key), None)
    if incident is None:
        return [Line((Span(" it is over", Role.OK),))]
    explanation = explain(snapshot, incident.root)
    return sections(
        _title(snapshot, incident, width, glyphs),
        _helps(snapshot, explanation, key_of, width),
        _evidence(snapshot, incident, explanation.evidence, width),
        _alerts(snapshot, incident, width),
        _follows(snapshot, incident, width, glyphs),
        _ruled("ruled out", explanation.ruled_out, width),
        _ruled("not ruled out", explanation.open, width),
        _list("how to decide: check", explanation.decides, width),
        _list("what not to do", explanation.avoid, width, Role.WARNING),
        _usual(snapshot, incident, usual, width, glyphs),
        _drawn(snapshot, incident, width, glyphs),
    )


def incident_below(snapshot: Snapshot, key: str, key_of: KeyOf, width: int, free: int, glyphs: Glyphs) -> list[Line]:
    """Return the page of an incident below the list of them, in at most ``free`` lines; nothing where that is too few,
    or where the row is an alert of its own.
    """
    if free < _LEAST_BELOW or all(one.key != key for one in snapshot.incidents):
        return []
    rule = Line((Span(glyphs.horizontal * width, Role.DIM),))
    page = incident_lines(snapshot, key, key_of, width, glyphs)
    room = free - 2
    shown = page if len(page) <= room else [*page[: room - 1], Line((Span(" enter shows the rest", Role.DIM),))]
    return [rule, *shown, *[BLANK] * (room + 1 - len(shown))]


def _usual(snapshot: Snapshot, incident: Incident, usual: Baselines | None, width: int, glyphs: Glyphs) -> list[Line]:
    """Return the numbers of a serving object beside those of other days; nothing for other objects."""
    about = incident.about
    frames = (snapshot.by_workload, snapshot.by_pod, snapshot.by_model)
    frame = next((one for one in frames if about in one.index), None)
    if frame is None or usual is None or not usual.of:
        return []
    return baseline_lines(snapshot, frame, about, usual, width, glyphs)


def _title(snapshot: Snapshot, incident: Incident, width: int, glyphs: Glyphs) -> list[Line]:
    severity = shown_severity(incident)
    lead = (
        Span(" "),
        severity_span(severity, glyphs),
        Span(f" {untrusted_name(place(snapshot, incident.about))}", Role.STRONG),
        Span(": "),
    )
    lines = followed(lead, untrusted(incident.root.words), severity_role(severity), width, _INDENT)
    lines += wrapped("", incident.sentence, width)
    since = f"{clock(incident.since)}, {in_time(incident, snapshot.at)}; known by {incident.root.told_by}"
    lines += wrapped("since", since, width)
    if reach := reach_text(incident.reach):
        lines += wrapped("affects", reach, width)
    if (known := incident.acknowledged) is not None:
        role = Role.OK if known.holds else Role.WARNING
        lines += wrapped("known", untrusted_line(acknowledged_text(known, snapshot.at)), width, role)
    return lines


def _evidence(snapshot: Snapshot, incident: Incident, seen: Iterable[IncidentEvidence], width: int) -> list[Line]:
    lines = []
    for one in seen:
        window = f" over {one.window:.0f}s" if one.window else ""
        age = f", {duration_text(one.age)} old" if coarse(one.age) > 0 else ""
        lines += wrapped("", f"{untrusted_line(one.text)}  ({one.source}{window}{age})", width)
    alike = len(incident.alike)
    worst = f"at {untrusted_name(place(snapshot, incident.root.key))}"
    remark = f"{worst}, the worst of {alike} alike" if alike > 1 else worst
    return [head("evidence", remark), *lines] if lines else []


def _alerts(snapshot: Snapshot, incident: Incident, width: int) -> list[Line]:
    """The statements of monitoring about its objects."""
    lines = alert_state_lines(alerts_of(snapshot, incident.key), width)
    return [head("alerts about it"), *lines] if lines else []


def _follows(snapshot: Snapshot, incident: Incident, width: int, glyphs: Glyphs) -> list[Line]:
    """Symptoms of the root: of several objects with the same, the worst."""
    there = {one.key for one in incident.findings if one.state is not FindingState.RECOVERING}
    # A pod in a crash loop has another status every minute: the current one is shown.
    those = (
        one
        for one in incident.symptoms
        if (one.state is not FindingState.RECOVERING or one.key not in there) and not _is_title(incident, one)
    )
    symptoms = sorted(those, key=lambda one: (rank(one.severity), one.key))
    count = Counter(one.cause for one in symptoms)
    first = {one.cause: one for one in reversed(symptoms)}
    lines = []
    for one in sorted(first.values(), key=lambda one: (rank(one.severity), one.cause)):
        more = f" and {count[one.cause] - 1} more" if count[one.cause] > 1 else ""
        lead = (Span("   "), severity_span(one.severity, glyphs), Span(" "))
        text = f"{untrusted_name(place(snapshot, one.key))}{more}: {untrusted(one.words)}"
        lines += followed(lead, text, Role.TEXT, width, _INDENT)
    return [head("symptoms of it"), *lines] if lines else []


def _is_title(incident: Incident, symptom: Finding) -> bool:
    """True if it would repeat the title of the incident: the workload's own words for its root."""
    return symptom.key == incident.about and symptom.words == incident.root.words


def _helps(snapshot: Snapshot, explanation: Explanation, key_of: KeyOf, width: int) -> list[Line]:
    lines: list[Line] = []
    for one in explanation.helps:
        key, *rest = wrapped(key_of(one.command) if one.command else "", one.text, width)
        lines += [Line((key.spans[0]._replace(role=Role.KEY), *key.spans[1:])), *rest]
    remark = "nothing is changed in the past; :now goes back" if is_past(snapshot) else ""
    return [head("what helps", remark), *lines] if lines else []


def _ruled(title: str, ruled: Iterable[LookAlike], width: int) -> list[Line]:
    """Return the causes that look alike, by name, above the number that excludes them, or what is unknown.

    Their sentences would read as findings.
    """
    lines: list[Line] = []
    for reason, alike in groupby(ruled, key=lambda one: one.by):
        lines += wrapped("", ", ".join(cause_name(one.cause) for one in alike), width)
        lines += wrapped("", f"  {untrusted_line(reason)}", width, Role.DIM)
    return [head(title), *lines] if lines else []


def _list(title: str, texts: Iterable[str], width: int, role: Role = Role.TEXT) -> list[Line]:
    lines = [line for text in texts for line in wrapped("", text, width, role)]
    return [head(title), *lines] if lines else []


def _drawn(snapshot: Snapshot, incident: Incident, width: int, glyphs: Glyphs) -> list[Line]:
    """Return the last quarter of an hour of the incident's object, if it is measured."""
    drawn = next((key for key in (incident.about, incident.root.key) if _is_drawn(snapshot, key)), None)
    if drawn is None:
        return []
    name = untrusted_name(place(snapshot, drawn))
    return [labelled("over time", Span(name)), *plot_block(snapshot, drawn, width, glyphs)]


def _is_drawn(snapshot: Snapshot, key: str) -> bool:
    return key in snapshot.by_workload.index or key in snapshot.by_pod.index
