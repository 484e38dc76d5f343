"""Alerts as a table."""

from __future__ import annotations

from console.report.sheets.columns import OBJECT, SIGN, SINCE, STATE
from console.report.sheets.sheet import Sheet, SheetCell, SheetColumn, SheetRow, number, words
from console.views.alert_marks import board, object_words, summary_of
from console.views.incident_words import duration_text
from fleet.model.snapshot import Health, Snapshot, SourceStatus
from themes.glyphs import Glyphs
from widgets.severity import severity_glyph
from widgets.untrusted import untrusted, untrusted_line


def alerts_sheet(snapshot: Snapshot, glyphs: Glyphs) -> Sheet:
    """Return the table of pending and firing alerts, with their objects."""
    columns = (
        SIGN, SheetColumn("alert", "ALERT", least=16), STATE, OBJECT, SINCE,
        SheetColumn("summary", "SUMMARY", least=20, priority=1),
    )  # fmt: skip
    found, namespace = board(snapshot), snapshot.cluster.namespace
    rows = []
    for key, one in (found.rows if found is not None else {}).items():
        if namespace and one.concerned.namespace not in ("", namespace):
            continue
        alert, since = one.merged.alert, one.merged.alert.since
        cells = (
            SheetCell(severity_glyph(one.severity, glyphs), alert.severity or None),
            words(untrusted(alert.name)),
            words(alert.state),
            words(object_words(snapshot, one)),
            number(since, glyphs, duration_text(snapshot.at - since) if since is not None else ""),
            words(untrusted_line(summary_of(one))),
        )
        rows.append(SheetRow(key, f"alert/{untrusted(alert.name)}", cells))
    has_source = found is not None or any(one.health is Health.LIVE for one in _of_alerts(snapshot))
    empty = "no alert is pending or fires" if has_source else "no source of alerts: no Alertmanager and no Prometheus"
    return Sheet(columns, tuple(rows), empty=empty, gap=1)


def _of_alerts(snapshot: Snapshot) -> list[SourceStatus]:
    return [one for one in snapshot.sources if one.name.partition("/")[0] in ("alertmanager", "rules")]
