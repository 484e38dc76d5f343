"""Past values from a source that keeps them: curves of one quantity, and latency over a period."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple, overload

from fleet.model.measurement import HistogramKey
from fleet.model.quantity import Quantity


class Points(Sequence[tuple[float, float]]):
    """Times and values in two arrays: as pairs, a quarter of an hour of five thousand pods is a hundred MiB."""

    __slots__ = ("times", "values")

    def __init__(self, times: array[float], values: array[float]) -> None:
        self.times = times
        """Unix times; all lines that have the same ones share them."""
        self.values = values

    @classmethod
    def of(cls, points: Sequence[tuple[float, float]]) -> Points:
        """The same in this form."""
        if isinstance(points, Points):
            return points
        return cls(array("d", (at for at, _ in points)), array("d", (value for _, value in points)))

    @overload
    def __getitem__(self, place: int) -> tuple[float, float]: ...
    @overload
    def __getitem__(self, place: slice) -> Points: ...
    def __getitem__(self, place: int | slice) -> tuple[float, float] | Points:
        if isinstance(place, slice):
            return Points(self.times[place], self.values[place])
        return self.times[place], self.values[place]

    def __len__(self) -> int:
        return len(self.times)


class Past(NamedTuple):
    """One quantity of a pod (``group.pod`` or ``group.instance``), a model (``group.model``) or a GPU (``gpu``)."""

    quantity: Quantity
    points: Sequence[tuple[float, float]]
    """(Unix time, value), oldest first; times without a value are left out."""
    group: HistogramKey = HistogramKey("")
    gpu: str = ""
    """``GpuId.key``."""


class Latency(NamedTuple):
    """Latency of requests, in seconds; NaN for not known."""

    ttft_p95: float
    itl_p95: float
    is_typical: bool = False
    """True for the usual value of percentiles over short times: the requests of the whole period were not kept."""
