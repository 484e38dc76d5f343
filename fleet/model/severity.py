"""The severity of an object's problem, the worst first."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """The severity of a row: the glyph in front of it, and the worst-first order."""

    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    STARTING = "starting"
    OK = "ok"
    ASLEEP = "asleep"
    GONE = "gone"


# They are declared worst first.
_RANK: Final = {severity: place for place, severity in enumerate(Severity)}


def rank(severity: Severity) -> int:
    """Return 0 for the worst: the key that the fleet is sorted by."""
    return _RANK[severity]
