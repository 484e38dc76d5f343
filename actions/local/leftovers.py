"""The belongings of a server, and its remains: processes, shared memory, sockets."""

from __future__ import annotations

import os
import re
import socket
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from actions.local.environment import SERVER_ID
from actions.local.own_names import mark_of
from fleet.dataclass import dataclass
from fleet.local.process import Identity, group
from fleet.local.record import ServerRecord

SHARED: Final = "/dev/shm"  # noqa: S108 - where shared memory is, not a file of ours

_RANDOM: Final = re.compile(r"/(?:psm_|sem\.|torch_|nccl-|__KMP_|VLLM|vllm)")
"""Name patterns of files that vLLM and its libraries leave there."""
_OF_ANOTHER: Final = re.compile(r"(?:psm_|sem\.mp-|BUFFER_)[0-9a-f]{12}")
"""Names with a server's mark: this one's are removed, another's are not."""


@dataclass(frozen=True, slots=True)
class ServerResources:
    """The belongings of a server at one moment."""

    processes: tuple[Identity, ...] = ()
    """Oldest first."""
    shared: frozenset[str] = frozenset()
    """Shared memory files that only its processes have open or mapped."""
    ports: tuple[int, ...] = ()
    """TCP ports that it listens on."""

    def merged_with(self, later: ServerResources) -> ServerResources:
        """Return these combined with later ones."""
        known = {each.pid: each for each in (*self.processes, *later.processes)}
        return ServerResources(
            tuple(sorted(known.values(), key=lambda each: each.started)), self.shared | later.shared, later.ports
        )

    @property
    def alive(self) -> tuple[Identity, ...]:
        """Processes of these that still run."""
        return tuple(each for each in self.processes if each.alive)


def survey(record: ServerRecord) -> ServerResources:
    """Return everything that belongs to a server now. Reads every process of the machine: tens of milliseconds, off the
    loop.
    """
    processes = {each.pid: each for each in group(record.identity)}
    for process in psutil.process_iter():
        if process.pid in processes:
            continue
        # Other users' processes hide their environment, and are not ours.
        with suppress(psutil.Error, OSError):
            if process.environ().get(SERVER_ID) == record.id and process.status() != psutil.STATUS_ZOMBIE:
                processes[process.pid] = Identity(process.pid, process.create_time())
    found = tuple(sorted(processes.values(), key=lambda each: each.started))
    return ServerResources(found, _shared(processes), _ports(found))


def left_of(record: ServerRecord, had: ServerResources) -> ServerResources:
    """Return what remains of its belongings. Shared memory that another process now uses is not counted."""
    now = survey(record)
    named = {path for path in _names().values() if mark_of(record.id) in Path(path).name}
    shared = named | {path for path in had.shared | now.shared | {*record.shared} if Path(path).exists()}
    others = {path for path, pids in _holders().items() if pids - {each.pid for each in now.processes}}
    alive = {each.pid: each for each in (*now.processes, *had.alive)}
    return ServerResources(tuple(alive.values()), frozenset(shared - others), now.ports)


def perhaps_of(record: ServerRecord) -> tuple[str, ...]:
    """Return shared memory files created since the server started, owned by this login and used by no process.

    They may be the server's, whose compiled code names such files at random, or another program's, which may need them
    again. So they are reported, and not removed.
    """
    holders, found = _holders(), []
    for path in _names().values():
        with suppress(OSError):
            status = os.stat(path)  # noqa: PTH116 - beside scandir
            mine = status.st_uid == os.getuid() and status.st_ctime >= record.begun
            if mine and path not in holders and not _OF_ANOTHER.search(path) and _RANDOM.search(path):
                found.append(path)
    return tuple(sorted(found))


def sockets_in(folder: str) -> list[Path]:
    """Return the sockets in a folder; none if it is gone."""
    try:
        return [entry for entry in Path(folder).iterdir() if stat.S_ISSOCK(entry.lstat().st_mode)]
    except OSError:
        return []


def _shared(processes: Iterable[int]) -> frozenset[str]:
    mine = frozenset(processes)
    return frozenset(path for path, pids in _holders().items() if pids & mine and not pids - mine)


def _holders() -> dict[str, set[int]]:
    """Return shared memory file → the processes that have it open or mapped, as far as permitted (Linux)."""
    names = _names()
    holders: dict[str, set[int]] = {}
    # If it has no files, none can be open.
    for pid in psutil.pids() if names else ():
        # A process of another person, or one that has just ended.
        with suppress(OSError):
            for path in _open(pid) | _mapped(pid, names):
                holders.setdefault(path, set()).add(pid)
    return holders


def _open(pid: int) -> set[str]:
    found = set()
    # A busy machine has thousands of links: no object is created for each.
    with os.scandir(f"/proc/{pid}/fd") as links:
        for link in links:
            with suppress(OSError):
                target = os.readlink(link.path)  # noqa: PTH115 - beside scandir
                # An unlinked file disappears with the process that has it open.
                if target.startswith(f"{SHARED}/") and not target.endswith(" (deleted)"):
                    found.add(target)
    return found


def _mapped(pid: int, names: Mapping[tuple[str, str], str]) -> set[str]:
    """Return files by inode: a named semaphore is mapped under the name of a temporary file, which no longer exists."""
    with open(f"/proc/{pid}/maps", errors="replace") as maps:  # noqa: PTH123 - beside scandir
        text = maps.read()
    if f" {SHARED}/" not in text:
        return set()
    lines = [line.split(maxsplit=5) for line in text.splitlines() if f" {SHARED}/" in line]
    return {names[device, inode] for _, _, _, device, inode, _ in lines if (device, inode) in names}


def _names() -> dict[tuple[str, str], str]:
    """Return device and inode of each shared memory file, in the kernel's format for mappings."""
    found = {}
    with suppress(OSError), os.scandir(SHARED) as entries:
        device = os.stat(SHARED).st_dev  # noqa: PTH116 - beside scandir
        key = f"{os.major(device):02x}:{os.minor(device):02x}"
        found = {(key, str(entry.inode())): entry.path for entry in entries}
    return found


def _ports(processes: Iterable[Identity]) -> tuple[int, ...]:
    ports = set()
    for each in processes:
        with suppress(psutil.Error):
            process = each.process()
            for connection in process.net_connections("tcp") if process is not None else ():
                if connection.status == psutil.CONN_LISTEN and connection.family in (socket.AF_INET, socket.AF_INET6):
                    ports.add(connection.laddr.port)
    return tuple(sorted(ports))


def owner_of(record: ServerRecord) -> str:
    """Return the owner of the process; empty where it has ended, or for this login itself."""
    process = record.identity.process()
    with suppress(psutil.Error):
        if process is not None and process.uids().real != os.getuid():
            return process.username()
    return ""
