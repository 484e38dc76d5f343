"""Text of an empty table, if the reason is the same for every table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.views.listed_sources import is_outage
from fleet.model.snapshot import Health, Snapshot
from widgets.untrusted import untrusted

if TYPE_CHECKING:
    # The grid draws it, and so does the table on stdout, without Textual.
    from console.views.query import Query


_ELSEWHERE = ":sources shows what answers · :ctx other clusters"


def unknown_pods(snapshot: Snapshot) -> str:
    """Return the text for unknown pods: that none is shown does not mean that none exists."""
    source, coverage, namespace = snapshot.of_objects, snapshot.coverage, snapshot.cluster.namespace
    known = coverage.sees("pods", namespace) if namespace else coverage.knows_all("pods")
    answers = source is None or source.health in (Health.LIVE, Health.DEGRADED)
    if snapshot.pods or (known and answers):
        return ""
    return "which pods there are is not known" + (f": {lack}" if (lack := coverage.lack("pods")) else "")


def empty_text(snapshot: Snapshot, query: Query) -> str:
    """Return the filter that excludes everything, or why nothing is known; empty if neither is the reason."""
    if query.filter:
        return f"nothing matches  {untrusted(query.filter.text)}\nesc shows everything again"
    source = snapshot.of_objects
    if source is not None and source.health is Health.STARTING:
        # Nothing has been counted yet, so nothing can be called missing.
        return "reading the cluster's objects\nwaiting for its first answer"
    if source is not None and is_outage(source):
        # What is wrong, and what to do about it, is above every screen.
        if source.health is Health.DOWN:
            return f"nothing is known of its objects\n{_ELSEWHERE}"
        return f"which pods there are is not known\n{_ELSEWHERE}" if unknown_pods(snapshot) else ""
    if source is not None and source.problem:
        return f"{untrusted(source.problem)}\n{untrusted(source.remedy)}"
    return untrusted(unknown_pods(snapshot))
