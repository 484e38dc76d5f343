"""Columns of a measurement in the making: as long as the rows, whether their number was known or not."""

from __future__ import annotations

import math

import pytest

from fleet.metrics.growing_columns import GrowingColumns
from fleet.model.measurement import GpuId
from fleet.model.quantity import Quantity

IDS = [GpuId(f"GPU-{at}", "", "n1", str(at), "", "") for at in range(4)]


@pytest.mark.parametrize("expected", [0, 1, 4, 9])
def test_rows_and_columns_are_as_long_as_each_other_however_many_were_expected(expected: int) -> None:
    columns: GrowingColumns[GpuId] = GrowingColumns(expected)
    columns.grow((IDS[0],), 1.0)
    columns.put(Quantity.GPU_UTIL, 0, 0.5)
    base = columns.grow((IDS[1], IDS[2]), 2.0, reset=True)
    columns.put(Quantity.GPU_TEMPERATURE, base + 1, 60.0)
    columns.grow((IDS[3],), 3.0)
    table = columns.table()
    assert list(table.ages) == [1.0, 2.0, 2.0, 3.0]
    assert table.reset == {1, 2}
    nan = pytest.approx(math.nan, nan_ok=True)
    assert list(table.columns[Quantity.GPU_UTIL]) == [0.5, nan, nan, nan]
    assert list(table.columns[Quantity.GPU_TEMPERATURE]) == [nan, nan, 60.0, nan]


def test_columns_of_an_expected_length_never_grow() -> None:
    columns: GrowingColumns[GpuId] = GrowingColumns(len(IDS))
    columns.grow((IDS[0],), 0.0)
    columns.put(Quantity.GPU_UTIL, 0, 0.5)
    made = columns._columns[Quantity.GPU_UTIL]
    for one in IDS[1:]:
        columns.grow((one,), 0.0)
    assert len(made) == len(IDS)
    assert columns.table().columns[Quantity.GPU_UTIL] is made
