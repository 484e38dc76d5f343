"""One quantity of one object over time, in evenly spaced points."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fleet.dataclass import dataclass
from fleet.model.objects import SAME_CLUSTER, ClusterId
from fleet.model.quantity import Quantity

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)
"""Seconds between two points: divisors of an hour or a day, so that points are at round times."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Evenly spaced moments, Unix times of the console's clock."""

    end: float
    """Time of the last point: a multiple of ``step``, so that the same range has the same points when queried again."""
    step: float
    points: int

    @property
    def start(self) -> float:
        """The first one."""
        return self.end - self.step * (self.points - 1)

    @property
    def seconds(self) -> float:
        """Time from the first to the last."""
        return self.end - self.start

    def times(self) -> Iterator[float]:
        """All of them, oldest first."""
        start = self.start
        return (start + self.step * i for i in range(self.points))

    def before(self, seconds: float) -> TimeRange:
        """The same range so many seconds earlier."""
        return TimeRange(self.end - seconds, self.step, self.points)

    def index(self, at: float) -> int:
        """Return the index of the point nearest to a time; the first or last one for a time outside."""
        return min(max(0, round((at - self.start) / self.step)), self.points - 1)


def time_range(now: float, seconds: float, points: int, least: float) -> TimeRange:
    """The last ``seconds`` in at most about ``points``, no two of them nearer than ``least`` seconds."""
    step = next((s for s in STEPS if s >= least and s * points >= seconds), STEPS[-1])
    return TimeRange(math.floor(now / step) * step, step, math.floor(seconds / step) + 1)


@dataclass(frozen=True, slots=True)
class Curve:
    """The values of a quantity at each moment of a range, NaN for gaps."""

    quantity: Quantity
    range: TimeRange
    values: tuple[float, ...]
    low: tuple[float, ...] = ()
    """The lower edge of a band around them, and ``high`` the upper one; empty for none."""
    high: tuple[float, ...] = ()
    is_peak: bool = False
    """True if the band is from the values to the highest ones within each step."""
    is_recorded: bool = False
    """True if it comes from the console's recordings, because there was no metrics store."""
    apart: float = 0.0
    """Seconds between the measurements that a recorded one is made of, where not all are left, or were read; else 0."""

    @property
    def since(self) -> float:
        """The time of the first value; NaN where there is none."""
        times = zip(self.range.times(), self.values, strict=True)
        return next((at for at, value in times if not math.isnan(value)), math.nan)


@dataclass(frozen=True, slots=True)
class GatewaySeries:
    """The series of an object at some processes of one gateway, distinguished by model or backend."""

    dialect: str
    namespace: str
    pods: str
    """A regular expression (RE2) of whole names."""
    instances: tuple[str, ...] = ()
    """Targets (host:port) that no label names a pod of."""
    models: tuple[str, ...] = ()
    """The names that clients request it by; empty if its numbers name no model."""
    backends: tuple[str, ...] = ()
    """The servers behind it (host:port); empty for all of them."""


@dataclass(frozen=True, slots=True)
class Series:
    """The time series of a metrics store that are about one object."""

    namespace: str = ""
    pods: str = ""
    """A regular expression (RE2) of whole names: the current pods and those that are gone."""
    instances: tuple[str, ...] = ()
    """Targets (host:port) that no label names a pod of."""
    gpu: tuple[str, str] = ("", "")
    """UUID and part of a GPU; empty for none."""
    cards: tuple[str, ...] = ()
    """UUIDs of all GPUs of a node; empty where it is none."""
    products: frozenset[str] = frozenset()
    """The dialects that its engines are known to use; empty if none is known."""
    is_one: bool = False
    """One pod or one GPU, and no group of them."""
    cluster: ClusterId = SAME_CLUSTER
    """The cluster of that object."""
    sources: frozenset[str] = frozenset()
    """The names of the sources that its engines are read from; empty where that is not known."""
    gpu_sources: frozenset[str] = frozenset()
    """The same of its GPUs."""
    gateways: tuple[GatewaySeries, ...] = ()
    """The series of it that gateways have."""
    gateway_sources: frozenset[str] = frozenset()
    """The names of the sources of these."""


@dataclass(frozen=True, slots=True)
class CurveQuestion:
    """A curve that is wanted of a metrics store."""

    quantity: Quantity
    series: Series
    range: TimeRange
    window: float
    """Seconds of the rates, where the steps are not longer."""
    band: tuple[Quantity, Quantity] | None = None
    """The quantities at the edges of the band."""
    key: str = ""
    """The row of the object in a Snapshot."""
    peaks: bool = False
    """True if the highest value within each step is wanted too, for steps longer than the window: a gauge is its mean
    there, which hides a short peak.
    """
