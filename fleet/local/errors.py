"""Errors on this machine, in words."""

from __future__ import annotations

from fleet.explained_error import ExplainedError


class LocalError(ExplainedError):
    """A failure to read, start or end something on this machine."""
