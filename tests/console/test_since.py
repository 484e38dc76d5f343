"""The first line tells since when its cause holds, and keeps to it when the fault gets worse."""

from __future__ import annotations

from console.views.severity_since import SinceTracker, clock
from console.views.summary import summary
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from tests.fleet.diagnosis.fleets import STUCK, WELL, Fleet, Q
from tests.fleet.rows import NOW
from themes.glyphs import UNICODE

STANDS_STILL = WELL | {Q.LATEST_TOKENS: 0.0}


def first_line(snapshot: Snapshot, since: SinceTracker) -> str:
    return "".join(span.text for span in summary(snapshot, since, 160, UNICODE)[0].spans)


def test_a_fault_that_gets_worse_began_when_it_was_first_seen() -> None:
    fleet, since = Fleet(1), SinceTracker()
    since.observe(fleet.at(0))
    fleet.engines["chat-0"] = STANDS_STILL
    since.observe(seen := fleet.at(30))
    assert f"since {clock(NOW + 30)}" in first_line(seen, since)
    fleet.engines["chat-0"] = STUCK
    since.observe(worse := fleet.at(170))
    assert worse.incidents[0].severity is Severity.CRITICAL
    assert clock(NOW + 30) != clock(NOW + 170)
    assert f"since {clock(NOW + 30)}" in first_line(worse, since)
