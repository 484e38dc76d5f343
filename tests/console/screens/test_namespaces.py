"""A namespace that is left and looked at again: what was seen of it meanwhile is known."""

from __future__ import annotations

from dataclasses import replace

from console.views.standing_since import SinceTracker
from console.views.subject import is_somewhere
from fleet.model.snapshot import Assessment, Severity
from fleet.snapshot.namespace_view import Viewer
from tests.fleets import make_snapshot


def test_since_goes_on_for_what_is_out_of_view_and_what_is_out_of_view_is_not_gone() -> None:
    whole = make_snapshot()
    key = next(iter(whole.workloads))
    since, viewer = SinceTracker(), Viewer()
    elsewhere = replace(whole.cluster, namespace="elsewhere")

    def seen(at: float, severity: Severity, *, away: bool) -> bool:
        """One tick, in view or out of it; whether the workload is among the rows."""
        assessments = {**whole.assessments, key: Assessment(severity)}
        tick = replace(whole, at=at, assessments=assessments, cluster=elsewhere if away else whole.cluster)
        shown = viewer.view(tick)
        since.observe(shown.everything)
        assert is_somewhere(shown, key)
        return key in shown.workloads

    assert seen(100.0, Severity.OK, away=False)
    assert not seen(200.0, Severity.CRITICAL, away=True)
    assert seen(300.0, Severity.CRITICAL, away=False)
    found = since.since(key)
    assert found is not None
    assert (found.at, found.exact) == (200.0, True), "it began while nobody looked at its namespace"
