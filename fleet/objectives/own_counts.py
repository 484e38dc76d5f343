"""Tallies of this console's own observation, if no store keeps history: by minute, then by ten minutes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from fleet.model.measurement import Measurement
from fleet.model.quantity import Family, Quantity
from fleet.objectives.burn_rate import DAY, HOUR, MINUTE
from fleet.objectives.ledger import Tally
from fleet.objectives.owners import RequestOwner, stem_of

KEPT: Final = 3 * DAY
"""Seconds that are kept: the longest window."""
_FINE: Final = 6 * HOUR
"""Seconds within which every minute is kept."""
_LATE: Final = 120.0
"""Seconds without a sample after which an engine is not there."""

Key = tuple[RequestOwner, Family | str, float]
"""Owner, histogram or count, and the edge of the bucket (0.0 for a count)."""
_Owned = dict[RequestOwner, dict[tuple[Family | str, float], float]]


class EventCounter:
    """Adds up measurements: events, and the seconds in which an engine existed."""

    def __init__(self) -> None:
        self._bins: dict[float, dict[Key, float]] = {}
        """Unix time at which a bin begins → counts in it."""
        self._seen: dict[float, float] = {}
        """Unix time at which a bin begins → observed seconds of it."""
        self._over: dict[tuple[float, ...], Mapping[Key, float]] = {}
        """Bins that are over → the sums of their counts, for the windows of the last call."""
        self._keys: dict[Key, Key] = {}
        """The keys of the running minute: bins share them, since a key takes more than what is counted under it."""
        self._last = -math.inf
        self.since: dict[RequestOwner, float] = {}
        """Unix time at which each owner was first seen."""

    def note(self, found: Measurement, edges: Mapping[Family, Collection[float]]) -> None:
        """Count the events since the last call from the rates, for no longer than these cover.

        Of the histograms only these edges are kept.
        """
        if found.at <= self._last:
            return
        seconds = min(found.at - self._last, found.window)
        self._last = found.at
        minute = math.floor(found.at / MINUTE) * MINUTE
        if minute not in self._bins:
            self._keys = {key: key for key in self._bins.get(minute - MINUTE, ())}
        into = self._bins.setdefault(minute, defaultdict(float))
        self._seen[minute] = self._seen.get(minute, 0.0) + seconds
        for key, per_second in _rates(found, edges):
            into[self._keys.setdefault(key, key)] += per_second * seconds
        for owner in _there(found):
            present: Key = (owner, "present", 0.0)
            into[self._keys.setdefault(present, present)] += seconds
            self.since.setdefault(owner, found.at - seconds)
        self._thin(found.at)

    @property
    def at(self) -> float:
        """Unix time of the last measurement; -inf for none."""
        return self._last

    def covered(self, window: float) -> float:
        """Return the observed seconds of a window."""
        return min(window, sum(seen for at, seen in self._seen.items() if at > self._last - window))

    def tallies(self, windows: Iterable[float]) -> dict[float, dict[RequestOwner, Tally]]:
        """Return window in seconds → its tallies, which end with the last measurement; rates are over the whole of it.

        Only the bin of the running minute changes from call to call: the sums of the bins before it are kept for as
        long as a window has the same ones, and windows that have the same ones share them.
        """
        running = math.floor(self._last / MINUTE) * MINUTE
        before, self._over = self._over, {}
        found: dict[float, dict[RequestOwner, Tally]] = {}
        owned: dict[tuple[float, ...], _Owned] = {}
        for window in windows:
            over = tuple(at for at in self._bins if self._last - window < at < running)
            if over not in owned:
                self._over[over] = before.get(over) or _sum(self._bins[at] for at in over)
                owned[over] = _by_owner(_sum((self._over[over], self._bins.get(running, {}))))
            found[window] = {owner: _tally(counts, window) for owner, counts in owned[over].items()}
        return found

    def _thin(self, now: float) -> None:
        for at in [at for at in self._bins if at <= now - KEPT]:
            del self._bins[at], self._seen[at]
        for at in [at for at in self._bins if at <= now - _FINE and at % (10 * MINUTE)]:
            coarse = math.floor(at / (10 * MINUTE)) * 10 * MINUTE
            into = self._bins.setdefault(coarse, defaultdict(float))
            for key, value in self._bins.pop(at).items():
                into[key] += value
            self._seen[coarse] = self._seen.get(coarse, 0.0) + self._seen.pop(at)


def _sum(bins: Iterable[Mapping[Key, float]]) -> Mapping[Key, float]:
    """Add bins up."""
    total: dict[Key, float] = {}
    for counts in bins:
        for key, value in counts.items():
            total[key] = total.get(key, 0.0) + value
    return total


def _by_owner(counts: Mapping[Key, float]) -> _Owned:
    found: _Owned = defaultdict(dict)
    for (owner, what, upper), value in counts.items():
        found[owner][what, upper] = value
    return found


def _tally(found: Mapping[tuple[Family | str, float], float], window: float) -> Tally:
    buckets: dict[Family, dict[float, float]] = {}
    for (what, upper), value in found.items():
        if isinstance(what, Family):
            buckets.setdefault(what, {})[upper] = value / window
    return Tally(
        buckets,
        found.get(("bad", 0.0), 0.0) / window,
        found.get(("all", 0.0), 0.0) / window,
        min(1.0, found.get(("present", 0.0), 0.0) / window),
    )


def _rates(found: Measurement, wanted: Mapping[Family, Collection[float]]) -> Iterable[tuple[Key, float]]:
    for family, edges in wanted.items():
        groups = found.histograms.get(family, {})
        # A source has histograms of models, of engines, or of both, in which case they count the same requests.
        of_models = any(not group.pod and not group.instance for group in groups)
        for group, histogram in groups.items():
            if not (of_models and (group.pod or group.instance)):
                owner = RequestOwner(group.namespace, stem_of(group.pod) if group.pod else "", group.model)
                for upper, rate in zip(histogram.edges, histogram.counts, strict=True):
                    if math.isfinite(rate) and (upper in edges or math.isinf(upper)):
                        yield (owner, family, upper), rate
    columns = found.engine_table.columns
    for name, quantity in (("bad", Quantity.HTTP_ERRORS), ("all", Quantity.HTTP_REQUESTS)):
        for engine, rate in zip(found.engines, columns.get(quantity, ()), strict=False):
            if engine.pod and math.isfinite(rate):
                yield (RequestOwner(engine.namespace, stem_of(engine.pod)), name, 0.0), rate


def _there(found: Measurement) -> set[RequestOwner]:
    """The owners with an engine that is measured."""
    ages = found.engine_table.ages
    return {
        RequestOwner(engine.namespace, stem_of(engine.pod) if engine.pod else "", engine.model)
        for engine, age in zip(found.engines, ages, strict=True)
        if not age > _LATE
    }
