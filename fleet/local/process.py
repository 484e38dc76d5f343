"""The identity of a process: a pid alone may be reused."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress

import psutil

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """A process while it lives; never a later one with the same pid."""

    pid: int
    started: float
    """Unix time at which it started, by the system's clock."""

    @property
    def alive(self) -> bool:
        """True while it runs. A process that has ended but was not reaped (a zombie) does not run."""
        return self.process() is not None

    def process(self) -> psutil.Process | None:
        """The process, None where it has ended."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.started) < CLOCK_STEP and found.status() != psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None
        return found if same else None


CLOCK_STEP = 1.0
"""Tolerance for the start time of a process, in seconds: it is computed from the boot time, which NTP corrects."""


def identify(pid: int) -> Identity:
    """The process that has this pid now. Raises psutil.NoSuchProcess."""
    return Identity(pid, psutil.Process(pid).create_time())


def group(identity: Identity) -> tuple[Identity, ...]:
    """Return the process, its descendants, and the rest of its session: everything that ends with a server. Newest
    last.

    The session is searched even if the process itself has ended: its workers may outlive it.
    """
    found: dict[int, Identity] = {}
    alive = identity.process()
    children = alive.children(recursive=True) if alive is not None else []
    for process in ([alive] if alive is not None else []) + children:
        _keep(found, process)
    for process in psutil.process_iter():
        if process.pid in found:
            continue
        try:
            # The server leads its session: the session id is its pid, which is not reused while the session exists.
            if os.getsid(process.pid) == identity.pid and process.create_time() >= identity.started - CLOCK_STEP:
                _keep(found, process)
        except (OSError, psutil.Error):
            continue
    return tuple(sorted(found.values(), key=lambda each: each.started))


def owners(pids: Iterable[int], of: Mapping[Identity, str]) -> dict[int, str]:
    """Return pid → the value of ``of`` for the process that it belongs to; unrelated pids are left out.

    Reads these few processes only, where ``group`` reads all.
    """
    leaders = {identity.pid: name for identity, name in of.items() if identity.alive}
    found = {}
    for pid in pids if leaders else ():
        try:
            line = (pid, os.getsid(pid), *(parent.pid for parent in psutil.Process(pid).parents()))
        except (OSError, psutil.Error):
            # It has ended meanwhile, or is not in this pid namespace.
            continue
        owner = next((leaders[each] for each in line if each in leaders), None)
        if owner is not None:
            found[pid] = owner
    return found


def _keep(found: dict[int, Identity], process: psutil.Process) -> None:
    try:
        if process.status() != psutil.STATUS_ZOMBIE:
            found[process.pid] = Identity(process.pid, process.create_time())
    except psutil.Error:
        # It has ended since it was listed.
        return


def listens(identity: Identity, port: int) -> bool:
    """True if a process of ``group`` listens at a TCP port: a foreign server there would answer in its place.
    Blocks.
    """
    for each in group(identity):
        with suppress(psutil.Error):
            process = each.process()
            for connection in process.net_connections("tcp") if process is not None else ():
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return True
    return False
