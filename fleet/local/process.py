"""The identity of a process: a pid alone is given to another one some day."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress

import psutil

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """A process for as long as it lives, and never one that got its pid later."""

    pid: int
    started: float
    """Unix time at which it began, as the system counts it."""

    @property
    def alive(self) -> bool:
        """Whether it still runs. One that has ended and was not waited for yet (a zombie) does not."""
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
"""Seconds by which the begin of one process may seem to move: it is counted from the boot, whose time NTP corrects."""


def identify(pid: int) -> Identity:
    """The process that has this pid now. Raises psutil.NoSuchProcess."""
    return Identity(pid, psutil.Process(pid).create_time())


def group(identity: Identity) -> tuple[Identity, ...]:
    """The process, what it started, and what else is in its session: all that ends with a server. Newest last.

    The session is looked for also where the process itself has ended: its workers may live on.
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
            # The server leads its session: its id is the leader's pid, which nobody gets while the session lives.
            if os.getsid(process.pid) == identity.pid and process.create_time() >= identity.started - CLOCK_STEP:
                _keep(found, process)
        except (OSError, psutil.Error):
            continue
    return tuple(sorted(found.values(), key=lambda each: each.started))


def owners(pids: Iterable[int], of: Mapping[Identity, str]) -> dict[int, str]:
    """Pid → what ``of`` says of the process that it belongs to; pids that belong to none of them are left out.

    Asks about these few alone, where ``group`` looks at every process there is.
    """
    leaders = {identity.pid: name for identity, name in of.items() if identity.alive}
    found = {}
    for pid in pids if leaders else ():
        try:
            line = (pid, os.getsid(pid), *(parent.pid for parent in psutil.Process(pid).parents()))
        except (OSError, psutil.Error):
            # It has ended meanwhile, or is none of this pid namespace.
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
    """Whether one of ``group`` listens at a TCP port: another server there would answer for it. Blocks."""
    for each in group(identity):
        with suppress(psutil.Error):
            process = each.process()
            for connection in process.net_connections("tcp") if process is not None else ():
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return True
    return False
