"""Traces of servers on a machine, found without any code of the project."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

SHARED = Path("/dev/shm")  # noqa: S108 - looked at


@dataclass(frozen=True)
class Traces:
    """Traces of some processes at one moment."""

    processes: frozenset[psutil.Process]
    shared: frozenset[str]
    """Files in /dev/shm that they have open or mapped."""
    sockets: frozenset[str]
    """Paths of their Unix sockets."""
    ports: frozenset[int]
    """TCP ports at which they listen."""
    folders: frozenset[str]
    """Working folders of the processes."""

    @staticmethod
    def of(processes: Iterable[psutil.Process]) -> Traces:
        """Look at them now."""
        looked = frozenset(processes)
        shared, sockets, ports, folders = set[str](), set[str](), set[int](), set[str]()
        for process in looked:
            with suppress(psutil.NoSuchProcess):
                shared |= _shared(process)
                folders.add(process.cwd())
                for connection in process.net_connections("all"):
                    if isinstance(connection.laddr, str) and connection.laddr.startswith("/"):
                        sockets.add(connection.laddr)
                    elif connection.status == psutil.CONN_LISTEN and connection.laddr:
                        ports.add(connection.laddr[1])
        return Traces(looked, frozenset(shared), frozenset(sockets), frozenset(ports), frozenset(folders))

    def left(self) -> list[str]:
        """Return the traces that are still there, in words."""
        alive = (p for p in self.processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE)
        found = [f"process {process.pid}" for process in alive]
        found += [path for path in self.shared | self.sockets if Path(path).exists()]
        connections = psutil.net_connections("tcp")
        listening = [(c.laddr[1], c.pid) for c in connections if c.status == psutil.CONN_LISTEN and c.laddr]
        # Whoever else asks for a free port may be given one of them.
        held = {port for port, pid in listening if port in self.ports and (not pid or _folder(pid) in self.folders)}
        return found + [f"port {port}" for port in held]


def _folder(pid: int) -> str:
    with suppress(psutil.Error):
        return psutil.Process(pid).cwd()
    return ""


def _shared(process: psutil.Process) -> set[str]:
    """Files in /dev/shm that it has open or mapped; mapped ones by inode: a semaphore is mapped by another name."""
    names = {entry.inode(): entry.path for entry in os.scandir(SHARED)}
    with suppress(OSError, psutil.Error):
        opened = {file.path for file in process.open_files() if file.path.startswith(f"{SHARED}/")}
        maps = Path(f"/proc/{process.pid}/maps").read_text(errors="replace").splitlines()
        inodes = {int(line.split(maxsplit=5)[4]) for line in maps if f" {SHARED}/" in line}
        return opened | {names[inode] for inode in inodes if inode in names}
    return set()
