"""Slow replicas of an object as rows: by which measure each is slow, and what such replicas have in common.

One that hangs is by no measure slow, as none of its requests ends: it has a row of its own, above the others.
"""

from __future__ import annotations

import math

from console.report.sheets.sheet import Sheet, SheetCell, SheetColumn, SheetRow, number, words
from fleet.latency.hung_replicas import HungReplica
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
    """Return a row for each replica that hangs, and for each measure by which one is slow; values in its unit."""
    phase = dominant(report)
    of_all = SheetCell(str(phase or ""), str(phase) if phase is not None else None)

    def name_of(key: str) -> str:
        pod = snapshot.pods.get(key)
        return f"pod/{untrusted_name(pod.name if pod is not None else key.rpartition('/')[2])}"

    def hung(one: HungReplica) -> SheetRow:
        cells = (
            words(untrusted_name(one.pod)),
            words("requests without a token"),
            number(one.requests, glyphs),
            number(0.0, glyphs),
            words("requests"),
            words(""),
            of_all,
        )
        return SheetRow(f"hangs/{one.pod}", name_of(one.pod), cells)

    def row(one: Separation, key: str) -> SheetRow:
        shared = [a for each in one.divisions if each.is_named and key in each.having for a in each.attributes]
        cells = (
            words(untrusted_name(key)),
            words(one.measure.name),
            number(one.values.get(key, math.nan), glyphs),
            number(one.median, glyphs),
            words(one.measure.unit),
            words(untrusted(", ".join(shared))),
            of_all,
        )
        return SheetRow(f"{one.measure.name}/{key}", name_of(key), cells)

    rows = (*map(hung, report.hung), *(row(one, key) for one in report.separations for key in sorted(one.slow)))
    return Sheet(_COLUMNS, rows, empty="no replica is slower than the others")
