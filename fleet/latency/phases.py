"""The phases of a request and the mean seconds that requests spend in each.

Engines measure queue, prefill and decode of every request, so means over the same requests add up to the time of a mean
request. Gateways report only a histogram of the total: the time in a gateway is the difference of two medians, which is
near the median time there if both see the same requests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from fleet.dataclass import dataclass
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot


class RequestPhase(StrEnum):
    """A stretch of a request's life, in the order in which a request goes through them."""

    GATEWAY = "gateway"
    QUEUE = "queue"
    PREFILL = "prefill"
    DECODE = "decode"


MEANS: Final[Mapping[RequestPhase, Quantity]] = {
    RequestPhase.QUEUE: Quantity.QUEUE_MEAN,
    RequestPhase.PREFILL: Quantity.PREFILL_MEAN,
    RequestPhase.DECODE: Quantity.DECODE_MEAN,
}
"""The phases that engines measure. vLLM: ``request_queue_time_seconds``, ``request_prefill_time_seconds`` and
``request_decode_time_seconds``, sum over count."""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Mean seconds per request in each phase that is known."""

    seconds: Mapping[RequestPhase, float]

    @property
    def total(self) -> float:
        """Seconds in all known phases; NaN where none is known."""
        return sum(self.seconds.values()) if self.seconds else math.nan

    def of(self, phase: RequestPhase) -> float:
        """Seconds in a phase, NaN where it is not known."""
        return self.seconds.get(phase, math.nan)

    def share(self, phase: RequestPhase) -> float:
        """Part of the total that a phase takes, 0-1; NaN where it is not known."""
        return self.of(phase) / self.total if self.total > 0 else math.nan

    @property
    def longest(self) -> RequestPhase | None:
        """Return the phase that takes the most time; None if nothing is known."""
        return max(self.seconds, key=self.of, default=None)


def breakdown(value: Callable[[Quantity], float], gateway: float = math.nan) -> Breakdown:
    """Return the phases that ``value`` gives a mean for, and the seconds in gateways where these are known."""
    seconds = {RequestPhase.GATEWAY: gateway} | {phase: value(mean) for phase, mean in MEANS.items()}
    return Breakdown({phase: mean for phase, mean in seconds.items() if not math.isnan(mean)})


def breakdown_of(snapshot: Snapshot, key: str) -> Breakdown:
    """Return where the requests of a pod or a workload spend their time now; gateways are known of workloads alone."""
    if key in snapshot.pods:
        return breakdown(lambda quantity: snapshot.by_pod.value(key, quantity))
    return breakdown(lambda quantity: snapshot.by_workload.value(key, quantity), _in_gateways(snapshot, key))


def _in_gateways(snapshot: Snapshot, workload: str) -> float:
    """Seconds that the gateways in front of a workload's model add to the median request; NaN unless both are
    measured.
    """
    model = snapshot.model_of.get(workload, "")
    before = snapshot.before_models.value(model, Quantity.GATEWAY_E2E_P50)
    added = before - snapshot.by_model.value(model, Quantity.E2E_P50)
    return math.nan if math.isnan(added) else max(0.0, added)
