"""Verification of a log: every line follows the previous one, and none is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from actions.audit.folder import HEAD, number_of
from actions.audit.head import parse_head
from actions.audit.line import GENESIS, digest, legible, looks_torn, parse
from actions.audit.reading import LogSnapshot, lines
from fleet.dataclass import dataclass


class Wrong(StrEnum):
    """The kinds of tampering."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    OWNER = "owner"
    """The bytes may be unchanged, but the file's owner is not the user that the log is named after."""
    HEAD = "head"
    """The log may be complete; the head file, which would show that its end is missing, is gone or was changed."""


@dataclass(frozen=True, slots=True)
class Break:
    """The first place at which a log was changed. ``line`` is 0 for a file as a whole."""

    file: Path
    line: int
    wrong: Wrong
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


@dataclass(frozen=True, slots=True)
class Torn:
    """Bytes of a write cut off by a kill, a full disk or a power failure. ``marked``: a later record accounts for
    it.
    """

    file: Path
    line: int
    size: int
    marked: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a verification. ``records`` counts those before the break, or all; ``since`` and ``until`` are Unix
    times.
    """

    records: int = 0
    files: int = 0
    since: float | None = None
    until: float | None = None
    broken: Break | None = None
    torn: tuple[Torn, ...] = ()
    behind: int = 0
    """Records that were written after the head was: 1 after a kill between the two."""

    anchored: bool = True
    """True if it was checked from the first record of the log to its head; False for a single file."""

    @property
    def intact(self) -> bool:
        return self.broken is None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line that is a record (``seq`` of it, 1 or more), or bytes that are none (0)."""

    file: Path
    line: int
    data: bytes
    """Bytes, with the line break; only of lines that are not a record."""
    seq: int = 0
    prev: str = ""
    digest: str = ""
    at: float = 0.0
    marks: Mapping[str, Any] | None = None
    """Content of a record that the log wrote about damage to itself."""
    event: str = ""


def verify(look: LogSnapshot) -> Verification:
    """Check every byte of a log. Raises OSError where it cannot be read."""
    entries = [_entry(line.file, line.number, line.data, ended=line.ended) for line in lines(look)]
    walk = _Walk(entries, whole=look.folder is not None)
    walk.run()
    broken, behind = walk.broken, 0
    if broken is None and look.folder is not None:
        broken, behind = _against_head(look, look.folder, walk)
    good = walk.good
    return Verification(
        records=len(good),
        files=len(look.sizes),
        since=good[0].at if good else None,
        until=good[-1].at if good else None,
        broken=broken,
        torn=tuple(walk.torn),
        behind=behind,
        anchored=look.folder is not None,
    )


def _entry(file: Path, number: int, data: bytes, *, ended: bool) -> _Entry:
    record = parse(data)
    if record is None:
        return _Entry(file, number, data + b"\n" * ended)
    marks = record.content if record.event in {"torn", "damaged"} and not record.action else None
    return _Entry(
        file, number, b"", record.seq, record.prev, record.digest, record.at, marks, record.event if marks else ""
    )


