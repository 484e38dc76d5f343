"""An autoscaler as its causes see it: its row, the queue of its workload, and its recent scaling."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from fleet.model.before import Rescaled
from fleet.model.frame import Frame
from fleet.model.objects import Condition, Event, HorizontalPodAutoscaler
from fleet.model.profile import CHAT, Profile
from fleet.model.quantity import Quantity

REMEMBERED: Final = 1800.0
"""Seconds after which a change of the replicas is no ground for a verdict on now."""
WARNED: Final = 660.0
"""Seconds for which a warning counts: KEDA asks its sources every half minute by default."""
_SCALED, _MADE = "ScaledObject", "keda-hpa-"
"""Kind of the objects that KEDA makes autoscalers from, and the beginning of the names of those."""
_RESCALED: Final = re.compile(r"New size: (\d+)\b")
"""The message of the event SuccessfulRescale (kubernetes/pkg/controller/podautoscaler)."""


class AutoscalerSubject(NamedTuple):
    """An autoscaler whose workload exists."""

    autoscaler: HorizontalPodAutoscaler
    waiting: float
    """Waiting requests per ready replica; NaN if not measured."""
    sizes: Mapping[int, int]
    """Replica count that it recently scaled to → number of times."""
    profile: Profile = CHAT
    warning: str = ""
    """The newest warning about the ScaledObject that it is made from; empty for none."""

    def condition(self, name: str) -> Condition | None:
        """One of its conditions, as its controller wrote it."""
        return next((one for one in self.autoscaler.conditions if one.type == name), None)


def autoscaler_subject(
    autoscaler: HorizontalPodAutoscaler,
    workload: str,
    ready: int,
    by_workload: Frame,
    events: Iterable[Event],
    seen: Sequence[Rescaled],
    now: float,
    profile: Profile,
) -> AutoscalerSubject:
    """Return the subject for an autoscaler; ``workload`` is the key of its target, which has ``ready`` ready replicas.

    Both ``events`` and ``seen`` record its scaling: the events may be missing, and the console may have started later.
    """
    column, row = by_workload.columns.get(Quantity.WAITING), by_workload.index.get(workload)
    waiting = math.nan if column is None or row is None else column.values[row] / max(1, ready)
    reported = _rescales(autoscaler, events, now)
    watched = Counter(one.size for one in seen if now - one.at <= REMEMBERED)
    return AutoscalerSubject(autoscaler, waiting, reported | watched, profile, _warned(autoscaler, events, now))


def is_about_scaling(event: Event) -> bool:
    """True for an event that autoscaler_subject reads."""
    return event.reason == "SuccessfulRescale" or (event.involved.kind == _SCALED and event.type == "Warning")


def _warned(autoscaler: HorizontalPodAutoscaler, events: Iterable[Event], now: float) -> str:
    """Return the newest warning about the ScaledObject that an autoscaler is made from, in KEDA's words."""
    name = autoscaler.name.removeprefix(_MADE)
    mine = (
        event
        for event in events
        if event.involved[:3] == (_SCALED, autoscaler.namespace, name) and now - event.last <= WARNED
    )
    newest = max(mine, key=lambda event: event.last, default=None)
    return "" if newest is None or name == autoscaler.name else f"{newest.reason}: {newest.message}"


def _rescales(autoscaler: HorizontalPodAutoscaler, events: Iterable[Event], now: float) -> Counter[int]:
    """Return how often it scaled to each size, according to its events."""
    found: Counter[int] = Counter()
    for event in events:
        if (
            event.reason == "SuccessfulRescale"
            and now - event.last <= REMEMBERED
            and event.involved.name == autoscaler.name
            and event.involved.namespace == autoscaler.namespace
            and event.involved.kind == "HorizontalPodAutoscaler"
            and (match := _RESCALED.search(event.message))
        ):
            found[int(match[1])] += _times(event, now)
    return found


def _times(event: Event, now: float) -> int:
    """Return how often it was written of late: of many alike, the share of the time since the first of them."""
    lasted, late = event.last - event.first, event.last - (now - REMEMBERED)
    if event.count <= 1 or not event.first or lasted <= late:
        return max(1, event.count)
    return 1 + int((event.count - 1) * late / lasted)
