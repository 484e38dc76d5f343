"""The time to first token of a workload, and the part of it that its engines cannot account for."""

from __future__ import annotations

import math
from typing import NamedTuple

from fleet.model.profile import CHAT, Profile
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot


class FrontendSubject(NamedTuple):
    """The time to first token of a workload, in seconds. NaN if a number is not measured."""

    ttft: float
    """Median."""
    queue: float
    """Mean in the engines' queue."""
    prefill: float
    """Mean in which prompts are read."""
    waiting: float
    """Requests that wait in the engines."""
    fetching: float
    """Requests that wait for KV blocks, or are deferred."""
    finished: float
    """Requests per second that end."""
    profile: Profile = CHAT

    @property
    def before(self) -> float:
        """Seconds before the engine's queue; NaN if not known."""
        return self.ttft - self.queue - self.prefill


def is_most_of(ttft: float, before: float) -> bool:
    """True if more than half of the time to first token is spent before the queue; False where one is not known."""
    return before > ttft / 2


def frontend_subject(snapshot: Snapshot, workload: str) -> FrontendSubject | None:
    """Return the times of a workload; None if it is not measured now."""
    frame = snapshot.by_workload
    row = frame.index.get(workload)
    if row is None or workload not in snapshot.workloads or frame.states[row] >= State.STALE:
        return None
    deferred = (frame.value(workload, one) for one in (Quantity.KV_FETCHING, Quantity.WAITING_DEFERRED))
    return FrontendSubject(
        frame.value(workload, Quantity.TTFT_P50),
        frame.value(workload, Quantity.QUEUE_MEAN),
        frame.value(workload, Quantity.PREFILL_MEAN),
        frame.value(workload, Quantity.WAITING),
        max((one for one in deferred if not math.isnan(one)), default=0.0),
        frame.value(workload, Quantity.REQUESTS),
        snapshot.profiles.of(workload),
    )
