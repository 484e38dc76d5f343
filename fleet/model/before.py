"""The past, as far as the diagnosis of a fleet needs to know it: usual numbers, and what has gone."""

from __future__ import annotations

import math
from typing import NamedTuple

from fleet.model.frame import Frame
from fleet.model.quantity import Quantity


class Traffic(NamedTuple):
    """Prompts that come to a workload, and the pace of its answers. NaN for what nobody has measured, or not yet often
    enough to call it usual.
    """

    prompt: float = math.nan
    """Tokens of a prompt, in the mean of the requests of a window."""
    prefix_hits: float = math.nan
    """Share of prompt tokens that are found in the prefix cache."""
    itl: float = math.nan
    """Inter-token latency, 95th percentile: seconds."""


class Departed(NamedTuple):
    """Something that has gone, and with it pods of a workload."""

    at: float
    """Unix time at which it was seen to be gone, or was told so."""
    node: str = ""
    """The node that was removed; empty where a pod was put out for one of higher priority."""
    told: str = ""
    """The words of whoever did it; empty for none."""


def traffic_of(by_workload: Frame, row: int) -> Traffic:
    """The traffic of one workload now."""

    def value(quantity: Quantity) -> float:
        column = by_workload.columns.get(quantity)
        return math.nan if column is None else column.values[row]

    requests = value(Quantity.REQUESTS)
    prompt = value(Quantity.PROMPT_TOKENS) / requests if requests > 0 else math.nan
    return Traffic(prompt, value(Quantity.PREFIX_HIT_RATIO), value(Quantity.ITL_P95))
