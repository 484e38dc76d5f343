"""Values of HTTP headers: a line break in one would begin another header."""

from __future__ import annotations

import re

_SENDABLE = re.compile("[\\t\\x20-\\x7e\\xa0-\\xff]*")


def sendable(value: str) -> bool:
    """True if a request can carry it: printable Latin-1 and tabs (RFC 9110, "field-value")."""
    return _SENDABLE.fullmatch(value) is not None
