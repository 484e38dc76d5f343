"""A recording as a file: an SQLite database of frames.

SQLite, because a process may be killed at any moment and several may read while one writes: a transaction is either
complete or absent. Like zlib it is part of Python: nothing needs to be installed on a machine that is in trouble.

A frame has one kind and one moment. ``base`` is the frame that it is a difference from, or whose layout it uses; a
frame without one is complete.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from fleet.dataclass import dataclass
from fleet.recorder.problem import LARGEST, RecordingError, UnusableError

VERSION: Final = 3
"""Version of the format. A program reads its own and older ones, and appends to them."""
_OLDEST: Final = 2
"""The oldest readable version, which has no facts: version 1 was never released."""
APPLICATION: Final = 0x51644B31
"""``application_id`` of the database, which identifies a recording."""
_JOURNAL: Final = 8 * 2**20
"""Bytes of the journal that are kept after it has been merged into the file."""
_PAGES_AT_ONCE: Final = 4096
"""Pages given back to the disk after something was forgotten; the others are written to again."""
OBJECTS: Final = "objects"
LAYOUT: Final = "layout"
NUMBERS: Final = "numbers"
FACTS: Final = "facts"
_SCHEMA: Final = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE frames (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  at REAL NOT NULL,
  base INTEGER,
  data BLOB NOT NULL
);
CREATE INDEX frames_at ON frames (kind, at);
CREATE INDEX frames_base ON frames (base);
"""


_DECLARED: Final = "SELECT type, name, sql FROM sqlite_master"


