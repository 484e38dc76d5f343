"""What a session tells a screen of something that went wrong."""

from __future__ import annotations


class SessionError(Exception):
    """A read that a person asked for failed: what is wrong, and what to do about it (may be empty)."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
