"""Comparison of a benchmark with earlier ones and with the fleet's real traffic."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from fleet.dataclass import dataclass
from fleet.local.benches import Bench, ConcurrencyLevel
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot

RATES: Final = frozenset({"requests_rate", "output_rate"})
"""Fields of a level that are better when larger, and that add up over the pods of a model."""
MEASURED: Final[Mapping[str, Quantity]] = {
    "requests_rate": Quantity.REQUESTS,
    "output_rate": Quantity.GENERATION_TOKENS,
    "ttft_p50": Quantity.TTFT_P50,
    "ttft_p95": Quantity.TTFT_P95,
    "ttft_p99": Quantity.TTFT_P99,
    "itl_p50": Quantity.ITL_P50,
    "itl_p95": Quantity.ITL_P95,
    "itl_p99": Quantity.ITL_P99,
    "e2e_p50": Quantity.E2E_P50,
    "e2e_p95": Quantity.E2E_P95,
    "e2e_p99": Quantity.E2E_P99,
}
"""Fields of a level that are compared → the fleet's quantity."""


@dataclass(frozen=True, slots=True)
class SweepDifference:
    """The same concurrency in two sweeps."""

    concurrency: int
    ratios: Mapping[str, float | None]
    """Field of Level → how much more it is now than then (0.1: a tenth more); None where one of them has no number."""


@dataclass(frozen=True, slots=True)
class SweepComparison:
    """A sweep compared with an earlier one."""

    earlier: Bench
    circumstances: tuple[str, ...]
    """Other causes of a difference: the version of vLLM, the server's arguments."""
    differences: tuple[SweepDifference, ...]
    """Differences of the levels that are in both."""


@dataclass(frozen=True, slots=True)
class FleetRow:
    """A level compared with the fleet's pods that serve the same name."""

    model: str
    """Key in ``Snapshot.models``."""
    pods: int
    """Ready ones."""
    values: Mapping[str, float | None]
    """Field of Level → the fleet's number, rates per ready pod; None if missing or stale."""
    ratios: Mapping[str, float | None]
    """Field → ratio of the level to the fleet's number."""


def latest_comparable(bench: Bench, benches: Iterable[Bench]) -> Bench | None:
    """The latest earlier sweep that it can be compared with; None for none."""
    earlier = [other for other in benches if other.at < bench.at and _is_comparable(bench, other)]
    return max(earlier, key=lambda other: other.at, default=None)


def compare(bench: Bench, earlier: Bench) -> SweepComparison:
    """Compare a benchmark with an earlier comparable one."""
    known = {level.concurrency: level for level in earlier.levels}
    both = [(level, known[level.concurrency]) for level in bench.levels if level.concurrency in known]
    differences = tuple(SweepDifference(now.concurrency, _ratios(now, _measures(then))) for now, then in both)
    return SweepComparison(earlier, _circumstances(bench, earlier), differences)


def against_fleet(
    level: ConcurrencyLevel, snapshot: Snapshot, served: str, own: Collection[str] = ()
) -> tuple[FleetRow, ...]:
    """Compare a level with the same served name in the selected cluster, one row per model group that has ready pods.

    ``own``: uids of pods that are this machine's own, and so are excluded. The fleet's requests have other lengths, so
    the rows only compare orders of magnitude.
    """
    rows = []
    for key, model in snapshot.models.items():
        pods = [snapshot.pods[pod] for workload in model.workloads for pod in snapshot.pods_of.get(workload, ())]
        ready = sum(pod.ready for pod in pods)
        if model.name != served or not ready or any(pod.uid in own for pod in pods):
            continue
        values = {name: _reading(snapshot, key, name, ready) for name in MEASURED}
        rows.append(FleetRow(key, ready, values, _ratios(level, values)))
    return tuple(rows)


def _is_comparable(bench: Bench, earlier: Bench) -> bool:
    """True if both measured the same: the same model, lengths and tool."""
    lengths, before = (bench.prompt_tokens, bench.output_tokens), (earlier.prompt_tokens, earlier.output_tokens)
    return (bench.model, lengths, bench.tool) == (earlier.model, before, earlier.tool)


def _circumstances(bench: Bench, earlier: Bench) -> tuple[str, ...]:
    found = []
    if bench.version != earlier.version:
        found.append(f"vLLM {earlier.version or 'of an unknown version'} then, {bench.version or 'unknown'} now")
    gone = [word for word in earlier.arguments if word not in bench.arguments]
    new = [word for word in bench.arguments if word not in earlier.arguments]
    if gone or new:
        found.append(f"other arguments: {' '.join(gone) or 'none'} then, {' '.join(new) or 'none'} now")
    return tuple(found)


def _ratios(level: ConcurrencyLevel, then: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: _ratio(value, then[name]) for name, value in _measures(level).items()}


def _ratio(now: float | None, then: float | None) -> float | None:
    return None if now is None or not then else now / then - 1


def _measures(level: ConcurrencyLevel) -> dict[str, float | None]:
    return {name: getattr(level, name) for name in MEASURED}


def _reading(snapshot: Snapshot, key: str, name: str, pods: int) -> float | None:
    reading = snapshot.by_model.get(key, MEASURED[name])
    if not math.isfinite(reading.value) or reading.state is State.STALE:
        return None
    return reading.value / pods if name in RATES else reading.value
