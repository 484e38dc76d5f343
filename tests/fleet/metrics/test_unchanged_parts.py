"""Unchanged parts are the same objects: results derived from them can be reused."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping

from fleet.metrics.unchanged_parts import keeping
from fleet.model.histogram import Histogram
from fleet.model.measurement import EngineId, HistogramKey, Measurement, Table
from fleet.model.quantity import Family, Quantity

NAN = math.nan
A, B = EngineId("llm", "a", "chat", "0"), EngineId("llm", "b", "chat", "0")
CHAT, OTHER = HistogramKey("llm", "chat"), HistogramKey("llm", "other")


def _measured(
    engines: tuple[EngineId, ...], running: list[float], waiting: list[float], ttft: Mapping[HistogramKey, float]
) -> Measurement:
    columns = {Quantity.RUNNING: array("d", running), Quantity.WAITING: array("d", waiting)}
    return Measurement(
        "prometheus",
        1.0,
        60.0,
        5.0,
        engines=engines,
        engine_table=Table(columns, array("d", [0.0] * len(engines))),
        means={Quantity.QUEUE_MEAN: (array("d", running), array("d", waiting))},
        histograms={Family.TTFT: {group: Histogram((1.0, math.inf), (n, n + 1)) for group, n in ttft.items()}},
    )


def test_a_column_is_another_object_only_where_some_value_is_another() -> None:
    before = _measured((A, B), [1.0, NAN], [5.0, 6.0], {CHAT: 1.0, OTHER: 2.0})
    after = keeping(before, _measured((A, B), [1.0, NAN], [5.0, 7.0], {CHAT: 1.0, OTHER: 3.0}))
    assert after.engines is before.engines
    old, new = before.engine_table.columns, after.engine_table.columns
    assert new[Quantity.RUNNING] is old[Quantity.RUNNING]
    assert new[Quantity.WAITING] is not old[Quantity.WAITING]
    assert list(new[Quantity.WAITING]) == [5.0, 7.0]
    assert after.engine_table.ages is before.engine_table.ages
    assert after.means[Quantity.QUEUE_MEAN][0] is before.means[Quantity.QUEUE_MEAN][0]
    assert list(after.means[Quantity.QUEUE_MEAN][1]) == [5.0, 7.0]
    assert after.histograms[Family.TTFT][CHAT] is before.histograms[Family.TTFT][CHAT]
    assert after.histograms[Family.TTFT][OTHER].counts == (3.0, 4.0)


def test_the_same_measured_again_is_the_same_throughout() -> None:
    one = ((A,), [1.0], [2.0], {CHAT: 1.0})
    before = _measured(*one)
    after = keeping(before, _measured(*one))
    assert after.histograms[Family.TTFT] is before.histograms[Family.TTFT]
    assert all(after.engine_table.columns[q] is column for q, column in before.engine_table.columns.items())


def test_of_other_rows_no_column_is_the_same_even_where_its_values_are() -> None:
    before = _measured((A,), [1.0], [2.0], {CHAT: 1.0})
    after = keeping(before, _measured((B,), [1.0], [2.0], {CHAT: 1.0}))
    assert after.engines == (B,)
    assert not any(after.engine_table.columns[q] is column for q, column in before.engine_table.columns.items())
    assert after.means[Quantity.QUEUE_MEAN][0] is not before.means[Quantity.QUEUE_MEAN][0]


def test_a_group_that_is_gone_makes_another_mapping() -> None:
    before = _measured((A,), [1.0], [2.0], {CHAT: 1.0, OTHER: 2.0})
    after = keeping(before, _measured((A,), [1.0], [2.0], {CHAT: 1.0}))
    assert after.histograms[Family.TTFT].keys() == {CHAT}


def test_the_first_measurement_is_what_it_is() -> None:
    first = _measured((A,), [1.0], [2.0], {})
    assert keeping(None, first) is first
