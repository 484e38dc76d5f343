"""The continuous recording of a cluster: one file per cluster, written by one console and read by all.

The writer holds a lock file. The system releases it when the process ends, however that happens: the next console that
checks takes over. Failures are shown among the sources, retried, and affect nothing else.
"""

from __future__ import annotations

import fcntl
import hashlib
import math
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from fleet.model.snapshot import RECORDER, Cluster, Health, SourceStatus
from fleet.recorder.moment import Moment
from fleet.recorder.objects import Redaction
from fleet.recorder.problem import RecordingError, UnusableError
from fleet.recorder.recorded_strips import recalled
from fleet.recorder.thinning import Retention, stamped_spans
from fleet.recorder.writer import EVERY, RecordingWriter
from fleet.snapshot.backfill import Step

AGAIN: Final = 60.0
"""Seconds until a failure is retried: disk space may have been freed."""
BUSY_AGAIN: Final = 5.0
"""Seconds until a retry while another console writes: it may have ended."""
BACK: Final = 60.0
"""Seconds by which a clock may be set back by a correction. A clock set back further was wrong: rows dated later than
now would never expire, and its hours would be mixed with future ones.
"""
_LOOK_EVERY: Final = 60.0
"""Seconds between checks of the file size."""


class RecordingPolicy(NamedTuple):
    """A request to record: where, how much, and with which redaction."""

    folder: Path
    bounds: Retention
    redaction: Callable[[], Redaction]


