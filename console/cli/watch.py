"""``--watch``: a table, then the changed rows, until Ctrl-C.

Measured numbers differ each time: they are printed with their row, but do not cause it to be printed.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

from console.cli import exit_codes, interruptible, streams
from console.cli.dispatch import say
from console.cli.latest_snapshot import LatestSnapshot
from console.cli.output import as_yaml, columns
from console.cli.progress import waiting_for, with_progress
from console.config.settings import Settings
from console.report.sheets.sheet import Layout, Sheet, SheetColumn, SheetRow, as_data, changes, csv_cells, words
from fleet.model.snapshot import Health, Snapshot
from themes.glyphs import Glyphs

SCHEMA: Final = "quarterdeck/change/v1"
_TIME: Final = SheetColumn("at", "TIME")
_CHANGE: Final = SheetColumn("change", "CHANGE")


async def watch(sheets: AsyncGenerator[Sheet, None], form: str, glyphs: Glyphs) -> int:
    """Print the first table whole, then the rows of later ones that differ. Exit 0 on Ctrl-C."""
    ended = asyncio.Event()
    interruptible.when_ended(ended.set)
    printer = _Printer(form, glyphs)
    stop = asyncio.ensure_future(ended.wait())
    async with aclosing(sheets):
        while True:
            following: asyncio.Future[Sheet] = asyncio.ensure_future(anext(sheets))
            either: list[asyncio.Future[Any]] = [following, stop]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if stop.done():
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
                return exit_codes.OK
            sheet = following.result()
            if not streams.write_out(lambda sheet=sheet: printer.show(sheet)):  # type: ignore[misc]
                stop.cancel()
                return exit_codes.PROBLEM


class _Printer:
    """The writing of one sheet after the other."""

    def __init__(self, form: str, glyphs: Glyphs) -> None:
        self._form, self._glyphs = form, glyphs
        self._last: Sheet | None = None
        self._layout: Layout | None = None

    def show(self, sheet: Sheet) -> None:
        before, self._last = self._last, sheet
        found = [("added", row) for row in sheet.rows] if before is None else list(changes(before, sheet))
        match self._form:
            case "json" | "yaml":
                for change, row in found:
                    self._document(sheet, change, row)
            case "csv":
                out = io.StringIO()
                writer = csv.writer(out, lineterminator="\r\n")
                if before is None:
                    writer.writerow(["at", "change", *(one.key for one in sheet.columns if one.shown.data)])
                for change, row in found:
                    writer.writerow([f"{time.time():.3f}", change, *csv_cells(sheet, row)])
                streams.page(out.getvalue())
            case "name":
                for _, row in found:
                    print(row.name)
            case _:
                self._lines(sheet, found, first=before is None)

    def _document(self, sheet: Sheet, change: str, row: SheetRow) -> None:
        values = {key: value for key, value in as_data(sheet, row).items() if value is not None}
        document = {"schema": SCHEMA, "at": time.time(), "change": change, "name": row.name, "row": values}
        if self._form == "yaml":
            streams.page(f"---\n{as_yaml(document)}")
        else:
            streams.document(json.dumps(document, ensure_ascii=False))

    def _lines(self, sheet: Sheet, found: list[tuple[str, SheetRow]], *, first: bool) -> None:
        timed = _timed(sheet, found)
        if first and not sheet.rows:
            say(f"{sheet.empty or 'nothing yet'}: changes are printed here")
        if self._layout is None and timed.rows:
            wide = self._form == "wide"
            self._layout = Layout(timed, None if wide else columns(), self._glyphs, wide=wide)
            print(*map(self._layout.cut, sheet.head), *([""] if sheet.head else []), self._layout.title(), sep="\n")
        if self._layout is None:
            return
        self._layout.widen(timed)
        for row in timed.rows:
            for line in self._layout.rows(row):
                print(line)


def _timed(sheet: Sheet, found: list[tuple[str, SheetRow]]) -> Sheet:
    """The rows that changed, each with when and how."""
    at = words(datetime.now(UTC).strftime("%H:%M:%S"))
    rows = tuple(row._replace(cells=(at, words(change), *row.cells)) for change, row in found)
    return Sheet((_TIME, _CHANGE, *sheet.columns), rows, gap=sheet.gap)


async def of_snapshots(
    settings: Settings, wait: float, sheet: Callable[[Snapshot], Sheet]
) -> AsyncGenerator[Sheet, None]:
    """A table of each Snapshot, from the first that is complete on, or that ``wait`` seconds allow."""
    from console.wiring.sources import observer, source_of

    source = source_of(settings, settings.cluster.context, settings.cluster.namespace)
    observing = observer(settings, source, time.time())
    observing.focus(None)
    watched = LatestSnapshot()
    task = asyncio.create_task(observing.run(watched.take))
    try:
        await with_progress(lambda: waiting_for(observing.statuses()), watched.until(_is_complete, wait))
        while True:
            await watched.until(lambda _: True)
            watched.arrived.clear()
            yield sheet(watched.newest())
            await watched.arrived.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _is_complete(snapshot: Snapshot) -> bool:
    """True if every source has answered once, or reported why not, and something is measured if possible."""
    starting = any(source.health is Health.STARTING for source in snapshot.sources)
    measured = snapshot.measured_at is not None or not snapshot.method
    return bool(snapshot.sources) and not starting and measured


async def again(make: Callable[[], Awaitable[Sheet]], every: float, doing: str) -> AsyncGenerator[Sheet, None]:
    """A table that is made again every so many seconds; ``doing`` is shown while the first takes long."""
    yield await with_progress(lambda: doing, make())
    while True:
        await asyncio.sleep(every)
        yield await make()
