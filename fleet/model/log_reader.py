"""Reading why a server died from the end of its log.

The root of a failure stands in the traceback of an engine or a worker; what the API server says last ("see root cause
above") is its consequence. So the reasons are looked for in the order of their table, not of the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Final

from fleet.model.log_reasons import REASONS, SERVING, STOPPED
from fleet.model.log_wording import LogWording, Reason

READY: Final = "Application startup complete"
"""The line of uvicorn with which a server begins to serve."""
_ASKED: Final = "Received signal|Shutting down|KeyboardInterrupt"
_CALM: Final = r"^INFO:|FutureWarning|UserWarning(?!.*driver on your)"
"""Arguments and configuration are full of words of trouble."""
_FAILED: Final = re.compile(r"Error|error:|Traceback|failed", re.IGNORECASE)
_TRACE: Final = re.compile(r"^\s*(?:File \"|[\^~]+$|raise \w)|Traceback \(most recent call last\)")
_CHAINED: Final = re.compile(
    r"The above exception was the direct cause of|During handling of the above exception, another"
)
_COUNTED: Final = re.compile(r"\b\d+ validation errors? for ")
_BELOW: Final = 4
"""Lines of one pydantic error: the field's path, and what is wrong."""
_TYPE: Final = re.compile(r"\s*\[type=.*")
_LINK: Final = re.compile(r"For further information visit ")
_GOES_ON: Final = re.compile(r"^INFO\b")
_NEVER: Final = r"(?!)"


class LogReader:
    """Reads the logs of servers that word their reasons in one of these ways, or as all do."""

    def __init__(self, wordings: Iterable[LogWording]) -> None:
        known = tuple(wordings)
        self._patterns = {
            row.id: _any_of(row.pattern, *(each.reasons.get(row.id, "") for each in known), flags=re.IGNORECASE)
            for row in REASONS
        }
        self._texts = {row.id: (row.text, row.remedy) for row in REASONS}
        for each in reversed(known):
            self._texts |= each.texts
        self._speaker = _any_of(*(each.speaker for each in known))
        self._stamp = _any_of(*(each.stamp for each in known))
        self._calm = _any_of(_CALM, *(each.calm for each in known))
        self._asked = _any_of(_ASKED, *(each.asked for each in known))
        self._consequence = _any_of(*(each.consequence for each in known))

    def without_process(self, line: str) -> str:
        """A line without the process that says it in front: ``(Engine_0 pid=90) INFO …`` is ``INFO …``."""
        return self._speaker.sub("", line)

    def reason_of(self, lines: Sequence[str], *, was_ready: bool = False) -> Reason:
        """Return the reason in the end of a log; its id is ``unknown`` if there is none.

        ``was_ready``: it has served, so its messages from loading cannot explain the end.
        """
        if was_ready:
            lines = _since_ready(lines)
        lines = [self.without_process(line) for line in lines]
        asked = next((number for number, line in enumerate(lines) if self._asked.search(line)), None)
        # A server that is told to stop logs many lines that look like errors.
        before = [line for line in (lines if asked is None else lines[:asked]) if not self._calm.search(line)]
        for id, pattern in self._patterns.items():  # noqa: A001 - the reason's
            if was_ready and id not in SERVING:
                continue
            found = next((at for at in reversed(range(len(before))) if pattern.search(before[at])), None)
            if found is not None:
                at = self._root(before, found) if id == "value" else found
                return Reason(id, *self._texts[id], self._quoted(before, at))
        if asked is not None:
            return STOPPED
        if was_ready:
            # It survived this error: later lines are about other requests.
            before = list(takewhile(lambda line: not _GOES_ON.search(line), reversed(lines)))[::-1]
        last = next((at for at in reversed(range(len(before))) if self._names_error(before[at])), -1)
        if last >= 0:
            line = self._quoted(before, self._root(before, last))
            return Reason("unknown", "it ended with an error", "see its log", line)
        return Reason(
            "killed",
            "it ended without a message: it was killed, by a person (kill -9) or by the kernel for lack of memory",
            "dmesg or journalctl -k shows whether it was the kernel",
        )

    def _root(self, lines: Sequence[str], at: int) -> int:
        """Return the line of the exception that caused the one at ``at``, if Python's traceback chains them."""
        while True:
            chained = next((number for number in range(at - 1, -1, -1) if _CHAINED.search(lines[number])), -1)
            if any(self._names_error(line) for line in lines[chained + 1 : at]):
                return at
            cause = next((number for number in range(chained - 1, -1, -1) if self._names_error(lines[number])), -1)
            if chained < 0 or cause < 0:
                return at
            at = cause

    def _names_error(self, line: str) -> bool:
        """True if a line names an error, and neither only leads to one nor only follows from one."""
        bare = self._stamp.sub("", line)
        return bool(_FAILED.search(line)) and not (self._consequence.search(bare) or _TRACE.search(bare))

    def _quoted(self, lines: Sequence[str], at: int) -> str:
        """Return the line; if pydantic only counts errors in it, the lines below: which value, and what is wrong."""
        line = self._plain(lines[at])
        if not _COUNTED.search(line):
            return line
        below = (self._plain(each) for each in lines[at + 1 : at + 1 + _BELOW])
        chain = [_TYPE.sub("", each) for each in takewhile(lambda each: each and not _LINK.match(each), below)]
        return ": ".join(chain) or line

    def _plain(self, line: str) -> str:
        """Return a line without the stamp in front."""
        return self._stamp.sub("", line).strip()


def _any_of(*patterns: str, flags: int = 0) -> re.Pattern[str]:
    """One pattern that finds what any of these does; an empty one finds nothing."""
    return re.compile("|".join(filter(None, patterns)) or _NEVER, flags)


def _since_ready(lines: Sequence[str]) -> Sequence[str]:
    ready = [number for number, line in enumerate(lines) if READY in line]
    return lines[ready[-1] + 1 :] if ready else lines
