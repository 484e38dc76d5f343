"""The progress of a start, from the lines of vLLM's log: V0 and V1, GPUs and CPUs, one rank and many.

The wording is that of vLLM 0.6 to 0.33; a line worded differently leaves the phase unchanged, and the endpoints show
when the server is ready.
"""

# ruff: noqa: E501  a pattern is not cut in two
from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from fleet.local.server import Phase, StartStage
from fleet.local.server_log import without_process

_ORDER: Final = {phase: number for number, phase in enumerate(Phase)}
READ: Final = 1000
"""Characters of a line that are read: configurations and prompts can make lines of any length."""
_THROUGH: Final = frozenset({"read", "done", "engine ready", "the weights are here"})
_STAMP: Final = re.compile(r"\b(?:DEBUG|INFO|WARNING|ERROR) (\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)\b")
_SHARDS: Final = re.compile(r"[Ll]oading (?:[\w ]*shards|safetensors using [\w ]+): .*?(\d+)/(\d+)")
_FETCHING: Final = re.compile(r"Fetching (\d+) files:.*?(\d+)/\d+")
_GETTING: Final = re.compile(r"^(\S+\.(?:safetensors|bin|pt|gguf)):\s+(\d+)%")
_GRAPHS: Final = re.compile(r"Capturing (?:[\w-]+ )*?(?:CUDA ?)?graphs?\b.*?(\d+)/(\d+)", re.IGNORECASE)
_PHASES: Final[tuple[tuple[re.Pattern[str], Phase, str], ...]] = tuple(
    (re.compile(pattern), phase, detail)
    for pattern, phase, detail in (
        (r"\[shutdown\] API server: shutdown triggered|^INFO:\s+Shutting down", Phase.STOPPING, ""),
        (r"Application startup complete", Phase.READY, ""),
        (r"Time spent downloading weights", Phase.DOWNLOADING, "the weights are here"),
        (r"Loading weights took|Model loading took|Loading model weights took", Phase.LOADING, "read"),
        (r"Starting to load model|Loading model weights|Loading weights from|Using model weights format", Phase.LOADING, ""),
        (r"Warming up model for the compilation", Phase.COMPILING, "warm-up"),
        (r"Using cache directory: .*torch_compile|Dynamo bytecode transform|Compiling a graph|Cache the graph|Directly load ", Phase.COMPILING, ""),
        (r"torch\.compile t(?:akes|ook)|Warming up done|saved AOT compiled", Phase.COMPILING, "done"),
        (r"Memory profiling takes|[Pp]rofiling run took|Available KV cache memory|# (?:GPU|cuda|CPU) blocks", Phase.COMPILING, "measuring memory"),
        (r"Capturing the model for CUDA graphs|Capturing (?:CUDA |cuda)graph", Phase.CAPTURING, ""),
        (r"Graph capturing finished", Phase.CAPTURING, "done"),
        (r"init engine .* took", Phase.COMPILING, "engine ready"),
    )
)  # fmt: skip


class StageReader:
    """The stages of one start. Feed it every line in order."""

    def __init__(self, began: float) -> None:
        self._stages = [StartStage(Phase.STARTING, began)]
        self._stamped: float | None = None
        """Time of the last line with a timestamp: uvicorn's lines have none, and follow immediately."""

    @property
    def stages(self) -> tuple[StartStage, ...]:
        """The stages so far, in order."""
        return tuple(self._stages)

    def feed(self, line: str, at: float) -> None:
        """One line, read at ``at`` (Unix time); its own stamp counts where it has one."""
        time_of = stamp(line, at)
        if time_of != at:
            self._stamped = time_of
        found = read(without_process(line))
        if found is None:
            return
        phase, detail, done, total = found
        current = self._stages[-1]
        if current.phase is Phase.DOWNLOADING and phase is Phase.LOADING and not (total or detail):
            # Another rank starts, and will wait for the same download.
            return
        if current.phase is Phase.LOADING and phase is Phase.DOWNLOADING and not (current.total or current.detail):
            # The log reports loading before it finds that the weights are missing.
            self._stages[-1] = StartStage(phase, current.began, detail, done, total)
            return
        if _ORDER[phase] < _ORDER[current.phase]:
            # Ranks differ in speed: lines about a phase that one rank has passed add nothing.
            return
        if phase is current.phase:
            if not total:
                # A line without a count keeps the count, completed if the line says that it is done.
                total = current.total
                done = total if detail in _THROUGH else current.done
            self._stages[-1] = replace(current, detail=detail or current.detail, done=done, total=total)
        else:
            began = time_of if time_of != at or self._stamped is None else self._stamped
            self._stages.append(StartStage(phase, max(current.began, began), detail, done, total))


def read(line: str) -> tuple[Phase, str, float, float] | None:
    """Return the phase, detail and progress (done, total) that a line reports; None if it reports none."""
    line = line[:READ]
    if match := _SHARDS.search(line):
        done, total = int(match[1]), int(match[2])
        return Phase.LOADING, f"shard {done} of {total}", done, total
    if match := _GRAPHS.search(line):
        done, total = int(match[1]), int(match[2])
        return Phase.CAPTURING, f"graph {done} of {total}", done, total
    if match := _FETCHING.search(line):
        total, done = int(match[1]), int(match[2])
        return Phase.DOWNLOADING, f"file {done} of {total}", done, total
    if match := _GETTING.search(line):
        return Phase.DOWNLOADING, f"{match[1]} {match[2]} %", 0.0, 0.0
    for pattern, phase, detail in _PHASES:
        if pattern.search(line):
            return phase, detail, 0.0, 0.0
    return None


def stamp(line: str, at: float) -> float:
    """Unix time of a line: vLLM stamps month, day and local time, and no year. ``at`` where it has none."""
    match = _STAMP.search(line[:READ])
    if match is None:
        return at
    month, day, hour, minute, second = map(int, match.groups())
    now = datetime.fromtimestamp(at, UTC)
    for year in (now.year, now.year - 1):
        try:
            # Local time: the log is from this machine.
            then = time.mktime((year, month, day, hour, minute, second, 0, 0, -1))
        except (OverflowError, ValueError):
            return at
        if then <= at + 86400:
            return min(then, at)
    return at
