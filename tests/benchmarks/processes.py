"""Resources used by a process and its descendants, from /proc (Linux)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text()
        except (FileNotFoundError, ProcessLookupError):
            # The thread has ended meanwhile.
            continue
        for child in found.split():
            yield from tree(int(child))


def own_cpu_seconds(pid: int) -> float:
    """CPU time (user and system) of a process so far, to the nanosecond, threads that have ended included."""
    # clock_getcpuclockid(3): the kernel's number of a process' CPU clock is its inverted id beside the kind of clock.
    return time.clock_gettime((~pid << 3) | 2)


def waited_seconds() -> float:
    """Time for which the calling thread was ready to run and had no core, because others had them (Linux)."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and of its descendants that still run (seconds)."""
    return sum(own_cpu_seconds(each) for each in tree(pid))


def rss_mib(pid: int) -> float:
    """Resident set of the tree in MiB; pages that its processes share count for each."""
    return sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in tree(pid)) * _PAGE / 2**20
