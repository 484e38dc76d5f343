"""Values of HTTP headers: a line break in one would begin another header."""

from __future__ import annotations


def sendable(value: str) -> bool:
    """Whether a request can carry it: printable Latin-1 and tabs (RFC 9110, "field-value")."""
    return not any(
        (character < " " and character != "\t") or "\x7f" <= character <= "\x9f" or character > "\xff"
        for character in value
    )