class _Walk:
    """A walk from the first line to the first that is wrong."""

    def __init__(self, entries: Sequence[_Entry], *, whole: bool) -> None:
        self._entries = entries
        first = next((entry for entry in entries if entry.seq), None)
        anchored = whole or first is None
        self._seq = 0 if anchored or first is None else first.seq - 1
        self._digest = GENESIS if anchored or first is None else first.prev
        self._stray: list[_Entry] = []
        """Lines after the last good one that are not a record."""
        self.good: list[_Entry] = []
        self.torn: list[Torn] = []
        self.broken: Break | None = None

    def run(self) -> None:
        for entry in self._entries:
            self.broken = self._step(entry)
            if self.broken is not None:
                return
        if self._stray:
            self.broken = self._end(self._stray)

    def _step(self, entry: _Entry) -> Break | None:
        if not entry.seq:
            self._stray.append(entry)
            return None
        stray, self._stray = self._stray, []
        if stray and (entry.marks is None or not _vouches(entry, stray)):
            return _changed(stray[0])
        if entry.seq != self._seq + 1 or entry.prev != self._digest:
            return self._misplaced(entry)
        if entry.event == "damaged":
            return _changed(stray[0]) if stray else _truncated(entry)
        if stray:
            if not _all_torn(stray):
                return _changed(stray[0])
            self.torn.append(_torn_write(stray, marked=True))
        self._seq, self._digest = entry.seq, entry.digest
        self.good.append(entry)
        return None

    def _end(self, stray: Sequence[_Entry]) -> Break | None:
        # An interrupted write has no line break at its end; a line with one was complete.
        if stray[-1].data.endswith(b"\n") or stray[0].file != stray[-1].file or not _all_torn(stray):
            return _changed(stray[0])
        self.torn.append(_torn_write(stray, marked=False))
        return None

    def _misplaced(self, entry: _Entry) -> Break:
        def broken(wrong: Wrong, text: str) -> Break:
            return Break(entry.file, entry.line, wrong, text)

        wanted = self._seq + 1
        if entry.seq > wanted:
            later = any(other.seq == wanted for other in self._entries[self._entries.index(entry) :])
            if later:
                return broken(Wrong.REORDERED, f"record {entry.seq} stands before record {wanted}")
            return broken(Wrong.REMOVED, f"{_missing(wanted, entry.seq - 1)} before this line{self._files(entry)}")
        if any(other.digest == entry.digest for other in self.good):
            return broken(Wrong.INSERTED, f"record {entry.seq} stands here again")
        if entry.seq < wanted:
            return broken(Wrong.INSERTED, f"a record {entry.seq} stands where record {wanted} belongs")
        text = f"record {entry.seq} was not written after the line before it: one of the two was replaced"
        return broken(Wrong.CHANGED, text)

    def _files(self, entry: _Entry) -> str:
        before = number_of(self.good[-1].file) or 0 if self.good else 0
        gap = entry.line == 1 and (number_of(entry.file) or 0) > before + 1
        return " (a file of the log is missing)" if gap else ""


def _vouches(entry: _Entry, stray: Sequence[_Entry]) -> bool:
    """True if a record written by the log itself accounts for exactly these bytes."""
    if any(other.file != entry.file for other in stray):
        return False
    data = b"".join(other.data for other in stray)
    # The last line break was added with the mark, or existed before.
    marks = entry.marks or {}
    return any(marks.get("sha256") == digest(d) and marks.get("bytes") == len(d) for d in (data, data[:-1]))


def _all_torn(stray: Sequence[_Entry]) -> bool:
    return all(looks_torn(entry.data.removesuffix(b"\n")) for entry in stray)


def _torn_write(stray: Sequence[_Entry], *, marked: bool) -> Torn:
    return Torn(stray[0].file, stray[0].line, sum(len(entry.data) for entry in stray), marked)


def _changed(entry: _Entry) -> Break:
    data = entry.data.removesuffix(b"\n")
    if legible(data) is not None:
        return Break(entry.file, entry.line, Wrong.CHANGED, "changed: the line's hash does not match its content")
    return Break(entry.file, entry.line, Wrong.CHANGED, "changed: no console wrote this line")


def _truncated(entry: _Entry) -> Break:
    head_seq = (entry.marks or {}).get("head_seq")
    if head_seq is None:
        return Break(entry.file, entry.line, Wrong.HEAD, f"when this was written, {HEAD} was gone or had been changed")
    text = f"when this was written, the records before it were not those that {HEAD} listed, up to record {head_seq}"
    return Break(entry.file, entry.line, Wrong.TRUNCATED, text)


def _missing(first: int, last: int) -> str:
    return f"record {first} is missing" if first == last else f"records {first} to {last} are missing"


def _against_head(look: LogSnapshot, folder: Path, walk: _Walk) -> tuple[Break | None, int]:
    """Return the break at the end according to the head, and how many records the head is behind."""
    file = folder / HEAD
    if look.head is None:
        if not look.sizes:
            return None, 0
        return Break(file, 0, Wrong.HEAD, "is gone: whether the end of the log is missing is not known"), 0
    head = parse_head(look.head)
    if head is None:
        return Break(file, 0, Wrong.HEAD, "was changed: whether the end of the log is missing is not known"), 0
    written = len(walk.good)
    if head.seq > written:
        last = walk.good[-1] if walk.good else None
        text = f"{_missing(written + 1, head.seq)} after this line: {HEAD} lists them"
        return Break(last.file if last else file, last.line if last else 0, Wrong.TRUNCATED, text), 0
    if head.seq and walk.good[head.seq - 1].digest != head.digest:
        entry = walk.good[head.seq - 1]
        text = f"record {head.seq} is not the one that {HEAD} lists: the log was rewritten from here or earlier"
        return Break(entry.file, entry.line, Wrong.CHANGED, text), 0
    return None, written - head.seq
