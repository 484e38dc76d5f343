"""A table of the command line, independent of its format: text, CSV, names or changes.

Every command that prints a table makes a Sheet and nothing else; console/cli/output.py writes it in the requested
format, so that all formats of all commands agree on the same rows.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from fleet.dataclass import dataclass
from fleet.model.reading import Reading
from themes.glyphs import Glyphs
from widgets.line import Align, fit, fit_end, to_ascii, width_of
from widgets.values import reading_text

Value = str | float | int | bool | None


class Forms(NamedTuple):
    """The forms that have a column."""

    table: bool = True
    wide: bool = True
    data: bool = True
    """CSV, and the changes as JSON."""


ALWAYS: Final = Forms()
WIDE: Final = Forms(table=False)
DATA: Final = Forms(table=False, wide=False)
DRAWN: Final = Forms(data=False)


class SheetCell(NamedTuple):
    """One cell: its text for display, and its value for programs."""

    text: str
    value: Value = None
    """None where nothing is known."""


class SheetColumn(NamedTuple):
    """One column."""

    key: str
    """Name for programs; it stays."""
    title: str
    align: Align = "left"
    least: int = 0
    """Cells to which it may be cut on a narrow terminal; 0 if it is never cut."""
    keep: Literal["start", "end", "tree"] = "start"
    """The part of a text kept when it is cut; "tree" keeps the end of indented text: the end of a pod's name."""
    priority: int = 0
    """Columns with the highest number are dropped first on a narrow terminal; 0 for those that stay."""
    shown: Forms = ALWAYS
    moves: bool = False
    """True for a measured number: it differs each time, and does not by itself make a row changed."""


class SheetRow(NamedTuple):
    """One row."""

    key: str
    """Stable while its object exists."""
    name: str
    """KIND/NAME, as other commands take it."""
    cells: tuple[SheetCell, ...]
    below: tuple[str, ...] = ()
    """Lines for a person, indented below it."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table."""

    columns: tuple[SheetColumn, ...]
    rows: tuple[SheetRow, ...]
    head: tuple[str, ...] = ()
    """Lines above it, for a person."""
    foot: tuple[str, ...] = ()
    empty: str = ""
    """The line in place of no rows."""
    gap: int = 2
    """Blanks between columns."""
    passing: bool = False
    """Rows leave it by age alone, which is no news."""


def words(text: str) -> SheetCell:
    """Return a cell with the same text for display and for programs."""
    return SheetCell(text, text or None)


