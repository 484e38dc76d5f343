"""Levels and prefixes of log lines: vLLM and other Python loggers, klog, uvicorn, JSON; pure functions of the text."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import Final

from themes.palette import Role


class LogLevel(Enum):
    """The level stated by a line."""

    ERROR = "E"
    WARNING = "W"
    INFO = "I"
    DEBUG = "D"


ROLES: Final = {
    LogLevel.ERROR: Role.CRITICAL,
    LogLevel.WARNING: Role.WARNING,
    LogLevel.INFO: Role.TEXT,
    LogLevel.DEBUG: Role.DIM,
}
READ: Final = 400
"""Characters of a line that are parsed."""

_WORDS: Final = {
    "CRITICAL": LogLevel.ERROR,
    "FATAL": LogLevel.ERROR,
    "PANIC": LogLevel.ERROR,
    "ERROR": LogLevel.ERROR,
    "ERR": LogLevel.ERROR,
    "WARNING": LogLevel.WARNING,
    "WARN": LogLevel.WARNING,
    "INFO": LogLevel.INFO,
    "DEBUG": LogLevel.DEBUG,
    "TRACE": LogLevel.DEBUG,
}
_SPEAKER: Final = r"(?:\([^()]{1,60}\)\s+)?"
"""The writing process: ``(EngineCore_DP0 pid=90)``."""
_WORD: Final = "|".join(_WORDS)
_PREFIX: Final = re.compile(
    rf"^{_SPEAKER}(?P<level>{_WORD}):?\s+(?:(?P<date>[\d./-]{{4,10}})[ T])?(?P<time>\d\d:\d\d:\d\d)[.,\d]*\s*"
    r"(?:\[[^\]]{1,80}\]:?\s*)?"
)
"""``INFO 11-29 21:35:24 [loggers.py:248] `` and the like: the prefix before the message."""
_DATED: Final = re.compile(
    rf"^\[?(?P<date>\d{{4}}[-/]\d\d[-/]\d\d)[ T](?P<time>\d\d:\d\d:\d\d)[.,\d]*(?:Z|[+-]\d\d:?\d\d)?\]?"
    rf"[\s|-]*\[?(?P<level>{_WORD})?\]?:?\s*",
    re.IGNORECASE,
)
"""``2026-11-29T21:35:24.123Z INFO ``: of a line that begins with its time."""
_KLOG: Final = re.compile(r"^(?P<level>[IWEF])\d{4} (?P<time>\d\d:\d\d:\d\d)[.\d]*\s+\d+\s+[^\]]{1,80}\]\s*")
_PLAIN: Final = re.compile(rf"^{_SPEAKER}\[?(?P<level>{_WORD})\]?:?\s")
_IN_JSON: Final = re.compile(r'"(?:level|severity|lvl)"\s*:\s*"(?P<level>\w+)"', re.IGNORECASE)
_FAILURE: Final = re.compile(
    rf"^{_SPEAKER}(?:Traceback \(most recent call last\)|panic: |terminate called|"
    r"(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception)(?::|$))"
)
_KLOG_LEVELS: Final = {"I": LogLevel.INFO, "W": LogLevel.WARNING, "E": LogLevel.ERROR, "F": LogLevel.ERROR}


@lru_cache(maxsize=4096)
def level_of(text: str) -> LogLevel | None:
    """Return the level of a line; None if it states none."""
    text = text[:READ]
    for pattern in (_PREFIX, _PLAIN, _DATED):
        match = pattern.match(text)
        if match is not None and match["level"]:
            return _WORDS[match["level"].upper()]
    if match := _KLOG.match(text):
        return _KLOG_LEVELS[match["level"]]
    if text.startswith("{") and (match := _IN_JSON.search(text)):
        return _WORDS.get(match["level"].upper())
    return LogLevel.ERROR if _FAILURE.match(text) else None


def folded_line(text: str, *, with_time: bool = True) -> str:
    """Return the line with its prefix cut down to level and time: ``E 21:35:24 message``; whole where it has none."""
    head = text[:READ]
    match = _PREFIX.match(head) or _KLOG.match(head) or _DATED.match(head)
    if match is None or match.end() == len(text):
        return text
    level = level_of(text)
    time = f"{match['time']} " if with_time else ""
    return f"{level.value if level is not None else ' '} {time}{text[match.end() :]}"
