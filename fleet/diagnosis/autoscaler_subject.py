"""An autoscaler with what its causes look at: its row, the queue of its workload, and what it did of late."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from fleet.model.frame import Frame
from fleet.model.objects import Condition, Event, HorizontalPodAutoscaler
from fleet.model.profile import CHAT, Profile
from fleet.model.quantity import Quantity

REMEMBERED: Final = 1800.0
"""Seconds after which a change of the replicas is no ground for a verdict on now."""
_RESCALED: Final = re.compile(r"New size: (\d+)\b")
"""The message of the event SuccessfulRescale (kubernetes/pkg/controller/podautoscaler)."""


class AutoscalerSubject(NamedTuple):
    """An autoscaler whose workload is there."""

    autoscaler: HorizontalPodAutoscaler
    waiting: float
    """Requests that wait, per replica that is ready; NaN where nobody counts them."""
    sizes: Mapping[int, int]
    """Numbers of replicas to which it scaled of late → how often it did."""
    profile: Profile = CHAT

    def condition(self, name: str) -> Condition | None:
        """One of its conditions, as its controller wrote it."""
        return next((one for one in self.autoscaler.conditions if one.type == name), None)


def autoscaler_subject(
    autoscaler: HorizontalPodAutoscaler,
    workload: str,
    ready: int,
    by_workload: Frame,
    events: Iterable[Event],
    now: float,
    profile: Profile,
) -> AutoscalerSubject:
    """Look at an autoscaler; ``workload`` is the key of what it scales, of which ``ready`` replicas are."""
    column, row = by_workload.columns.get(Quantity.WAITING), by_workload.index.get(workload)
    waiting = math.nan if column is None or row is None else column.values[row] / max(1, ready)
    return AutoscalerSubject(autoscaler, waiting, _sizes(autoscaler, events, now), profile)


def _sizes(autoscaler: HorizontalPodAutoscaler, events: Iterable[Event], now: float) -> Mapping[int, int]:
    found: Counter[int] = Counter()
    for event in events:
        if (
            event.reason == "SuccessfulRescale"
            and now - event.last <= REMEMBERED
            and event.involved.name == autoscaler.name
            and event.involved.namespace == autoscaler.namespace
            and event.involved.kind == "HorizontalPodAutoscaler"
            and (told := _RESCALED.search(event.message))
        ):
            found[int(told[1])] += max(1, event.count)
    return found
