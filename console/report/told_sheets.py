"""Incidents, alerts and sources as tables on stdout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from console.report.fleet_columns import SIGN
from console.report.sheet import DATA, DRAWN, WIDE, Sheet, SheetCell, SheetColumn, SheetRow, number, words
from console.views.alert_marks import alerts_of, board, object_words, summary_of
from console.views.incident_words import felt, lasted, place, shown_severity
from fleet.model.finding import Incident
from fleet.model.severity import Severity
from fleet.model.snapshot import Health, Snapshot, SourceStatus
from themes.glyphs import Glyphs
from widgets.severity import severity_glyph
from widgets.untrusted import untrusted, untrusted_line, untrusted_name
from widgets.values import age_text

_STATE: Final = SheetColumn("state", "STATE")
_OBJECT: Final = SheetColumn("object", "OBJECT", least=16, keep="end")
_SINCE: Final = SheetColumn("since", "FOR", align="right", priority=1, moves=True)


def incidents_sheet(snapshot: Snapshot, glyphs: Glyphs) -> Sheet:
    """Incidents, the worst first: what is wrong, where, how long, and who feels it."""
    columns = (
        SIGN, SheetColumn("incident", "INCIDENT", shown=DATA), _STATE, _OBJECT, SheetColumn("words", "WHAT", least=20),
        _SINCE, SheetColumn("reach", "FELT BY", least=10, priority=2, moves=True),
        SheetColumn("cause", "CAUSE", priority=3), SheetColumn("alerts", "ALERTS", least=10, priority=3),
        SheetColumn("sentence", "SENTENCE", shown=WIDE),
    )  # fmt: skip

    def row(incident: Incident) -> SheetRow:
        names = dict.fromkeys(untrusted(one.told.alert.name) for one in alerts_of(snapshot, incident.key))
        about = untrusted_name(place(snapshot, incident.about))
        cells = (
            SheetCell(severity_glyph(shown_severity(incident), glyphs), incident.severity.value),
            words(incident.key),
            words(incident.state.value),
            words(about),
            words(untrusted_line(incident.root.words)),
            SheetCell(lasted(snapshot.at - incident.since), incident.since),
            words(felt(incident.reach)),
            words(incident.root.cause),
            words(", ".join(names)),
            words(untrusted_line(incident.sentence)),
        )
        return SheetRow(incident.key, _name(snapshot, incident.about), cells)

    silent = [one.name for one in snapshot.sources if one.health in (Health.STARTING, Health.DOWN)]
    empty = f"nothing is found so far: not heard from {', '.join(silent)}" if silent else "nothing is wrong"
    return Sheet(columns, tuple(map(row, snapshot.incidents)), empty=empty, gap=1)


def _name(snapshot: Snapshot, key: str) -> str:
    """The object of an incident as other commands take it."""
    workload, pod = snapshot.workloads.get(key), snapshot.pods.get(key)
    if workload is not None:
        return f"{workload.kind.lower()}/{untrusted_name(workload.name)}"
    if pod is not None:
        return f"pod/{untrusted_name(pod.name)}"
    kind = "node" if key in snapshot.nodes else "gpu" if key in snapshot.gpus else "source"
    return f"{kind}/{untrusted_name(key)}"


def alerts_sheet(snapshot: Snapshot, glyphs: Glyphs) -> Sheet:
    """Alerts that are pending or fire, with what they are about."""
    columns = (
        SIGN, SheetColumn("alert", "ALERT", least=16), _STATE, _OBJECT, _SINCE,
        SheetColumn("summary", "SUMMARY", least=20, priority=1),
    )  # fmt: skip
    found, namespace = board(snapshot), snapshot.cluster.namespace
    rows = []
    for key, one in (found.rows if found is not None else {}).items():
        if namespace and one.concerned.namespace not in ("", namespace):
            continue
        alert, since = one.told.alert, one.told.alert.since
        cells = (
            SheetCell(severity_glyph(one.severity, glyphs), alert.severity or None),
            words(untrusted(alert.name)),
            words(alert.state),
            words(object_words(snapshot, one)),
            number(since, glyphs, lasted(snapshot.at - since) if since is not None else ""),
            words(untrusted_line(summary_of(one))),
        )
        rows.append(SheetRow(key, f"alert/{untrusted(alert.name)}", cells))
    told = found is not None or any(one.health is Health.LIVE for one in _of_alerts(snapshot))
    empty = "no alert is pending or fires" if told else "nobody tells of alerts here: no Alertmanager, no Prometheus"
    return Sheet(columns, tuple(rows), empty=empty, gap=1)


def _of_alerts(snapshot: Snapshot) -> list[SourceStatus]:
    return [one for one in snapshot.sources if one.name.partition("/")[0] in ("alertmanager", "rules")]


_BY_HEALTH: Final[Mapping[Health, Severity]] = {
    Health.STARTING: Severity.STARTING,
    Health.LIVE: Severity.OK,
    Health.DEGRADED: Severity.WARNING,
    Health.DOWN: Severity.CRITICAL,
    Health.OFF: Severity.ASLEEP,
}


def sources_sheet(snapshot: Snapshot, glyphs: Glyphs) -> Sheet:
    """Sources of all that is shown, those that are off too."""
    columns = (
        SIGN._replace(shown=DRAWN), SheetColumn("name", "SOURCE"), SheetColumn("health", "HEALTH"), _SINCE,
        SheetColumn("problem", "PROBLEM", least=16), SheetColumn("remedy", "WHAT TO DO", least=16, priority=1),
        SheetColumn("endpoint", "ENDPOINT", shown=WIDE),
    )  # fmt: skip

    def row(source: SourceStatus) -> SheetRow:
        cells = (
            SheetCell(severity_glyph(_BY_HEALTH[source.health], glyphs)),
            words(source.name),
            words(source.health.value),
            number(source.since, glyphs, age_text(max(0.0, snapshot.at - source.since))),
            words(untrusted_line(source.problem)),
            words(untrusted_line(source.remedy)),
            words(untrusted(source.endpoint)),
        )
        return SheetRow(source.name, f"source/{source.name}", cells)

    return Sheet(columns, tuple(map(row, snapshot.sources)), gap=1)


SHEETS: Final[Mapping[str, Callable[[Snapshot, Glyphs], Sheet]]] = {
    "incidents": incidents_sheet,
    "alerts": alerts_sheet,
    "sources": sources_sheet,
}
"""Word of the command line → table."""