def moment(at: float) -> SheetCell:
    """The cell of a Unix time, in UTC."""
    return SheetCell(datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S"), at)


def number(value: float | None, glyphs: Glyphs, text: str | None = None) -> SheetCell:
    """A number, or that there is none."""
    if value is None or math.isnan(value):
        return SheetCell(glyphs.missing)
    return SheetCell(f"{value}" if text is None else text, value)


def measured(reading: Reading, unit: str, glyphs: Glyphs) -> SheetCell:
    """A reading: exact for a program, in three digits for a person."""
    from fleet.model.quantity import Unit

    value = reading.value if reading.known and math.isfinite(reading.value) else None
    return SheetCell(reading_text(reading, Unit(unit), glyphs=glyphs).text, value)


class Layout:
    """The columns of a sheet and their widths. ``width`` None: nothing is cut."""

    def __init__(self, sheet: Sheet, width: int | None, glyphs: Glyphs, *, wide: bool = False) -> None:
        self._glyphs, self._limit = glyphs, width
        self._gap = " " * sheet.gap
        shown = [at for at, column in enumerate(sheet.columns) if (column.shown.wide if wide else column.shown.table)]
        self._columns = sheet.columns
        natural = _natural(sheet, shown)
        self._widths = natural if width is None else _fitted(sheet, natural, width)

    def widen(self, sheet: Sheet) -> None:
        """Widen columns for later rows, if nothing is cut: earlier rows stay as they are."""
        if self._limit is None:
            later = _natural(sheet, self._widths)
            self._widths = {at: max(width, later[at]) for at, width in self._widths.items()}

    def title(self) -> str:
        """The line above the rows."""
        return self._line({at: self._columns[at].title for at in self._widths})

    def rows(self, row: SheetRow) -> Iterator[str]:
        """A row, and the text below it."""
        yield self._line({at: row.cells[at].text for at in self._widths})
        # Below the first column that names the object, which is neither a time nor a sign.
        indent = 0
        for at, width in self._widths.items():
            if self._columns[at].least:
                break
            indent += width + len(self._gap)
        for line in row.below:
            yield self.cut(f"{' ' * (indent + 2)}{line}")

    def cut(self, line: str) -> str:
        """A line of the head or the foot, no wider than the terminal."""
        text = to_ascii(line.rstrip()) if self._glyphs.ascii else line.rstrip()
        if self._limit is None or width_of(text) <= self._limit:
            return text
        return fit(text, self._limit, "left", self._glyphs.ellipsis)

    def _line(self, texts: Mapping[int, str]) -> str:
        cells = (self._cell(self._columns[at], text, self._widths[at]) for at, text in texts.items())
        return self.cut(self._gap.join(cells))

    def _cell(self, column: SheetColumn, text: str, width: int) -> str:
        name = text.lstrip()
        indent = len(text) - len(name)
        if column.keep == "start" or width_of(text) <= width or (column.keep == "tree" and not indent):
            return fit(text, width, column.align, self._glyphs.ellipsis)
        return " " * indent + fit_end(name, width - indent, column.align, self._glyphs.ellipsis)


def _natural(sheet: Sheet, shown: Iterable[int]) -> dict[int, int]:
    """Return the width of each column at which nothing is cut."""
    columns = sheet.columns
    return {
        at: max([width_of(columns[at].title), *(width_of(row.cells[at].text) for row in sheet.rows)]) for at in shown
    }


def _fitted(sheet: Sheet, natural: dict[int, int], width: int) -> dict[int, int]:
    """Return the widths at which the columns fit: the least important are dropped, then those that may be cut are."""
    widths = dict(natural)
    while True:
        least = {at: min(w, sheet.columns[at].least or w) for at, w in widths.items()}
        room = width - sum(least.values()) - sheet.gap * (len(widths) - 1)
        last = max((sheet.columns[at].priority, at) for at in widths)
        if room >= 0 or not last[0]:
            break
        del widths[last[1]]
    # The remaining width goes to the truncated columns, one cell each in turn, so that short ones are complete first.
    short = [at for at, w in widths.items() if least[at] < w]
    while room > 0 and short:
        share, rest = divmod(room, len(short))
        for n, at in enumerate(short):
            more = min(widths[at] - least[at], share + (n < rest))
            least[at] += more
            room -= more
        short = [at for at in short if least[at] < widths[at]]
    return least


def sheet_lines(sheet: Sheet, width: int | None, glyphs: Glyphs, *, wide: bool = False) -> Iterator[str]:
    """Yield the table for display, in lines of at most ``width`` cells; None for a file or a pipe: nothing is cut."""
    layout = Layout(sheet, width, glyphs, wide=wide)
    yield from map(layout.cut, sheet.head)
    if sheet.head:
        yield ""
    if sheet.rows or sheet.empty:
        yield layout.title()
    for row in sheet.rows:
        yield from layout.rows(row)
    if not sheet.rows and sheet.empty:
        yield layout.cut(f"  {sheet.empty}")
    yield from map(layout.cut, sheet.foot)


def as_data(sheet: Sheet, row: SheetRow) -> dict[str, Value]:
    """Return the values of a row by column key; unknown ones are None."""
    return {column.key: cell.value for column, cell in zip(sheet.columns, row.cells, strict=True) if column.shown.data}


def to_csv(sheet: Sheet) -> str:
    """The rows as CSV (RFC 4180) with a header; numbers in full, in the units of docs/snapshot.md."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.key for column in sheet.columns if column.shown.data])
    for row in sheet.rows:
        writer.writerow(csv_cells(sheet, row))
    return out.getvalue()


def csv_cells(sheet: Sheet, row: SheetRow) -> list[str]:
    """Return the cells of one row as text that spreadsheets do not interpret as formulas."""
    from actions.audit.export import harmless_cell

    return [harmless_cell(value) for value in as_data(sheet, row).values()]


Change = Literal["added", "changed", "gone"]


def changes(before: Sheet, now: Sheet) -> Iterator[tuple[Change, SheetRow]]:
    """Yield rows of ``now`` that are new or changed; then removed ones, in their last state."""
    known = {row.key: _still(before, row) for row in before.rows}
    for row in now.rows:
        if row.key not in known:
            yield "added", row
        elif known[row.key] != _still(now, row):
            yield "changed", row
    if not now.passing:
        there = {row.key for row in now.rows}
        for row in before.rows:
            if row.key not in there:
                yield "gone", row


def _still(sheet: Sheet, row: SheetRow) -> tuple[object, ...]:
    """Return the cells of a row that count as changes."""
    cells = (cell for column, cell in zip(sheet.columns, row.cells, strict=True) if not column.moves)
    return (*cells, row.below)
