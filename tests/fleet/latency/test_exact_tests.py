"""Exact tests against numbers that were worked out elsewhere, and against counting."""

from __future__ import annotations

from itertools import combinations

import pytest

from fleet.latency.exact_tests import FAMILY_WISE, fisher, least, number_of_tests


def test_the_lady_tasting_tea() -> None:
    """Four cups of each kind, three of four told right: 17/70 (Fisher, The Design of Experiments, 1935)."""
    assert fisher(3, 4, 4, 8) == pytest.approx(17 / 70)
    assert fisher(4, 4, 4, 8) == pytest.approx(1 / 70)


@pytest.mark.parametrize("everyone", range(1, 8))
def test_it_is_the_share_of_all_ways_to_be_slow(everyone: int) -> None:
    for having in range(everyone + 1):
        for slow in range(1, everyone + 1):
            ways = [len({*range(having)} & {*those}) for those in combinations(range(everyone), slow)]
            for together in range(min(having, slow) + 1):
                counted = sum(count >= together for count in ways) / len(ways)
                assert fisher(together, having, slow, everyone) == pytest.approx(counted)


def test_a_test_that_cannot_name_anything_is_not_corrected_for() -> None:
    # 2 slow of 8: only an attribute of exactly two replicas can be as unlikely as 1/28.
    attainable = [least(having, 2, 8) for having in (1, 2, 3, 4, 5)]
    assert [p <= FAMILY_WISE for p in attainable] == [False, True, False, False, False]
    assert number_of_tests(attainable) == 1


def test_tests_that_all_could_name_something_are_all_corrected_for() -> None:
    assert number_of_tests([1e-9] * 12) == 12
