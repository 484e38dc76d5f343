"""Measurements written into a document between markers; everything else in it stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import machine
from tests.benchmarks.result import Note, Report, Result, limit, median, spread


class NoPlaceError(Exception):
    """The document has no such markers."""


def write(file: Path, part: str, lines: Iterable[str]) -> None:
    """Replace what is between ``<!-- part: begin … -->`` and ``<!-- part: end -->``. Raises NoPlaceError."""
    text = file.read_text()
    begin, end = text.find(f"<!-- {part}: begin"), text.find(f"<!-- {part}: end -->")
    if begin < 0 or end < begin:
        raise NoPlaceError(f"{file.name} has no place for {part}")
    opening = text.index("\n", begin) + 1
    file.write_text(text[:opening] + "\n".join(["", *lines, "", ""]) + text[end:])


def circumstances(now: datetime | None = None) -> str:
    """Return the date, the machine and the versions of a measurement."""
    day = (now or datetime.now(UTC)).date()
    return f"Measured {day} on {machine.machine()}; {machine.programs()}."


def results(reports: Iterable[Report]) -> list[str]:
    """A table of all results, with what could not be measured below it."""
    rows, notes = [], []
    for report in reports:
        if isinstance(report, Note):
            notes.append(f"- {report.id}: {report.what}")
        else:
            rows.append(_row(report))
    head = ("id", "measure", "median", "spread", "budget", "goal", "")
    return [circumstances(), "", *table(head, rows), *(["", *notes] if notes else [])]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table in Markdown."""
    return [_line(head), _line(["---"] * len(head)), *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _row(result: Result) -> list[str]:
    verdict = f"**{result.verdict}**" if result.verdict.startswith("misses") else result.verdict
    limits = [limit(result.budget), limit(result.goal)]
    return [result.id, result.what, median(result), spread(result), *limits, verdict]
