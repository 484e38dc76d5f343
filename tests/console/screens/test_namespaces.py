"""A namespace that is left and opened again: changes in between are known."""

from __future__ import annotations

from dataclasses import replace

from console.views.choices import beside_namespaces
from console.views.severity_since import SinceTracker
from console.views.subject import is_somewhere
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, Health
from fleet.snapshot.namespace_view import Viewer
from tests.console.screens.desk import desk
from tests.console.screens.plans import acting
from tests.fleets import make_snapshot
from widgets.cells import Text


def test_since_goes_on_for_what_is_out_of_view_and_what_is_out_of_view_is_not_gone() -> None:
    whole = make_snapshot()
    key = next(iter(whole.workloads))
    since, viewer = SinceTracker(), Viewer()
    elsewhere = replace(whole.cluster, namespace="elsewhere")

    def seen(at: float, severity: Severity, *, away: bool) -> bool:
        """Run one tick, in view or out of it; return whether the workload is among the rows."""
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


async def test_beside_the_names_stands_how_they_are_and_where_they_lead() -> None:
    whole = make_snapshot()
    sick, pods, _ = beside_namespaces(whole)["serving"]
    assert isinstance(sick, Text)
    assert isinstance(pods, Text)
    assert int(sick.text) > 0
    assert pods.text == str(len(whole.pods))
    assert beside_namespaces(whole)[""] == beside_namespaces(whole)["serving"], "all there are are in one"
    async with desk(whole) as d:
        await d.press("n")
        await d.until(lambda: "SICK" in d.text)
        row = next(line for line in d.lines[1:] if " serving " in line)
        assert row.split()[:3] == ["serving", sick.text, pods.text]
        await d.press("escape")
        await d.command("ctx")
        await d.until(lambda: "SERVER" in d.text)
        assert " oncall " in d.line_with("https://eu1:6443")


async def test_one_who_may_not_act_is_told_so_in_the_header() -> None:
    session = acting()
    async with desk(make_snapshot(), session=session) as d:
        assert "read-write" in d.lines[0]
        session.acts.forbidden = dict.fromkeys(("scale", "restart", "rollback"), "you may not")
        await d.deliver(make_snapshot(sequence=2))
        assert "may not act" in d.lines[0]
        assert "read-write" not in d.lines[0]
        # Nor is one told otherwise who may not even read.
        whole = make_snapshot(sequence=3)
        sources = tuple(
            replace(one, health=Health.DEGRADED) if one.name == "kubernetes" else one for one in whole.sources
        )
        await d.deliver(replace(whole, workloads={}, sources=sources))
        assert "may not act" in d.lines[0]
