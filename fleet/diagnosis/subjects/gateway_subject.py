"""The gateways before a model, by their own numbers."""

from __future__ import annotations

import math
from typing import NamedTuple

from fleet.diagnosis.subjects.serving import pods_in, ready_pods
from fleet.model.profile import CHAT, Profile
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot


class GatewaySubject(NamedTuple):
    """The gateways before a model. NaN if a number is not measured."""

    asked: float
    """Requests per second."""
    failed: float
    """Requests answered with an error, per second."""
    retried: float
    """Requests sent again, per second."""
    breakers: float
    """Servers behind an open circuit breaker."""
    endpoints: float
    """Engines that an endpoint picker may choose from."""
    stale: float
    """Engines of which it has no recent metrics."""
    ready: int
    """Ready pods of the model."""
    profile: Profile = CHAT
    queued: float = math.nan
    """Requests that wait in them."""
    ttft: float = math.nan
    """Median time to first token at the gateways: seconds."""
    engines_ttft: float = math.nan
    """The same at the engines of the model."""
    looked_up: float = math.nan
    """Lookups per second in an index of the engines' prefix caches."""
    learned: float = math.nan
    """KV blocks per second that such an index learns of."""
    index_errors: float = math.nan
    """Errors per second of its connections to the engines."""
    unmatched: float = math.nan
    """Requests per second for which no prefill and decode engines of one revision are found."""
    prefill_load: float = math.nan
    """Load of the engines that compute prompts: 1 for full."""
    decode_load: float = math.nan
    """Load of the engines that generate tokens."""

    @property
    def delay(self) -> float:
        """Seconds to the first token that the engines do not account for; NaN where one is not measured."""
        return self.ttft - self.engines_ttft

    @property
    def failed_share(self) -> float:
        """Share of requests that are answered with an error; NaN for none."""
        return self.failed / self.asked if self.asked > 0 else math.nan

    @property
    def retried_share(self) -> float:
        """Share of requests that are sent again; NaN for none."""
        return self.retried / self.asked if self.asked > 0 else math.nan


def gateway_subject(snapshot: Snapshot, workload: str) -> GatewaySubject | None:
    """Return the gateways before a workload's model; None where there are none."""
    model, frame = snapshot.model_of.get(workload, ""), snapshot.before_models
    if model not in frame.index:
        return None
    serving = snapshot.models[model].workloads if model in snapshot.models else (workload,)
    return GatewaySubject(
        frame.value(model, Quantity.GATEWAY_REQUESTS),
        frame.value(model, Quantity.GATEWAY_ERRORS),
        frame.value(model, Quantity.GATEWAY_RETRIES),
        frame.value(model, Quantity.GATEWAY_BREAKERS),
        frame.value(model, Quantity.GATEWAY_ENDPOINTS),
        frame.value(model, Quantity.GATEWAY_STALE),
        sum(len(ready_pods(pods_in(snapshot, key))) for key in serving),
        snapshot.profiles.of(workload),
        frame.value(model, Quantity.GATEWAY_QUEUED),
        frame.value(model, Quantity.GATEWAY_TTFT_P50),
        snapshot.by_model.value(model, Quantity.TTFT_P50),
        frame.value(model, Quantity.GATEWAY_INDEX_LOOKUPS),
        frame.value(model, Quantity.GATEWAY_INDEX_ADMISSIONS),
        frame.value(model, Quantity.GATEWAY_INDEX_ERRORS),
        frame.value(model, Quantity.GATEWAY_UNMATCHED),
        frame.value(model, Quantity.GATEWAY_PREFILL_LOAD),
        frame.value(model, Quantity.GATEWAY_DECODE_LOAD),
    )
