"""What a table without rows says where that has one reason for every table."""

from __future__ import annotations

from console.views.query import Query
from fleet.model.snapshot import Health, Snapshot
from widgets.untrusted import untrusted


def empty_text(snapshot: Snapshot, query: Query) -> str:
    """The filter that leaves nothing, or the trouble of the source; empty where neither is the reason."""
    if query.filter:
        return f"nothing matches  {untrusted(query.filter.text)}\nesc shows everything again"
    source = snapshot.of_objects
    if source is not None and source.health is Health.STARTING:
        # Nothing has been counted yet, so nothing can be said to be missing.
        return "the cluster is being asked for its objects\nits first answer is still on its way"
    if source is not None and source.problem:
        return f"{untrusted(source.problem)}\n{untrusted(source.remedy)}"
    return ""
