"""Watches the servers on this machine: their processes, logs and endpoints, about once a second."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import field, replace
from pathlib import Path
from typing import Final

import httpx

from fleet.dataclass import dataclass
from fleet.local.eta import PastStart, estimate, read_starts
from fleet.local.phases import StageReader
from fleet.local.process import group, listens
from fleet.local.record import ServerRecord, read_records
from fleet.local.server import Phase, ServerState, StartStage
from fleet.local.server_log import reason_of
from fleet.local.tail import Tail
from fleet.model.log_reasons import FULL
from fleet.model.log_wording import Reason
from fleet.net.http import client

TIMEOUT: Final = 2.0
"""Seconds for an answer of a server."""
HEALTH_INTERVAL: Final = 5.0
"""Seconds between two requests to a healthy server: most versions log each of them."""
LINES_SEARCHED: Final = 2000
"""Lines of a log searched for the reason of a death: the tracebacks of eight workers (some 60 lines each), the engine
and the API server follow the line that explains it.
"""
LINES_SHOWN: Final = 20
"""Number of them that are shown, from the end."""
REMEDY_ORPHANS: Final = "stop it: that ends them"
"""Remedy for processes that outlive their server: its workers may hold the GPU's memory."""
LAST_OUTPUT: Final = 1 << 16
"""Bytes of disk that must be free for a dying server's last output."""
PORT_TAKEN: Final = "another process answers at its port"
"""vLLM binds its port at the start and listens once it is loaded. In between, another process can take the port: then
vLLM hangs, and its log does not say so.
"""


@dataclass(slots=True)
class _Watched:
    """State of one server between two polls."""

    tail: Tail
    reader: StageReader
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_SEARCHED))
    healthy: bool | None = None
    checked: float = 0.0
    """Time of the last health check."""
    models: tuple[str, ...] = ()
    ready: float | None = None
    dead: ServerState | None = None
    """Final state of a dead server, once none of its processes are left."""
    seen_alive: bool = False
    """True once a poll found its process."""
    died: float | None = None
    reason: Reason | None = None
    """Reason of its death, by the lines read so far; None when further lines have come since."""
    problem: str = ""
    """The reason why its key cannot be read; empty for none."""
    port_taken: bool = False
    """True if another process answers at its port."""


