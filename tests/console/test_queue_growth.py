"""Growth of a queue on the screen: in the row of its workload and in the first line, against the promise."""

from __future__ import annotations

from array import array
from dataclasses import replace

from console.views.severity_since import SinceTracker
from console.views.subject import queue_text
from console.views.summary import summary
from fleet.model.frame import Column, Frame
from fleet.model.in_past import PAST
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, Health, Snapshot, SourceStatus
from fleet.snapshot.history import POINTS, STEP, RecentHistory
from tests.fleets import make_snapshot
from themes.glyphs import UNICODE


def with_queue(lengths: list[float], served: float = 8.0) -> tuple[Snapshot, str]:
    """A fleet whose first serving workload had queues of these lengths."""
    snapshot = make_snapshot()
    key = next(iter(snapshot.model_of))
    history, frame = RecentHistory(STEP, POINTS), snapshot.by_workload
    for at, length in enumerate(lengths):
        columns = {Quantity.WAITING: Column(array("d", [length if k == key else 0.0 for k in frame.keys]))}
        begins = snapshot.at - STEP * (len(lengths) - 1 - at)
        past = Frame.of(frame.keys, columns, frame.ages, frame.states)
        view = history.record(begins, (past,))
    numbers = {Quantity.REQUESTS: served, Quantity.PREFILL_MEAN: 0.5, Quantity.WAITING: lengths[-1]}
    found = {quantity: Column(array("d", [value] * len(frame.keys))) for quantity, value in numbers.items()}
    by_workload = Frame.of(frame.keys, {**frame.columns, **found}, frame.ages, frame.states)
    return replace(snapshot, history=view, by_workload=by_workload), key


def test_a_growing_queue_says_when_it_breaks_the_promise() -> None:
    # Room for (2.5 s - 0.5 s of prefill) x 8 requests/s = 16 requests: 10 more at 0.1/s are 100 s away.
    snapshot, key = with_queue([0.1 * STEP * at for at in range(5)] + [6.0])
    assert queue_text(snapshot, key) == "grows 0.1/s, TTFT passes 2.5s in 2m"


def test_one_that_is_longer_than_the_promise_allows_says_so() -> None:
    snapshot, key = with_queue([40 + 1.8 * STEP * at for at in range(20)])
    assert queue_text(snapshot, key) == "grows 1.8/s, TTFT above 2.5s"
    critical = {**snapshot.assessments, key: Assessment(Severity.CRITICAL, "long queue")}
    first, _ = summary(replace(snapshot, assessments=critical), SinceTracker(), 240, UNICODE)
    assert "grows 1.8/s, TTFT above 2.5s" in "".join(span.text for span in first.spans)


def test_in_the_past_it_is_compared_with_no_promise_that_may_not_have_been_made() -> None:
    snapshot, key = with_queue([40 + 1.8 * STEP * at for at in range(20)])
    past = replace(snapshot, sources=(*snapshot.sources, SourceStatus(PAST, Health.OFF, snapshot.at)))
    assert queue_text(past, key) == "grows 1.8/s"


def test_one_that_drains_says_when_it_is_empty() -> None:
    snapshot, key = with_queue([300 - 1.0 * STEP * at for at in range(15)])
    assert queue_text(snapshot, key) == "drains, empty in 2m"


def test_nothing_is_said_of_the_others() -> None:
    snapshot, key = with_queue([40.0] * 20)
    assert queue_text(snapshot, key) == ""
    assert [queue_text(snapshot, other) for other in snapshot.workloads if other != key] == [""] * (
        len(snapshot.workloads) - 1
    )


def test_where_the_first_line_has_no_room_it_begins_the_second() -> None:
    snapshot, key = with_queue([40 + 1.8 * STEP * at for at in range(20)])
    critical = {
        **snapshot.assessments,
        key: Assessment(Severity.CRITICAL, "autoscaler at its maximum of 7, requests wait"),
    }
    first, second = summary(replace(snapshot, assessments=critical), SinceTracker(), 80, UNICODE)
    assert "grows" not in "".join(span.text for span in first.spans)
    text = "".join(span.text for span in second.spans)
    assert text.startswith(" its queue grows 1.8/s, TTFT above 2.5s")
    assert len(text) <= 80
