"""A burning error budget, as far as the diagnosis of a fleet needs to know it."""

from __future__ import annotations

from typing import NamedTuple


class BurningBudget(NamedTuple):
    """The error budget of a workload's model that burns fastest."""

    is_fast: bool
    """True if somebody should look now, by the windows of the SRE workbook."""
    words: str
    """The objective, its burn and what is left, in a few words."""
