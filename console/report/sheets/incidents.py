"""Incidents as a table."""

from __future__ import annotations

from console.report.sheets.columns import OBJECT, SIGN, SINCE, STATE
from console.report.sheets.sheet import DATA, WIDE, Sheet, SheetCell, SheetColumn, SheetRow, words
from console.views.alert_marks import alerts_of
from console.views.incident_words import acknowledged_text, duration_text, place, reach_text, shown_severity
from fleet.model.finding import Incident
from fleet.model.snapshot import Health, Snapshot
from themes.glyphs import Glyphs
from widgets.severity import severity_glyph
from widgets.untrusted import untrusted, untrusted_line, untrusted_name


def incidents_sheet(snapshot: Snapshot, glyphs: Glyphs) -> Sheet:
    """Return the table of incidents, worst first: what is wrong, where, for how long, and its impact."""
    columns = (
        SIGN, SheetColumn("incident", "INCIDENT", shown=DATA), STATE, OBJECT, SheetColumn("words", "WHAT", least=20),
        SINCE, SheetColumn("reach", "AFFECTS", least=10, priority=2, moves=True),
        SheetColumn("known", "KNOWN", least=10, priority=3, moves=True),
        SheetColumn("cause", "CAUSE", priority=3), SheetColumn("alerts", "ALERTS", least=10, priority=3),
        SheetColumn("sentence", "SENTENCE", shown=WIDE),
    )  # fmt: skip

    def row(incident: Incident) -> SheetRow:
        names = dict.fromkeys(untrusted(one.merged.alert.name) for one in alerts_of(snapshot, incident.key))
        about, known = untrusted_name(place(snapshot, incident.about)), incident.acknowledged
        cells = (
            SheetCell(severity_glyph(shown_severity(incident), glyphs), incident.severity.value),
            words(incident.key),
            words(incident.state.value),
            words(about),
            words(untrusted_line(incident.root.words)),
            SheetCell(duration_text(snapshot.at - incident.since), incident.since),
            words(reach_text(incident.reach)),
            words(untrusted_line(acknowledged_text(known, snapshot.at)) if known is not None else ""),
            words(incident.root.cause),
            words(", ".join(names)),
            words(untrusted_line(incident.sentence)),
        )
        return SheetRow(incident.key, _name(snapshot, incident.about), cells)

    silent = [one.name for one in snapshot.sources if one.health in (Health.STARTING, Health.DOWN)]
    empty = f"nothing found so far: no answer from {', '.join(silent)}" if silent else "nothing is wrong"
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
