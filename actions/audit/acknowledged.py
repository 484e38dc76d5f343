"""Acknowledgements of incidents in the audit logs of all users, read as they grow. Only reads, so read-only mode has
it.

A log of years is read once, and of its files only the recently written ones; after that only new lines.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Final

from actions.audit.folder import logs_in, stamp
from actions.audit.line import Record, parse
from actions.audit.owner import LogOwner, is_shared, owner_of
from actions.audit.reading import read_log
from fleet.dataclass import dataclass
from fleet.json_fields import as_mapping
from fleet.model.acknowledgement import Acknowledgement, Acknowledgements
from fleet.model.severity import Severity

KIND: Final = "ack"
"""The kind of the action that acknowledges an incident, and takes that back."""
ABOUT: Final = "incident"
"""The field of its intent that tells which incident it was."""
KEPT: Final = 7 * 86_400.0
"""Seconds after which an acknowledgement expires: an incident known for a week deserves another look."""
AHEAD: Final = 600.0
"""Seconds by which the clock of another machine may be ahead: an acknowledgement dated later would apply to incidents
that are still to begin.
"""
AGAIN: Final = 600.0
"""Seconds after which unchanged logs are read again: their acknowledgements expire."""
_MARK: Final = f'"kind":"{KIND}"'.encode()
"""Canonical JSON of such a kind: lines without it need not be parsed."""
_MOST: Final = 1000


class AcknowledgementReader:
    """Reader of the acknowledgements in the logs of a folder."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._files: dict[Path, _LogFile] = {}
        self._latest = Acknowledgements()
        self._seen: Hashable = None
        self._looked = -math.inf

    def read(self) -> Acknowledgements:
        """Return the current acknowledgements, the latest first. Raises OSError if the folder cannot be read."""
        now, seen = self._clock(), stamp(self._folder)
        if seen == self._seen and 0 <= now - self._looked < AGAIN:
            # Reading a log briefly blocks its writers.
            return self._latest
        self._latest, self._seen, self._looked = self._read_logs(now), seen, now
        return self._latest

    def _read_logs(self, now: float) -> Acknowledgements:
        logs, _ = logs_in(self._folder)
        since = now - KEPT
        records = [
            one for log in logs for one in self._of_log(log, since) if since <= one.acknowledgement.at <= now + AHEAD
        ]
        return Acknowledgements(tuple(_standing(sorted(records, key=lambda one: -one.acknowledgement.at)))[:_MOST])

    def _of_log(self, log: Path, since: float) -> Iterator[_Statement]:
        """Yield the acknowledgements of one log; for one made in another person's name, the author is the possible
        writer.
        """
        try:
            shared = log != self._folder and is_shared(self._folder)
            if shared and log.is_symlink():
                return
            look = read_log(log)
            records = [record for file, size in look.sizes.items() for record in self._records(file, size, since)]
            owner = owner_of(log, look, records) if shared else LogOwner()
        except PermissionError:
            # Unreadable logs are reported where logs are shown.
            return
        for record in records:
            if (one := _statement_of(record, owner)) is not None:
                yield one

    def _records(self, file: Path, size: int, since: float) -> tuple[Record, ...]:
        known = self._files.get(file)
        if known is None or known.read > size:
            old = file.stat().st_mtime < since
            known = self._files[file] = _LogFile(size if old else 0, ())
        if known.read < size:
            known = self._files[file] = _grown(file, size, known)
        return known.records


@dataclass(frozen=True, slots=True)
class _LogFile:
    read: int
    """Bytes from the start, up to the end of a line."""
    records: tuple[Record, ...]


def _grown(file: Path, size: int, before: _LogFile) -> _LogFile:
    with file.open("rb") as stream:
        stream.seek(before.read)
        data = stream.read(size - before.read)
    whole = data[: data.rfind(b"\n") + 1]
    found = (parse(line) for line in whole.split(b"\n") if _MARK in line)
    records = tuple(one for one in found if one is not None and one.event == "intent")
    return _LogFile(before.read + len(whole), before.records + records)


@dataclass(frozen=True, slots=True)
class _Statement:
    """An acknowledgement, or (``off``) that one is taken back."""

    acknowledgement: Acknowledgement
    off: bool

    def settles(self, other: Acknowledgement) -> bool:
        """True if it cancels all earlier acknowledgements of the same incident."""
        own = self.acknowledgement
        same = own.cause == other.cause and own.server == other.server and own.cluster_uid == other.cluster_uid
        return same and not set(own.objects).isdisjoint(other.objects)


def _standing(latest_first: list[_Statement]) -> Iterator[Acknowledgement]:
    settled: list[_Statement] = []
    for one in latest_first:
        if any(later.settles(one.acknowledgement) for later in settled):
            continue
        settled.append(one)
        if not one.off:
            yield one.acknowledgement


def _statement_of(record: Record, owner: LogOwner) -> _Statement | None:
    """Parse a record; None if it does not have the form that this program writes."""
    content = record.content
    about, scope, request = (as_mapping(content.get(name)) for name in (ABOUT, "scope", "request"))
    objects, severity, replicas = about.get("objects"), about.get("severity"), about.get("replicas")
    if content.get("kind") != KIND or not isinstance(objects, list) or severity not in list(Severity):
        return None
    waiting = about.get("waiting")
    person = str(record.who.get("identity") or record.who.get("local_user") or "")
    acknowledgement = Acknowledgement(
        owner.name if owner.problem else person,
        record.at,
        str(content.get("reason") or ""),
        str(about.get("cause") or ""),
        tuple(str(one) for one in objects),
        Severity(severity),
        replicas if isinstance(replicas, int) else 0,
        float(waiting) if isinstance(waiting, int | float) else None,
        str(scope.get("server") or ""),
        str(about.get("cluster_uid") or ""),
    )
    return _Statement(acknowledgement, request.get("off") is True)
