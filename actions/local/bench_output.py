"""Output of ``vllm bench serve`` while it runs, and the files that it leaves."""

from __future__ import annotations

import codecs
import math
import re
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fleet.local.benches import ConcurrencyLevel
from fleet.local.errors import LocalError
from fleet.metrics.engines.vllm_log import OTHER_BUILD
from fleet.model.log_reasons import ILLEGAL_INSTRUCTION

_KEPT: Final = 200
"""Lines of its output that are searched for errors."""
_LONGEST: Final = 300
"""Characters of a line of it that are shown."""
# tqdm's bar: ``62%|██████▎   | 5/8 [00:12<00:07,  2.41s/it]``.
_BAR: Final = re.compile(r"\|\s*(\d+)/(\d+) \[[\d:]+<([\d:]+|\?)")
_MISSING: Final = re.compile(r"No module named '([\w.]+)'")
_EXTRA: Final = re.compile(r"Please install vllm\[(\w+)\]")
_OF_EXTRA: Final = {"bench": "pandas datasets"}
_ERROR: Final = re.compile(r"(?:[\w.]*(?:Error|Exception|Refused|Timeout)\b|vllm[\w ]*: error:)")
_FRAME: Final = re.compile(r'\s+File ".*", line \d+ in ')
_FAILED: Final = re.compile(r"Error 0: ?(.*)")


class Output:
    """Takes its output as it comes: how many requests were answered, and its last lines."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self.done = 0
        """Requests that were answered, or failed."""
        self.total = 0
        """0 before the first one is sent: it imports vLLM and makes up the prompts first."""
        self.left: float | None = None
        """Seconds that it expects to take yet."""
        self.failure = ""
        """Error of the first failed request; empty if the output has none."""
        self._in_traceback = False

    def feed(self, chunk: bytes) -> None:
        """More of it, cut anywhere."""
        self._rest += self._decoder.decode(chunk)
        # The bar overwrites itself with carriage returns, without a line break.
        *lines, self._rest = re.split(r"[\r\n]+", self._rest)
        for line in (*lines, self._rest):
            found = _BAR.search(line)
            if found:
                self.done, self.total, self.left = int(found[1]), int(found[2]), _seconds(found[3])
        # Its echoed arguments are a useless line of 5,000 characters.
        kept = [line for line in lines if line.strip() and not _BAR.search(line) and "Namespace(" not in line]
        self._lines += kept
        for line in kept:
            self._look_for_failure(line)

    @property
    def lines(self) -> list[str]:
        """The last ones, without bars and empty ones."""
        rest = self._rest if self._rest.strip() and not _BAR.search(self._rest) else ""
        return [*self._lines, *([rest] if rest else [])]

    def _look_for_failure(self, line: str) -> None:
        """Look for a failed request. It lists up to ten, each with a traceback: the first is caught while it passes."""
        begins = _FAILED.match(line)
        if begins and not self.failure:
            self._in_traceback = begins[1].startswith("Traceback")
            self.failure = _shorten(begins[1])
        elif self._in_traceback and _ERROR.match(line):
            self.failure, self._in_traceback = _shorten(line), False


def why_ended(code: int, output: Output, python: str) -> LocalError:
    """Return why it ended without numbers, in words. ``python``: how the environment of its vLLM installs packages."""
    lines = output.lines
    extra = next((found[1] for line in reversed(lines) if (found := _EXTRA.search(line))), "")
    missing = next((found[1] for line in reversed(lines) if (found := _MISSING.search(line))), "")
    if extra:
        # By their own names if known: builds of vLLM for other hardware have other package names.
        packages = _OF_EXTRA.get(extra, f"'vllm[{extra}]'")
        return LocalError(f"vllm bench serve lacks the extra vllm[{extra}]", f"{python} -m pip install {packages}")
    if missing:
        package = missing.partition(".")[0]
        return LocalError(f"vllm bench serve lacks the package {package}", f"{python} -m pip install {package}")
    # A shell reports 128 plus the signal's number.
    if (number := -code if code < 0 else code - 128) in set(signal.Signals):
        return _ended_by(signal.Signals(number), lines)
    last = next((line for line in reversed(lines) if _ERROR.match(line)), lines[-1] if lines else "")
    reason = f": {_shorten(last)}" if last else ", without output"
    if not code:
        return LocalError(f"vllm bench serve ended without results{reason}")
    return LocalError(f"vllm bench serve failed with {code}{reason}")


_BY_SIGNAL: Final[Mapping[signal.Signals, tuple[str, str]]] = {
    signal.SIGILL: (ILLEGAL_INSTRUCTION, OTHER_BUILD),
    signal.SIGKILL: (
        "it was killed, by a person or by the kernel for lack of memory",
        "Is there memory left? See dmesg.",
    ),
    signal.SIGBUS: (
        "a file that it had mapped was truncated, or /dev/shm is full",
        "Is there room in /dev/shm and on the disk?",
    ),
}
_CRASHES: Final = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGTRAP})


def _ended_by(number: signal.Signals, lines: Sequence[str]) -> LocalError:
    """Return why it ended by a signal: most of them it gives to itself."""
    what, remedy = _BY_SIGNAL.get(number, ("it was terminated by somebody", ""))
    if number in _CRASHES:
        what, remedy = "it crashed in compiled code", "Does vllm bench serve run by hand, in the same environment?"
    frame = next((line for line in lines if _FRAME.match(line)), "")
    return LocalError(f"vllm bench serve ended by {number.name}: {what}{_frame_text(frame)}", remedy)


def _frame_text(frame: str) -> str:
    """Return the place that Python's faulthandler names."""
    return f" ({_shorten(frame)})" if frame else ""


def level_of(document: Mapping[str, Any], concurrency: int, requests: int) -> ConcurrencyLevel:
    """Return its result file as a level. Latencies in the file are in milliseconds. Raises LocalError for an invalid
    file.
    """
    completed, duration = _number(document, "completed"), _number(document, "duration")
    if completed is None or duration is None:
        raise LocalError("the result of vllm bench serve cannot be read: it has no count or no duration")

    def latency(name: str) -> float | None:
        value = _number(document, name)
        # It writes 0 for a percentile without samples, such as token gaps of one-token answers.
        return value / 1000 if value else None

    failed = _number(document, "failed")
    return ConcurrencyLevel(
        concurrency,
        requests,
        # Earlier versions do not count them.
        round(requests - completed if failed is None else failed),
        duration,
        _number(document, "request_throughput") or 0.0,
        _number(document, "output_throughput") or 0.0,
        *(latency(f"p{p}_{name}_ms") for name in ("ttft", "itl", "e2el") for p in (50, 95, 99)),
    )


def _number(document: Mapping[str, Any], name: str) -> float | None:
    value = document.get(name)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _seconds(text: str) -> float | None:
    """``1:02:03`` or ``02:03``; None for ``?``."""
    if text == "?":
        return None
    seconds = 0
    for part in text.split(":"):
        seconds = seconds * 60 + int(part or 0)
    return float(seconds)


def _shorten(line: str) -> str:
    text = " ".join(line.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
