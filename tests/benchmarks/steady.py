"""Programs that run side by side for a while: what each uses, by the clock and per refresh."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tests.benchmarks.processes import cpu_seconds, rss_mib
from tests.benchmarks.result import CannotMeasureError
from tests.benchmarks.stage import VALUE
from tests.benchmarks.terminal import Terminal, on_terminal


@dataclass(frozen=True, slots=True)
class Program:
    """A command line, and the function that counts its refreshes so far."""

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    refreshes: Callable[[], int]
    shows: str = VALUE
    """Pattern of its screen when it works."""


@dataclass(frozen=True, slots=True)
class Used:
    """Resources that a program used in one window."""

    program: str
    cpu_ms: float
    seconds: float
    refreshes: int
    bytes_written: int
    rss_mib: float

    @property
    def cpu_ms_per_refresh(self) -> float:
        """Raises CannotMeasureError if it requested no fresh data."""
        if not self.refreshes:
            raise CannotMeasureError(f"{self.program} asked for no fresh numbers in {self.seconds:.0f} s")
        return self.cpu_ms / self.refreshes

    @property
    def cpu_percent(self) -> float:
        """Percent of one core."""
        return self.cpu_ms / self.seconds / 10


def side_by_side(
    programs: Sequence[Program], rounds: int, seconds: float, warm: float = 6.0
) -> dict[str, tuple[Used, ...]]:
    """Start all, let them warm up, and look at each at the beginning and end of every window of ``seconds``.

    They run at the same time: whatever else this machine does meets all of them alike. Raises NotShownError where one
    does not show the fleet.
    """
    used: dict[str, list[Used]] = {program.name: [] for program in programs}
    with ExitStack() as stack:
        terminals = [stack.enter_context(on_terminal(program.arguments, program.environ)) for program in programs]
        for program, terminal in zip(programs, terminals, strict=True):
            terminal.first(program.shows, 60.0)
        time.sleep(warm)
        marks = [_mark(program, terminal) for program, terminal in zip(programs, terminals, strict=True)]
        for _ in range(rounds):
            time.sleep(seconds)
            _until_refreshed(programs, marks)
            for at, (program, terminal) in enumerate(zip(programs, terminals, strict=True)):
                before, marks[at] = marks[at], _mark(program, terminal)
                used[program.name].append(_between(program.name, before, marks[at], rss_mib(terminal.pid)))
    return {name: tuple(windows) for name, windows in used.items()}


@dataclass(frozen=True, slots=True)
class _Mark:
    at: float
    cpu: float
    refreshes: int
    written: int


def _until_refreshed(programs: Sequence[Program], marks: Sequence[_Mark]) -> None:
    """Wait until all programs have refreshed.

    On a busy machine a short window may end before a program has asked for anything; it is extended then. A program
    that asks for nothing within a minute is reported later.
    """
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        if all(program.refreshes() > mark.refreshes for program, mark in zip(programs, marks, strict=True)):
            return
        # The servers count their requests, and nothing announces the next one.
        time.sleep(0.1)


def _mark(program: Program, terminal: Terminal) -> _Mark:
    return _Mark(time.monotonic(), cpu_seconds(terminal.pid), program.refreshes(), terminal.bytes_written)


def _between(program: str, before: _Mark, after: _Mark, rss: float) -> Used:
    return Used(
        program,
        cpu_ms=(after.cpu - before.cpu) * 1e3,
        seconds=after.at - before.at,
        refreshes=after.refreshes - before.refreshes,
        bytes_written=after.written - before.written,
        rss_mib=rss,
    )
