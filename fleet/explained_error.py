"""The base of errors that are shown to people."""

from __future__ import annotations


class ExplainedError(Exception):
    """An error with a remedy, which may be empty."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
