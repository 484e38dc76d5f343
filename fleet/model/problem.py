"""The fault of a metrics source, in words for the person in front of the console."""

from __future__ import annotations


class SourceProblem(Exception):  # noqa: N818 - it is shown as a problem, not reported as an error
    """A source cannot deliver: what is wrong, and what to do about it, each one line without credentials."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


class UnreadError(SourceProblem):
    """A target answers as it should, and no dialect reads the metrics of its product: nothing is wrong with it."""


class NothingToAskError(SourceProblem):
    """Nobody is there to be asked, and that is no trouble: nothing was configured, and nothing was found."""


class NoApiError(SourceProblem):
    """An answer that says that there is no such API."""


class NamePatternError(SourceProblem):
    """A store that refuses regular expressions on ``__name__``; exact names it may answer."""


class ClearTextError(SourceProblem):
    """Whoever is there does not speak HTTP in clear text: it may speak TLS."""
