"""The page that explains latency, from a report alone."""

from __future__ import annotations

from dataclasses import replace

from console.views.why import why_lines
from fleet.latency.comparison import LatencyComparison
from fleet.latency.phases import Breakdown, RequestPhase
from fleet.latency.report import latency_report
from fleet.latency.separation import Division, Separation
from fleet.latency.slowness import MEASURES
from fleet.model.snapshot import Cluster, Snapshot
from themes.glyphs import UNICODE
from widgets.line import spans_width

VALUES = {"serving/chat-a": 0.04, "serving/chat-b": 0.09, "serving/chat-c": 0.04, "serving/chat-d": 0.04}


def page(*separations: Separation) -> list[str]:
    snapshot = Snapshot(1, 0.0, Cluster(), window=60.0)
    report = replace(latency_report(snapshot, "serving/Deployment/chat"), separations=separations)
    lines = why_lines(report, 0.0, "", 100, UNICODE)
    assert all(spans_width(line.spans) <= 100 for line in lines)
    return ["".join(span.text for span in line.spans) for line in lines]


def slow(measure: int, node: str, pod: str = "serving/chat-b") -> Separation:
    return Separation(MEASURES[measure], VALUES, frozenset({pod}), (Division((node,), frozenset({pod}), 1, 0.01),))


def test_what_separates_the_same_replica_by_several_measures_is_given_once() -> None:
    text = "\n".join(page(slow(0, "node gpu-3"), slow(1, "node gpu-3")))
    assert text.count("1 of 4 slow (chat-b)") == 2
    assert text.count("node gpu-3: 1 of the 1 slow ones") == 1


def test_different_reasons_stay_below_their_measures() -> None:
    lines = page(slow(0, "node gpu-3"), slow(1, "node gpu-4"))
    found = [i for i, line in enumerate(lines) if "of 4 slow" in line or "slow ones" in line]
    assert [("slow ones" in lines[i]) for i in found] == [False, True, False, True]


def test_in_a_narrow_terminal_the_phases_are_below_each_other_and_none_is_cut() -> None:
    snapshot = Snapshot(1, 0.0, Cluster(), window=60.0)
    now = Breakdown({RequestPhase.QUEUE: 0.43, RequestPhase.PREFILL: 0.99, RequestPhase.DECODE: 23.5})
    report = replace(latency_report(snapshot, "serving/Deployment/chat"), comparison=LatencyComparison(now))
    lines = ["".join(span.text for span in line.spans) for line in why_lines(report, 0.0, "", 40, UNICODE)]
    text = "\n".join(lines)
    assert all(phase in text for phase in ("queue 430ms", "prefill 990ms", "decode 23.5s"))
    below = lines.index("   now")
    assert max(map(len, lines[below : lines.index("", below)])) <= 40
