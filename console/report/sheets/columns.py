"""Columns common to all tables of the fleet, for any rows: an object's severity, and its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from console.report.sheets.sheet import DATA, WIDE, Forms, SheetCell, SheetColumn, measured, words
from console.views.number_cells import gpu_activity
from console.views.root_words import found_at
from console.views.subject import assessment_of
from fleet.model.frame import Frame
from fleet.model.quantity import MEANINGS, Quantity
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from widgets.severity import severity_glyph
from widgets.untrusted import untrusted_line

_ROOM: Final = 12


class MeasuredColumn(NamedTuple):
    """A quantity, and the head of its column."""

    quantity: Quantity
    title: str
    shown: Forms = Forms()
    priority: int = 0


SERVING: Final = (
    MeasuredColumn(Quantity.RUNNING, "RUN", priority=2),
    MeasuredColumn(Quantity.WAITING, "WAIT", priority=2),
    MeasuredColumn(Quantity.KV_USAGE, "KV%", priority=3),
    MeasuredColumn(Quantity.GENERATION_TOKENS, "TOK/S", priority=2),
    MeasuredColumn(Quantity.TTFT_P95, "TTFT95", priority=2),
    MeasuredColumn(Quantity.ITL_P95, "ITL95", priority=3),
    MeasuredColumn(Quantity.TTFT_P50, "TTFT50", WIDE),
    MeasuredColumn(Quantity.QUEUE_P95, "QUEUE95", WIDE),
    MeasuredColumn(Quantity.E2E_P95, "E2E95", WIDE),
    MeasuredColumn(Quantity.GPU_UTIL, "GPU%", priority=3),
    MeasuredColumn(Quantity.GPU_TEMPERATURE, "°C", priority=3),
)
"""Numbers of everything that serves."""
OF_GPUS: Final = (
    MeasuredColumn(Quantity.GPU_UTIL, "GPU%", priority=2),
    MeasuredColumn(Quantity.GPU_MEMORY_USED, "MEMORY", priority=3),
    MeasuredColumn(Quantity.GPU_MEMORY_TOTAL, "OF", WIDE),
    MeasuredColumn(Quantity.GPU_TEMPERATURE, "°C", priority=2),
    MeasuredColumn(Quantity.GPU_POWER, "W", priority=3),
    MeasuredColumn(Quantity.THROTTLE, "THROTTLED", priority=4),
    MeasuredColumn(Quantity.XID, "XID", priority=3),
)
"""Numbers of a GPU."""

SIGN: Final = SheetColumn("severity", "")
"""The glyph in front of a row; programs get the word."""
WHY: Final = SheetColumn("reason", "WHY", least=20, priority=1)
"""Reason of a severity: the numbers make room for it. Narrow where nothing is wrong."""
STATE: Final = SheetColumn("state", "STATE")
OBJECT: Final = SheetColumn("object", "OBJECT", least=16, keep="end")
SINCE: Final = SheetColumn("since", "FOR", align="right", priority=1, moves=True)
NAMED: Final = tuple(SheetColumn(key, key.upper(), shown=DATA) for key in ("kind", "namespace", "name"))


def columns_of(measured_columns: Sequence[MeasuredColumn]) -> tuple[SheetColumn, ...]:
    """The columns of numbers."""
    return tuple(
        SheetColumn(one.quantity.value, one.title, align="right", priority=one.priority, shown=one.shown, moves=True)
        for one in measured_columns
    )


def standing(snapshot: Snapshot, key: str, glyphs: Glyphs) -> tuple[SheetCell, SheetCell]:
    """The cells of SIGN and WHY of an object; WHY of one that is well is a cause that is found beside it."""
    severity, reason = assessment_of(snapshot, key)
    why = untrusted_line(reason or found_at(snapshot, key))
    return SheetCell(severity_glyph(severity, glyphs), severity.value), words(why)


def numbers(frame: Frame, key: str, of: Sequence[MeasuredColumn], glyphs: Glyphs) -> Iterator[SheetCell]:
    """The cells of an object's numbers."""
    for one in of:
        if one.quantity is Quantity.GPU_UTIL:
            # A MIG slice has the activity of its SMs instead, which is marked on screen.
            cell = gpu_activity(frame, key)
            text = "".join(span.text for span in cell.draw(_ROOM, "right", glyphs)).strip()
            yield measured(cell.reading, cell.unit, glyphs)._replace(text=text)
        else:
            yield measured(frame.get(key, one.quantity), MEANINGS[one.quantity].unit, glyphs)