@cache
def _declared() -> frozenset[tuple[str, str, str]]:
    """Return what a recording declares: tables and indexes, word by word."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_SCHEMA)
        return frozenset(connection.execute(_DECLARED))


@dataclass(frozen=True, slots=True)
class RecordingFrame:
    """One frame."""

    id: int
    kind: str
    at: float
    """Unix time."""
    base: int | None
    data: bytes


class RecordingFile:
    """A recording, open. Every method raises RecordingError."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def create(cls, path: Path) -> Self:
        """Open for writing; created, readable by the owner only, if it does not exist. One process writes."""
        try:
            made = not path.exists()
            if made:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            elif not path.is_file():
                raise RecordingError(f"{path} is not a file")
            else:
                _close_to_others(path)
        except OSError as error:
            raise RecordingError(f"{path}: {error.strerror}") from None
        found = cls(path, _connected(path, "rwc"))
        with found._translated():
            if made or not found._tables():
                found._connection.executescript(
                    f"PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = {APPLICATION};"
                    f"PRAGMA user_version = {VERSION}; {_SCHEMA}"
                )
            found._check()
            # Older versions need no migration: only kinds of frames were added.
            found._connection.execute(f"PRAGMA user_version = {VERSION}")
            found._connection.execute("PRAGMA journal_mode = WAL")
            # A killed process loses nothing committed; a power failure may lose the last seconds.
            found._connection.execute("PRAGMA synchronous = NORMAL")
            found._connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL}")
        return found

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open for reading, also while another process writes."""
        try:
            kind = path.stat().st_mode
        except OSError as error:
            raise RecordingError(f"{path}: {error.strerror}") from None
        if not stat.S_ISREG(kind):
            raise RecordingError(f"{path} is not a file")
        found = cls(path, _connected(path, "ro"))
        with found._translated():
            # A database from elsewhere may contain anything: none of it is executed.
            found._connection.execute("PRAGMA trusted_schema = OFF")
            found._connection.execute("PRAGMA query_only = ON")
            found._check()
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Merge everything into the one file, unless another process has it open."""
        try:
            # Closing must not wait for readers.
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error:
            # It has a reader, or is read-only: the journal stays beside it as part of it.
            pass
        finally:
            self._connection.close()

    def about(self) -> Mapping[str, str]:
        """Return the recording's metadata: which cluster, since when, by which version."""
        with self._translated():
            found = self._connection.execute("SELECT key, value FROM about")
            return {key: value for key, value in found if isinstance(key, str) and isinstance(value, str)}

    def describe(self, **about: str) -> None:
        """Write that down."""
        with self._translated(), self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", about.items())

    @contextmanager
    def together(self) -> Iterator[None]:
        """Commit the frames added within as one transaction."""
        with self._translated(), self._connection:
            yield

    def add(self, kind: str, at: float, data: bytes, base: int | None = None) -> int:
        """A frame; its id. Within ``together``."""
        found = self._connection.execute(
            "INSERT INTO frames (kind, at, base, data) VALUES (?, ?, ?, ?)", (kind, at, base, data)
        )
        return int(found.lastrowid or 0)

    def span(self) -> tuple[float, float] | None:
        """Unix times of the first and the last that was seen; None for an empty one."""
        with self._translated():
            # A layout may predate the remaining numbers that use it, and facts the objects beside them. But facts may
            # be the newest part.
            first, last = self._connection.execute(
                "SELECT min(CASE WHEN kind <> ? THEN at END), max(at) FROM frames WHERE kind IN (?, ?, ?)",
                (FACTS, OBJECTS, NUMBERS, FACTS),
            ).fetchone()
        if first is None:
            return None
        # SQLite columns only prefer a type, and accept any.
        if not (isinstance(first, float) and isinstance(last, float)):
            raise UnusableError(f"{self.path} is damaged: a part of it has no time")
        return first, last

    def frame(self, id: int) -> RecordingFrame:  # noqa: A002 - the frame's
        """The frame of an id."""
        found = next(self._frames("id = ?", (id,), "id"), None)
        if found is None:
            raise RecordingError("a part of it is missing")
        return found

    def latest(self, kind: str, at: float, *, alone: bool = False) -> RecordingFrame | None:
        """Return the last frame of a kind at or before a moment; ``alone``: among complete frames."""
        where = "kind = ? AND at <= ?" + (" AND base IS NULL" if alone else "")
        return next(self._frames(where, (kind, at), "at DESC, id DESC LIMIT 1"), None)

    def times(self, kind: str, begin: float, end: float, *, alone: bool = False) -> list[float]:
        """Unix times of the frames of a kind between two moments, oldest first; ``alone``: as with ``latest``."""
        where = "kind = ? AND at BETWEEN ? AND ?" + (" AND base IS NULL" if alone else "")
        with self._translated():
            rows = self._connection.execute(
                f"SELECT at FROM frames WHERE {where} ORDER BY at",  # noqa: S608 - ours
                (kind, begin, end),
            ).fetchall()
        return [at for (at,) in rows if isinstance(at, float)]

    def _frames(self, where: str, values: tuple[object, ...], order: str) -> Iterator[RecordingFrame]:
        with self._translated():
            rows = self._connection.execute(
                f"SELECT id, kind, at, base, data FROM frames WHERE {where} ORDER BY {order}",  # noqa: S608 - ours
                values,
            )
            for id_, kind, at, base, data in rows:
                if not (isinstance(at, float) and isinstance(data, bytes)):
                    raise RecordingError("a part of it is not a frame")
                yield RecordingFrame(int(id_), str(kind), at, base if isinstance(base, int) else None, data)

    def size(self) -> int:
        """Bytes of the database, without free pages."""
        with self._translated():
            count, free, page = (
                self._connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
        return int((count - free) * page)

    def drop_before(self, at: float) -> None:
        """Delete older frames, except those that a later frame needs."""
        alone = [self.latest(kind, at, alone=True) for kind in (OBJECTS, FACTS)]
        last = self.latest(NUMBERS, at)
        with self._translated(), self._connection:
            for frame in filter(None, alone):
                self._connection.execute("DELETE FROM frames WHERE kind = ? AND id < ?", (frame.kind, frame.id))
            if last is not None:
                self._connection.execute("DELETE FROM frames WHERE kind = ? AND id < ?", (NUMBERS, last.id))
                self._drop_layouts(last.id)
        self._shrink()

    def _drop_layouts(self, before: int) -> None:
        self._connection.execute(
            "DELETE FROM frames WHERE kind = ? AND id < ? AND id NOT IN"
            " (SELECT base FROM frames WHERE base IS NOT NULL)",
            (LAYOUT, before),
        )

    def thin(self, kind: str, until: float, keep: float) -> int:
        """Keep one frame per ``keep`` seconds, among those up to a moment that no other depends on; return the number
        deleted.
        """
        with self._translated(), self._connection:
            gone = self._connection.execute(
                "DELETE FROM frames WHERE kind = ?1 AND at <= ?2"
                " AND id NOT IN (SELECT base FROM frames WHERE base IS NOT NULL) AND id NOT IN ("
                "SELECT min(id) FROM frames WHERE kind = ?1 AND at <= ?2 GROUP BY CAST(at / ?3 AS INTEGER))",
                (kind, until, keep),
            ).rowcount
            last = self._connection.execute("SELECT max(id) FROM frames WHERE kind = ?", (LAYOUT,)).fetchone()[0]
            self._drop_layouts(last or 0)
        self._shrink()
        return gone

    def _shrink(self) -> None:
        with self._translated():
            # Each row is a released page.
            self._connection.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})").fetchall()

    def _tables(self) -> bool:
        return bool(self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])

    def _check(self) -> None:
        application = self._connection.execute("PRAGMA application_id").fetchone()[0]
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION:
            raise UnusableError(f"{self.path} is not a recording of quarterdeck")
        if version < _OLDEST:
            raise UnusableError(
                f"{self.path} was recorded before the first release, in a format that is no longer supported"
            )
        if version > VERSION:
            raise RecordingError(f"{self.path} was recorded by a newer quarterdeck", "play it with that version")
        # A view or a trigger in the place of a table would be run whenever that is read.
        if set(self._connection.execute(_DECLARED)) != _declared():
            raise UnusableError(f"{self.path} is not a recording of quarterdeck: its tables differ")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Translate the failures of SQLite into words."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            text = str(error)
            if "not a database" in text:
                raise UnusableError(f"{self.path} is not a recording of quarterdeck") from None
            if "malformed" in text:
                raise UnusableError(f"{self.path} is damaged: {text}") from None
            raise RecordingError(f"{self.path}: {text}") from None
        except (UnicodeDecodeError, OverflowError) as error:
            # A text or number in it, or in SQLite's own schema, is invalid.
            raise UnusableError(f"{self.path} is damaged: {error}") from None


def written(file: RecordingFile, kind: str, begin: float, end: float, after: int) -> Iterator[RecordingFrame]:
    """The frames of a kind between two moments and later than one of them, in the order in which they were written."""
    return file._frames("kind = ? AND at BETWEEN ? AND ? AND id > ?", (kind, begin, end, after), "id")


def _close_to_others(path: Path) -> None:
    """A file that was copied, or restored from a backup, is for its owner alone again; whose it is not cannot do it."""
    for ending in ("", "-wal", "-shm"):
        with suppress(OSError):
            each = Path(f"{path}{ending}")
            # A link's target may be used by others.
            if not each.is_symlink() and each.stat().st_mode & 0o077:
                each.chmod(0o600)


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    try:
        # The loop's thread opens it, a worker writes: one at a time.
        found = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=5.0, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise RecordingError(f"{path}: {error}") from None
    found.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
    return found
