"""The base of errors that are shown to people."""

from __future__ import annotations


class ExplainedError(Exception):
    """What is wrong, and what to do about it, which may be empty."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
