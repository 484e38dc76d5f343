"""The causes as data: their common properties, and the order of those of one object."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from graphlib import TopologicalSorter
from typing import Any

import pytest

from fleet.diagnosis.assessment.metrics_scan import CachedScan
from fleet.diagnosis.cause import AnyCause, EngineCause, GpuCause, NodeCause, PodCause, Stage, WorkloadCause, says
from fleet.diagnosis.families.replica_cause import ReplicaCause
from fleet.diagnosis.families.source_causes import SourceCause
from fleet.diagnosis.precedence import Precedence, ordered
from fleet.diagnosis.registry import CAUSES, causes_of
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.signs.metrics_sign import Either, Is, Level, Lowered
from fleet.diagnosis.subjects.subject import MetricsRow, MetricsTable, PodSubject
from fleet.model.frame import Column, Frame
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from tests.fleet.rows import pod

TEMPERATURE, SHARE = Quantity.GPU_TEMPERATURE, Quantity.THROTTLE
HOT = Level(TEMPERATURE, Is.AT_LEAST, 85)


def frame(**columns: Iterable[float]) -> Frame:
    """Rows r0, r1 … that were measured just now."""
    made = {Quantity[name]: Column(array("d", values)) for name, values in columns.items()}
    rows = len(next(iter(made.values())).values)
    return Frame.of([f"r{i}" for i in range(rows)], made, array("d", [0.0]) * rows, bytes(rows))


def cause(name: str, *must: Any, **more: Any) -> GpuCause:
    fields: dict[str, Any] = {"severity": Severity.WARNING, "sentence": "So it is.", "words": says(name)}
    return GpuCause(id=name, must=must, **(fields | more))


def test_every_cause_has_an_id_of_its_own_and_explains_causes_that_there_are() -> None:
    ids = [one.id for one in CAUSES]
    assert len(set(ids)) == len(ids)
    named = {name for one in CAUSES for name in (*one.explains, *one.before)}
    assert named <= set(ids)


def test_nothing_explains_what_explains_it() -> None:
    assert tuple(TopologicalSorter({one.id: one.explains for one in CAUSES}).static_order())


@pytest.mark.parametrize("one", CAUSES, ids=lambda one: one.id)
def test_every_cause_says_in_a_sentence_what_it_is_and_which_input_each_sign_reads(one: AnyCause) -> None:
    assert one.sentence.endswith(".")
    assert one.must
    assert all(sign.name and sign.reads for sign in (*one.must, *one.must_not, *one.may, *one.serious))


KINDS = (SourceCause, NodeCause, GpuCause, EngineCause, ReplicaCause, PodCause, WorkloadCause)


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_causes_of_every_kind_of_object(kind: type[AnyCause]) -> None:
    assert causes_of(kind)


def test_an_earlier_stage_then_the_worse_then_the_root_is_told_first() -> None:
    causes = ordered(
        [
            cause("symptom", HOT),
            cause("root", HOT, explains=("symptom",)),
            cause("apart", HOT),
            cause("worse", HOT, severity=Severity.CRITICAL),
            cause("may-be-worse", HOT, serious=(HOT,)),
            cause("earlier", HOT, stage=Stage.STARTING, severity=Severity.OK),
            cause("first-of-equals", HOT, before=("apart",)),
        ]
    )
    names = [one.id for one in causes]
    assert names[0] == "earlier"
    assert set(names[1:3]) == {"worse", "may-be-worse"}
    assert names.index("root") < names.index("symptom")
    assert names.index("first-of-equals") < names.index("apart")


def test_what_is_not_measured_proves_nothing_and_excludes_nothing() -> None:
    rows = frame(GPU_TEMPERATURE=[90, math.nan, 90], THROTTLE=[math.nan, 0.5, 0.5])
    throttled = Level(SHARE, Is.ABOVE, 0.1)
    assert [HOT.holds(MetricsRow(rows, at)) for at in range(3)] == [True, None, True]
    proven = CachedScan([cause("hot-and-slow", HOT, throttled)]).of(MetricsTable(rows))
    assert set(proven) == {"r2"}
    spared = CachedScan([cause("hot-and-not-slow", HOT, must_not=(throttled,))]).of(MetricsTable(rows))
    assert set(spared) == {"r0"}


def test_a_column_that_nobody_measures_is_unknown_at_every_row() -> None:
    rows = frame(GPU_TEMPERATURE=[90, 20])
    level = Level(Quantity.XID, Is.EXACTLY, 0)
    assert level.holds(MetricsRow(rows, 0)) is None
    assert CachedScan([cause("no-xid", level)]).of(MetricsTable(rows)) == {}


@pytest.mark.parametrize(
    ("how", "expected"), [(Is.ABOVE, {"r2"}), (Is.AT_LEAST, {"r1", "r2"}), (Is.BELOW, {"r0"}), (Is.EXACTLY, {"r1"})]
)
def test_a_level_is_the_same_by_row_by_column_and_after_another_sign(how: Is, expected: set[str]) -> None:
    rows = frame(GPU_TEMPERATURE=[84, 85, 86, math.nan], THROTTLE=[1, 1, 1, 1])
    level = Level(TEMPERATURE, how, 85)
    assert {key for at, key in enumerate(rows.keys) if level.holds(MetricsRow(rows, at))} == expected
    assert set(CachedScan([cause("alone", level)]).of(MetricsTable(rows))) == expected
    assert set(CachedScan([cause("second", Level(SHARE, Is.EXACTLY, 1), level)]).of(MetricsTable(rows))) == expected


def test_one_of_several_ways_is_enough_and_one_that_is_unknown_is_not_a_no() -> None:
    by_word = Lowered(frozenset({"thermal"}), "the driver says so")
    either = Either(((by_word,), (HOT, Level(SHARE, Is.ABOVE, 0.1))), "heat lowers its clocks")
    rows = frame(GPU_TEMPERATURE=[90, 90, 40, 40], THROTTLE=[0.5, 0.0, 0.0, math.nan])
    reasons = {"r1": ("thermal",), "r2": ("power cap",)}
    seen = [either.holds(MetricsRow(rows, at, reasons)) for at in range(4)]
    assert seen == [True, True, False, None]
    assert set(CachedScan([cause("heat", either)]).of(MetricsTable(rows, reasons))) == {"r0", "r1"}
    assert set(either.quantities) == {TEMPERATURE, SHARE}


def test_what_may_be_serious_is_critical_only_where_it_is() -> None:
    rows = frame(GPU_TEMPERATURE=[86, 99])
    one = cause("hot", HOT, serious=(Level(TEMPERATURE, Is.ABOVE, 95),))
    found = CachedScan([one]).of(MetricsTable(rows))
    assert [found[key].severity for key in rows.keys] == [Severity.WARNING, Severity.CRITICAL]


def test_causes_that_begin_with_the_same_sign_ask_for_it_once() -> None:
    asked: list[str] = []

    def looked(name: str, answer: bool) -> Fact[PodSubject]:
        def holds(_: PodSubject) -> bool:
            asked.append(name)
            return answer

        return Fact(name, "nothing", holds)

    def stopped_pod(name: str, *must: Fact[PodSubject]) -> PodCause:
        return PodCause(id=name, severity=Severity.WARNING, sentence="So it is.", words=says(name), must=must)

    anything, stopped = PodSubject(pod("a")), looked("stopped", False)
    causes = [stopped_pod(f"c{i}", stopped, looked(f"own-{i}", True)) for i in range(5)]
    assert Precedence(causes).first(anything) is None
    assert asked == ["stopped"]
    one = stopped_pod("c0", looked("stopped", True), looked("own", True))
    assert Precedence([one]).first(anything) is one