class Watcher:
    """Watches the servers recorded in ``folder``. Belongs to one event loop; close it."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._watched: dict[str, _Watched] = {}
        self._http: httpx.AsyncClient | None = None
        self.problems: tuple[str, ...] = ()
        """Failures to read at the last poll, in words."""

    async def poll(self) -> tuple[ServerState, ...]:
        """All servers as they are now, by name."""
        records, problems = await asyncio.to_thread(read_records, self._folder)
        starts = await asyncio.to_thread(read_starts, self._folder)
        self._watched = {r.id: self._watched.get(r.id) or self._begin(r) for r in records}
        found = await asyncio.gather(*(self._poll_server(record, starts) for record in records))
        self.problems = problems + tuple(
            words for record in records for words in _problems(record, self._watched[record.id]) if words
        )
        return tuple(found)

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def _begin(self, record: ServerRecord) -> _Watched:
        return _Watched(Tail(record.log), StageReader(record.begun), ready=record.ready)

    async def _poll_server(self, record: ServerRecord, starts: tuple[PastStart, ...]) -> ServerState:
        watched = self._watched[record.id]
        if watched.dead is not None:
            return replace(watched.dead, record=record)
        # Checked before the log is read, so that the log has everything written before the end.
        alive = await asyncio.to_thread(lambda: record.identity.alive)
        now = self._clock()
        await asyncio.to_thread(_read, watched, now)
        if not alive:
            watched.port_taken = False
            state, left = await asyncio.to_thread(_dead, record, watched, now)
            watched.dead = None if left else state
            return state
        watched.seen_alive = True
        stages = watched.reader.stages
        stage = stages[-1]
        if stage.phase is not Phase.STOPPING:
            await self._ask(record, watched, stage, now)
            stage, stages = _stage_by_endpoints(watched, stages, now)
        loading = stage.phase not in (Phase.READY, Phase.STOPPING)
        return ServerState(
            # The starting program may not have recorded the time of readiness yet.
            replace(record, ready=record.ready or watched.ready),
            now,
            stage,
            stages,
            eta=estimate(starts, record, stages, now) if loading else None,
            tail=tuple(watched.lines)[-LINES_SHOWN:],
            healthy=watched.healthy,
            models=watched.models,
        )

    async def _ask(self, record: ServerRecord, watched: _Watched, stage: StartStage, now: float) -> None:
        """Poll its endpoints. Ready means: healthy, with a model listed, and no other process at its port."""
        if watched.healthy and watched.models and 0 <= now - watched.checked < HEALTH_INTERVAL:
            return
        status = await self._get(record, "/health")
        watched.checked = now
        watched.healthy = status is not None and status.status_code == httpx.codes.OK
        watched.port_taken = False
        if not watched.healthy or watched.models:
            return
        # Checked before its key is sent: another process on its port must not get the key, whatever the log shows.
        watched.healthy = await asyncio.to_thread(listens, record.identity, record.spec.port)
        watched.port_taken = not watched.healthy
        if watched.port_taken:
            return
        listed = await self._get(record, "/v1/models")
        names = _names(listed) if listed is not None and listed.status_code == httpx.codes.OK else ()
        if names:
            watched.models = names
            watched.ready = watched.ready or (stage.began if stage.phase is Phase.READY else now)

    async def _get(self, record: ServerRecord, path: str) -> httpx.Response | None:
        if self._http is None:
            self._http = client(TIMEOUT)
        headers = {}
        watched = self._watched[record.id]
        if record.keyed and path.startswith("/v1"):
            try:
                headers["Authorization"] = f"Bearer {record.key}"
                watched.problem = ""
            except OSError as error:
                watched.problem = f"{record.name}: its API key cannot be read: {error.strerror or error}"
        try:
            return await self._http.get(f"{record.spec.url}{path}", headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None


def _problems(record: ServerRecord, watched: _Watched) -> tuple[str, ...]:
    """Return the problems of a server that lives, in words; empty ones for none."""
    what = f"another process answers at its port: stop it, and start it at a port other than {record.spec.port}"
    return watched.problem, f"{record.name}: {what}" if watched.port_taken else ""


def _dead(record: ServerRecord, watched: _Watched, now: float) -> tuple[ServerState, bool]:
    """Return how it ended, and whether processes of it are left. Blocks: all processes are searched."""
    if watched.reason is None:
        watched.reason = reason_of(tuple(watched.lines), was_ready=watched.ready is not None)
        if watched.reason.id == "killed" and _is_full(record.folder):
            # The disk had no room for its last lines.
            watched.reason = FULL
    reason = watched.reason
    left = group(record.identity)
    if left:
        what = f"{reason.text}; {len(left)} of its processes still run"
        reason = replace(reason, text=what, remedy="; ".join(filter(None, (REMEDY_ORPHANS, reason.remedy))))
    watched.died = watched.died or _end_of(record, watched, now)
    stage = StartStage(Phase.DEAD, watched.died, reason.text)
    state = ServerState(
        record,
        now,
        stage,
        (*watched.reader.stages, stage),
        reason=reason,
        tail=tuple(watched.lines)[-LINES_SHOWN:],
        models=watched.models,
        # A loading server logs continuously: its last line marks its end.
        end_seen=watched.seen_alive or watched.ready is None,
    )
    return state, bool(left)


def _is_full(folder: str) -> bool:
    """True if the disk has no room, or no inode, for a few more lines."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    no_inodes = disk.f_files > 0 and disk.f_favail == 0
    return disk.f_bavail * disk.f_frsize < LAST_OUTPUT or no_inodes


def _end_of(record: ServerRecord, watched: _Watched, now: float) -> float:
    """Return when it ended: now, if it was alive at the previous poll; else its last sign of life, from its log."""
    if watched.seen_alive:
        return now
    try:
        written = record.log.stat().st_mtime
    except OSError:
        written = 0.0
    return min(now, max(record.begun, record.ready or 0.0, written))


def _read(watched: _Watched, now: float) -> None:
    """Read what was logged since the last poll. Blocks."""
    while lines := watched.tail.read():
        for line in lines:
            watched.reader.feed(line, now)
            if line.strip():
                watched.lines.append(line)
                watched.reason = None
    if watched.tail.unfinished:
        # A progress bar: its line ends when it completes.
        watched.reader.feed(watched.tail.unfinished, now)


def _stage_by_endpoints(
    watched: _Watched, stages: tuple[StartStage, ...], now: float
) -> tuple[StartStage, tuple[StartStage, ...]]:
    """Return the stage according to the endpoints: they decide readiness, whatever the log shows."""
    last = stages[-1]
    if watched.models or watched.ready is not None:
        detail = PORT_TAKEN if watched.port_taken else "" if watched.healthy else "does not answer"
        if last.phase is Phase.READY:
            stage = replace(last, began=watched.ready or last.began, detail=detail)
            return stage, (*stages[:-1], stage)
        stage = StartStage(Phase.READY, watched.ready or now, detail)
        return stage, (*stages, stage)
    if last.phase is Phase.READY:
        # The log says so; the endpoints follow a moment later.
        before = stages[-2] if len(stages) > 1 else last
        stage = replace(before, phase=before.phase, detail=PORT_TAKEN if watched.port_taken else "starting to listen")
        return stage, (*stages[:-2], stage)
    if watched.port_taken and not last.total:
        stage = replace(last, detail=PORT_TAKEN)
        return stage, (*stages[:-1], stage)
    return last, stages


def _names(response: httpx.Response) -> tuple[str, ...]:
    try:
        return tuple(str(model["id"]) for model in response.json()["data"])
    except (ValueError, KeyError, TypeError):
        return ()
