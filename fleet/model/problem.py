"""The failure of a metrics source, in words for the user."""

from __future__ import annotations

from fleet.explained_error import ExplainedError


class SourceProblem(ExplainedError):  # noqa: N818 - it is shown as a problem, not reported as an error
    """A source that cannot deliver: what is wrong, and what to do about it, each one line without credentials."""


class UnreadError(SourceProblem):
    """A target that works, but whose product no dialect reads: not an error."""


class NoMetricsError(SourceProblem):
    """A server that answers, and has no metrics at this path."""


class NothingToAskError(SourceProblem):
    """A missing endpoint that is not an error: none was configured, and none was found."""


class NoApiError(SourceProblem):
    """An answer that shows that there is no such API."""


class NamePatternError(SourceProblem):
    """A store that refuses regular expressions on ``__name__``; exact names it may answer."""


class ClearTextError(SourceProblem):
    """The server does not speak HTTP in clear text: it may use TLS."""
