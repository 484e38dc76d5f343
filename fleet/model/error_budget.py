"""A burning error budget as the diagnosis of a fleet uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class BurningBudget(NamedTuple):
    """The error budget of a workload's model that burns fastest."""

    is_fast: bool
    """True if it warrants a page, by the windows of the SRE workbook."""
    words: str
    """The objective, its burn and the remaining budget, in a few words."""


NOTHING_BURNS: Final[Mapping[str, BurningBudget]] = {}
"""The same object at every tick where there are no objectives: what is derived from it is kept."""
