"""Hung engines. Their requests never end, so a drain does not wait for them for long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actions.drain.unit import DrainUnit
from actions.number_words import some_names, span
from fleet.model.snapshot import Snapshot

HANGING: Final = frozenset({"engine-stuck", "engine-takes-nothing"})
"""Causes of an engine that makes no token of the requests that it has."""
GRACE: Final = 10.0
"""Seconds that a hanging pod is given twice: for its requests to end, then for its disruption budget to allow it."""


def hung_words(snapshot: Snapshot, units: Sequence[DrainUnit]) -> str:
    """``no token for 12m``, with the names where there are several units; empty unless all of them hang."""
    hanging = {
        finding.key: finding.since
        for incident in snapshot.everything.incidents
        for finding in incident.findings
        if finding.cause in HANGING
    }
    since = [min((hanging[m.key] for m in unit.members if m.key in hanging), default=None) for unit in units]
    known = [at for at in since if at is not None]
    if not known or len(known) < len(units):
        return ""
    names = f"{some_names([unit.name for unit in units])}: " if len(units) > 1 else ""
    return f"{names}no token for {span(snapshot.at - max(known))}"
