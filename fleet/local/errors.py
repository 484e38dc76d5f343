"""Errors on this machine, in words."""

from __future__ import annotations


class LocalError(Exception):
    """A failure to read, start or end something here: what is wrong, and what to do about it (may be empty)."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
