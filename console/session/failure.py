"""Errors of a session, as messages for a screen."""

from __future__ import annotations

from fleet.explained_error import ExplainedError


class SessionError(ExplainedError):
    """A failed read that a user requested: what is wrong, and what to do about it (may be empty)."""

    @property
    def in_a_line(self) -> str:
        """Return both on one line: the remedy continues where the problem ends."""
        problem, remedy = self.message.rstrip(" .;"), self.remedy
        if remedy[1:2].islower() or remedy[1:2] == " ":
            remedy = f"{remedy[0].lower()}{remedy[1:]}"
        return f"{problem}; {remedy}" if remedy else self.message


def in_words(error: BaseException) -> SessionError:
    """Return any failure as a message. An unexpected one is a bug: its type is included."""
    from actions.request import OtherClusterError
    from fleet.local.errors import LocalError
    from fleet.sources.kube.errors import ClusterError

    if isinstance(error, SessionError):
        return error
    if isinstance(error, ClusterError | LocalError):
        return SessionError(error.message, error.remedy)
    if isinstance(error, OtherClusterError):
        return SessionError(str(error))
    return SessionError(f"unexpected {type(error).__name__}: {error}", "please report this")


class NotRecordedError(SessionError):
    """A moment that is not in the recording. ``first`` is the earliest one that is, in Unix seconds."""

    def __init__(self, problem: str, remedy: str, first: float) -> None:
        super().__init__(problem, remedy)
        self.first = first
