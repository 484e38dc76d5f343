"""Objectives that a fleet meets today, with room to spare: a starting point for setting them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from fleet.dataclass import dataclass
from fleet.model.counting import count
from fleet.model.quantity import Family
from fleet.objectives.ledger import Tally
from fleet.objectives.objective import FAMILIES, Indicator

SPARE: Final = 0.5
"""The share of the error budget that may be spent as things are: the other half is for a bad day."""
_ERRORS: Final = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.02, 0.05)
_AVAILABILITY: Final = (0.9999, 0.9995, 0.999, 0.995, 0.99, 0.95)
_SHARE: Final = 0.95
"""The percentile that is suggested: one request of twenty may be slow."""
_FEW: Final = 100.0
"""Fewest requests for a suggestion."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One objective of one model."""

    name: str
    """Key of the configuration."""
    value: float
    why: str
    """The measurement behind it."""


def suggestions(tallies: Iterable[Tally], window: float, covered: float) -> Iterator[Suggestion]:
    """The objectives of a model, from all that was counted of it in a window (seconds)."""
    every = list(tallies)
    yield from _available(every, window, covered)
    yield from _errors(every, window)
    for measure, family in FAMILIES.items():
        found = _latency(_merged(every, family), measure, window)
        if found is not None:
            yield found


def _available(tallies: list[Tally], window: float, covered: float) -> Iterator[Suggestion]:
    if not tallies or covered < 86_400:
        # Hours without an outage prove nothing.
        return
    share = min(1.0, max(tally.present for tally in tallies) * window / covered)
    spare = 1.0 - (1.0 - share) / SPARE
    kept = next((one for one in _AVAILABILITY if one <= spare), None)
    if kept is not None:
        yield Suggestion("availability", kept, f"an engine was available {100 * share:.4g} % of the time")


def _errors(tallies: list[Tally], window: float) -> Iterator[Suggestion]:
    every, failed = (math.fsum(getattr(one, what) for one in tallies) for what in ("all", "bad"))
    if every * window < _FEW:
        return
    kept = next((one for one in _ERRORS if failed / every <= one * SPARE and every * window * one >= 1), None)
    if kept is not None:
        yield Suggestion("errors", kept, f"{100 * failed / every:.3g} % of {count(every * window, 'request')} failed")


def _latency(buckets: Mapping[float, float], measure: Indicator, window: float) -> Suggestion | None:
    every = buckets.get(math.inf, 0.0)
    if every * window < _FEW:
        return None
    enough = 1.0 - (1.0 - _SHARE) * SPARE
    edge = next((edge for edge in sorted(buckets) if buckets[edge] >= enough * every and math.isfinite(edge)), None)
    if edge is None:
        return None
    what = "tokens" if measure is Indicator.ITL else "requests"
    why = f"{100 * buckets[edge] / every:.3g} % of {every * window:.0f} {what} were within it"
    return Suggestion(f"{measure}_p95", edge, why)


def _merged(tallies: list[Tally], family: Family) -> dict[float, float]:
    """The buckets that all have."""
    parts = [tally.buckets[family] for tally in tallies if tally.buckets.get(family, {}).get(math.inf, 0.0) > 0]
    if not parts:
        return {}
    return {edge: math.fsum(part[edge] for part in parts) for edge in set(parts[0]).intersection(*parts[1:])}


def toml(name: str, namespace: str, model: str, found: Iterable[Suggestion]) -> Iterator[str]:
    """A table of the configuration; ``name`` is that of the table."""
    yield f"[objectives.groups.{_key(name)}]"
    yield f"models = [{_string(model)}]"
    if namespace:
        yield f"namespaces = [{_string(namespace)}]"
    for one in found:
        yield f"{f'{one.name} = {one.value:.10g}':<24} # {one.why}"


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else _string(name)


def _string(text: str) -> str:
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in text)
    return f'"{escaped}"'