def file_of(folder: Path, context: str, server: str) -> Path:
    """Return the file of a cluster seen through a context, whether or not it exists."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", context).strip("-.")[:60] or "cluster"
    digest = hashlib.sha256(f"{context}\n{server}".encode()).hexdigest()[:10]
    return folder / f"{name}-{digest}.qdr"


class BusyError(Exception):
    """Raised if another console writes the file."""


class UnresumableError(Exception):
    """The file cannot be continued, but may be all that is left of last night; with the reason, in words."""


class ContinuousRecorder:
    """Implements Recorder. What arrives while it cannot write is dropped."""

    def __init__(self, keep: RecordingPolicy, cluster: Cluster) -> None:
        self.path = file_of(keep.folder, cluster.context, cluster.server)
        self._keep = keep
        self._cluster = cluster
        self._writer: RecordingWriter | None = None
        self._lock: int | None = None
        self._tried = -AGAIN
        self._again = 0.0
        self._looked = 0.0
        self._aside = ""
        self._status: SourceStatus | None = None
        self._closed = False
        self._one = Lock()
        self._uid = ""
        """UID of the cluster that the file is known to be of."""
        self._latest: float | None = None
        """Unix time of the last that is in the file, by now; None before it is known."""
        self._former = math.inf
        """Unix time of the last that was in the file before this console wrote to it; infinite before it is known."""

    def note(self, moment: Moment, now: float) -> None:
        """One tick."""
        with self._one:
            if self._closed or (self._writer is None and 0 <= now - self._tried < self._again):
                return
            self._tried = now
            try:
                writer = self._writer = self._writer or self._open()
                self._hold_against(writer, moment.state.cluster.uid, now)
                writer.note(moment, now)
                is_old = not 0 <= now - self._looked < _LOOK_EVERY
                if self._status is None or self._status.health is not Health.LIVE or is_old:
                    self._say_what_there_is(writer, now)
            except BusyError:
                self._again = BUSY_AGAIN
                notes = ("another console records it; this one takes over when that one ends",)
                self._status = SourceStatus(RECORDER, Health.OFF, now, endpoint=str(self.path), notes=notes)
            except UnresumableError as error:
                self._end()
                self._set_aside(".former", str(error), now)
            except UnusableError as error:
                self._end()
                problem = f"the existing recording could not be written ({error.message})"
                self._set_aside(".damaged", problem, now)
            except RecordingError as error:
                self._fail(error.message, error.remedy, now)
            except Exception as error:  # noqa: BLE001 - whatever it is, the console goes on without a recording
                self._fail(f"a defect of Quarterdeck, {type(error).__name__}: {error}", "", now)

    def before(self, now: float, seconds: float, step: float) -> Mapping[float, Step]:
        """Return steps of the seconds before ``now``; empty if there are none, or they cannot be read.

        Not what this console has written itself: its strips have that, and reading a large fleet again takes as much
        memory as having it.
        """
        end = min(now, self._former)
        try:
            return recalled(self.path, now - seconds, end, step) if end >= now - seconds else {}
        except RecordingError:
            # The next writer reports the problem.
            return {}

    def statuses(self) -> tuple[SourceStatus, ...]:
        """One: since when and how coarsely it is kept, or why it is not. None before the first tick."""
        return () if self._status is None else (self._status,)

    def close(self) -> None:
        """Close the file; later data is dropped."""
        with self._one:
            self._closed = True
            self._end()

    def _open(self) -> RecordingWriter:
        self._lock = _locked(self.path.with_suffix(".lock"))
        writer = RecordingWriter(self.path, self._keep.redaction(), self._keep.bounds, EVERY)
        if self._former == math.inf:
            latest = writer.latest
            self._former = -math.inf if latest is None else latest
        cluster = self._cluster
        writer.describe(context=cluster.context, server=cluster.server, cluster=cluster.cluster)
        return writer

    def _say_what_there_is(self, writer: RecordingWriter, now: float) -> None:
        self._looked = now
        kept = writer.kept()
        bounds = self._keep.bounds
        size = f"{kept.size / 2**20:.1f} MiB of at most {bounds.size / 2**20:.0f}"
        notes = [f"recorded since {stamped_spans(kept.first, kept.thinned)}; {size}, {bounds.seconds / 3600:g} h"]
        if self._aside:
            notes.append(self._aside)
        since = self._status.since if self._status is not None and self._status.health is Health.LIVE else now
        self._status = SourceStatus(RECORDER, Health.LIVE, since, endpoint=str(self.path), notes=tuple(notes))

    def _hold_against(self, writer: RecordingWriter, uid: str, now: float) -> None:
        """Raises UnresumableError if the file belongs to another cluster than the current one, or to the future."""
        if self._latest is None:
            self._latest = writer.latest
        if self._latest is not None and now < self._latest - BACK:
            raise UnresumableError("the existing recording is from the future by this machine's clock")
        self._latest = now
        if not uid or uid == self._uid:
            return
        if writer.cluster_uid not in ("", uid):
            raise UnresumableError("the existing recording is of another cluster that had this address")
        writer.describe(uid=uid)
        self._uid = uid

    def _set_aside(self, suffix: str, why: str, now: float) -> None:
        """Keep the file under another name: it may be the only record of last night."""
        aside = self.path.with_suffix(suffix)
        try:
            for suffix in ("-wal", "-shm"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)
            self.path.replace(aside)
        except OSError as problem:
            self._fail(f"{why}; {problem.strerror}", "", now)
            return
        self._again = 0.0
        self._aside = f"{why}; it was renamed to {aside.name}"

    def _fail(self, problem: str, remedy: str, now: float) -> None:
        self._end()
        self._again = AGAIN
        remedy = remedy or "Free some space, or set recorder.enabled = false; the console continues without it."
        since = self._status.since if self._status is not None and self._status.health is Health.DEGRADED else now
        notes = (f"nothing is recorded: {problem}", remedy)
        self._status = SourceStatus(RECORDER, Health.DEGRADED, since, endpoint=str(self.path), notes=notes)

    def _end(self) -> None:
        writer, self._writer, self._latest = self._writer, None, None
        if writer is not None:
            with suppress(RecordingError):
                writer.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


def _locked(path: Path) -> int:
    """An open file that holds the lock as long as it is open. Raises BusyError, and RecordingError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise BusyError from None
    except OSError as error:
        os.close(lock)
        raise RecordingError(f"{path}: {error.strerror}") from None
    return lock
