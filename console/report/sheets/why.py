"""Slow replicas of an object as rows: by which measure each is slow, and what such replicas have in common."""

from __future__ import annotations

import math

from console.report.sheets.sheet import Sheet, SheetCell, SheetColumn, SheetRow, number, words
from fleet.latency.report import LatencyReport, dominant
from fleet.latency.separation import Separation
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from widgets.untrusted import untrusted, untrusted_name

_COLUMNS = (
    SheetColumn("pod", "POD"),
    SheetColumn("measure", "SLOW BY"),
    SheetColumn("value", "VALUE", "right", moves=True),
    SheetColumn("median", "MEDIAN", "right", moves=True),
    SheetColumn("unit", "UNIT"),
    SheetColumn("in_common", "IN COMMON"),
    SheetColumn("phase", "PHASE OF ALL"),
)


def why_sheet(snapshot: Snapshot, report: LatencyReport, glyphs: Glyphs) -> Sheet:
    """Return a row for each measure by which a replica is slow; values in the unit of the measure."""
    phase = dominant(report)

    def row(one: Separation, key: str) -> SheetRow:
        pod = snapshot.pods.get(key)
        name = untrusted_name(pod.name if pod is not None else key.rpartition("/")[2])
        shared = [a for each in one.divisions if each.is_named and key in each.having for a in each.attributes]
        cells = (
            words(untrusted_name(key)),
            words(one.measure.name),
            number(one.values.get(key, math.nan), glyphs),
            number(one.median, glyphs),
            words(one.measure.unit),
            words(untrusted(", ".join(shared))),
            SheetCell(str(phase or ""), str(phase) if phase is not None else None),
        )
        return SheetRow(f"{one.measure.name}/{key}", f"pod/{name}", cells)

    rows = tuple(row(one, key) for one in report.separations for key in sorted(one.slow))
    return Sheet(_COLUMNS, rows, empty="no replica is slower than the others")
