"""The impact on the other replicas: the load of the last ten minutes on fewer of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from actions.planning.plan import Change
from fleet.dataclass import dataclass
from fleet.model.quantity import Quantity
from fleet.model.reading import MISSING, Reading
from fleet.model.snapshot import Snapshot

SPAN = 600.0
"""Seconds of history that the means are of."""
_BURST = 10
"""Requests waiting on one replica at a moment that count as one that waits all the time."""


@dataclass(frozen=True, slots=True)
class Impact:
    """One model before and after some of its pods leave. NaN if not measured.

    Requests, and the KV cache that they hold, are assumed to spread evenly over the remaining replicas: true of equal
    replicas behind a router that balances by load.
    """

    model: str
    replicas: int
    """Ready pods that serve it."""
    remaining: int
    requests: float
    """Running and waiting, of a replica."""
    requests_after: float
    kv: float
    """KV cache in use, of a replica (ratio)."""
    kv_after: float
    """More than 1: the requests do not fit, and queue."""
    rate: float
    """Requests per second of all of them."""
    waiting: float = math.nan
    """Requests that wait in all of them: the mean of the last ten minutes."""
    waiting_now: float = math.nan
    """The same at this moment."""
    ttft: Reading = MISSING
    """Seconds to the first token now (95th percentile of the model)."""

    @property
    def queue(self) -> float:
        """Waiting requests per remaining replica, by the more significant of the two numbers; 0 if not measured.

        A momentary queue counts in part: a burst that one step of the scheduler absorbs is not a queue.
        """
        among = max(1, self.remaining)
        return max(_or_zero(self.waiting) / among, _or_zero(self.waiting_now) / among / _BURST)

    @property
    def growth(self) -> float:
        """Growth of the queue in requests per second: the share of the load that finds no room in the KV cache."""
        return self.rate * (1 - 1 / self.kv_after) if self.kv_after > 1 else 0.0

    @property
    def changes(self) -> tuple[Change, ...]:
        """Changes for a plan; unmeasured ones are left out."""
        rows = [Change(f"ready replicas of {self.model}", str(self.replicas), str(self.remaining))]
        if not math.isnan(self.requests) and self.remaining:
            rows.append(Change("requests per replica", f"{self.requests:.1f}", f"{self.requests_after:.1f}"))
        if not math.isnan(self.kv) and self.remaining:
            rows.append(Change("KV cache in use", f"{self.kv:.0%}", f"{self.kv_after:.0%}"))
        return tuple(rows)


def impacts(snapshot: Snapshot, leaving: Collection[str]) -> tuple[Impact, ...]:
    """Return the impact on every model that loses ready pods; ``leaving`` are keys of pods."""
    models = {model for pod in leaving for model in served_by(snapshot, pod)}
    found = (_impact(snapshot, model, leaving) for model in sorted(models))
    return tuple(impact for impact in found if impact.remaining < impact.replicas)


def served_by(snapshot: Snapshot, pod: str) -> frozenset[str]:
    """Return the keys of the models that a pod serves: by its engines, else by its workload."""
    found = snapshot.pods.get(pod)
    engines = snapshot.engines_of.get(pod, ())
    if found is not None and engines:
        return frozenset(f"{found.namespace}/{snapshot.engines[key].model}" for key in engines)
    return frozenset({snapshot.model_of.get(snapshot.workload_of.get(pod, ""), "")} - {""})


def serving(snapshot: Snapshot, model: str) -> list[str]:
    """Keys of the pods that serve a model now: ready, not being deleted, and, of a group, its engine's."""
    group = snapshot.models.get(model)
    pods = [pod for workload in (group.workloads if group else ()) for pod in snapshot.pods_of.get(workload, ())]
    ready = [key for key in pods if snapshot.pods[key].ready and snapshot.pods[key].deleted is None]
    # Workers of a multi-host engine are ready but serve no requests; in a rollout that changes the served name, pods
    # of one name do not serve requests for the other.
    measured = [key for key in ready if snapshot.engines_of.get(key)]
    return [key for key in measured if model in served_by(snapshot, key)] if measured else ready


def mean(snapshot: Snapshot, pod: str, quantity: Quantity) -> float:
    """Return the mean of the last ten minutes; the latest reading where there is no history, NaN for neither."""
    history = snapshot.history
    strip = [v for v in history.strip(pod, quantity, max(1, round(SPAN / history.step))) if not math.isnan(v)]
    return math.fsum(strip) / len(strip) if strip else snapshot.by_pod.value(pod, quantity)


def _impact(snapshot: Snapshot, model: str, leaving: Collection[str]) -> Impact:
    now = serving(snapshot, model)
    remaining = [pod for pod in now if pod not in leaving]
    requests = _mean_known(
        mean(snapshot, p, Quantity.RUNNING) + _or_zero(mean(snapshot, p, Quantity.WAITING)) for p in now
    )
    kv = _mean_known(mean(snapshot, pod, Quantity.KV_USAGE) for pod in now)
    factor = len(now) / len(remaining) if remaining else math.nan
    return Impact(
        model.partition("/")[2],
        len(now),
        len(remaining),
        requests,
        requests * factor,
        kv,
        kv * factor,
        math.fsum(_or_zero(snapshot.by_pod.value(pod, Quantity.REQUESTS)) for pod in now),
        _total(mean(snapshot, pod, Quantity.WAITING) for pod in now),
        _total(snapshot.by_pod.value(pod, Quantity.WAITING) for pod in now),
        _ttft(snapshot, model, now),
    )


def _ttft(snapshot: Snapshot, model: str, pods: Iterable[str]) -> Reading:
    """Return the TTFT of the model; where that is not measured, that of the pod that is worst off."""
    found = snapshot.by_model.get(model, Quantity.TTFT_P95)
    each = (snapshot.by_pod.get(pod, Quantity.TTFT_P95) for pod in pods)
    worst = max((one for one in each if one.known), key=lambda one: one.value, default=MISSING)
    return found if found.known else worst


def _total(values: Iterable[float]) -> float:
    """Return the sum of the known values; NaN for none."""
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) if known else math.nan


def _mean_known(values: Iterable[float]) -> float:
    """Return the mean of the known values; NaN if there are none."""
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value
