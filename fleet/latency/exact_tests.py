"""Exact tests of whether an attribute is associated with slowness, corrected for the number of attributes tried."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Final

FAMILY_WISE: Final = 0.05
"""Chance of naming an attribute by luck alone that is accepted, over all attributes together."""


def fisher(together: int, having: int, slow: int, everyone: int) -> float:
    """Return the probability that at least ``together`` slow ones have an attribute unrelated to slowness.

    Fisher's exact test, one-sided: ``having`` of ``everyone`` have the attribute, ``slow`` of ``everyone`` are slow.
    """
    whole = comb(everyone, slow)
    ways = sum(comb(having, k) * comb(everyone - having, slow - k) for k in range(together, min(having, slow) + 1))
    return ways / whole


def least(having: int, slow: int, everyone: int) -> float:
    """Return the smallest chance that an attribute of ``having`` objects could reach, however they were spread."""
    return fisher(min(having, slow), having, slow, everyone)


def number_of_tests(attainable: Sequence[float]) -> int:
    """Return the number of tests to correct for: those that could produce a false alarm (Tarone, Biometrics 1990).

    A test whose smallest attainable p-value is above ``FAMILY_WISE / k`` cannot be significant by chance, so it does
    not count among the ``k``. ``attainable``: the smallest p-value of each test.
    """
    for k in range(1, len(attainable) + 1):
        if sum(p <= FAMILY_WISE / k for p in attainable) <= k:
            return k
    return max(1, len(attainable))
