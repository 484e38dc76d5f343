"""The sources listed above a table: in the header of the screens, and on stdout, without Textual."""

from __future__ import annotations

from fleet.model.snapshot import (
    ACKNOWLEDGEMENTS,
    CANARY,
    CRASH_LOGS,
    OBJECTIVES,
    RECORDER,
    ROUTING,
    Health,
    SourceStatus,
)

_QUIET = frozenset({RECORDER, ACKNOWLEDGEMENTS, CANARY, CRASH_LOGS, OBJECTIVES, ROUTING})


def is_listed(source: SourceStatus) -> bool:
    """True if there is room for it: those on which no number of a row depends, only where they say a problem."""
    return source.health is not Health.OFF and (source.name not in _QUIET or bool(source.problem))


def is_outage(source: SourceStatus) -> bool:
    """True if its problem and remedy are above every screen: it is down, or lacks something that matters."""
    return source.health is Health.DOWN or (source.health is Health.DEGRADED and bool(source.problem))
