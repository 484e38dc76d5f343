"""Messages of a session to a screen about something that went wrong."""

from __future__ import annotations


class SessionError(Exception):
    """A read that a person asked for failed: what is wrong, and what to do about it (may be empty)."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy

    @property
    def in_a_line(self) -> str:
        """Both, for where there is one line: the remedy goes on where the problem ends."""
        problem, remedy = self.problem.rstrip(" .;"), self.remedy
        if remedy[1:2].islower() or remedy[1:2] == " ":
            remedy = f"{remedy[0].lower()}{remedy[1:]}"
        return f"{problem}; {remedy}" if remedy else self.problem


def in_words(error: BaseException) -> SessionError:
    """Any failure as something to show. What is not one of ours is a bug: its type goes with it."""
    from actions.request import OtherClusterError
    from fleet.local.errors import LocalError
    from fleet.sources.kube.errors import KubeconfigError, KubeError

    if isinstance(error, SessionError):
        return error
    if isinstance(error, KubeError | KubeconfigError | LocalError):
        return SessionError(error.message, error.remedy)
    if isinstance(error, OtherClusterError):
        return SessionError(str(error))
    return SessionError(f"unexpected {type(error).__name__}: {error}", "please report this")
