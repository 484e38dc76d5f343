"""A Measurement as bytes: what its numbers are of (its layout), and the numbers.

From one measurement to the next nearly only numbers change, and most of those by little: they are kept as what differs,
bit by bit, from those of a measurement before, bytes of the same weight beside each other, and then deflated.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from fleet.model.histogram import Histogram
from fleet.model.measurement import EngineId, GatewayId, GpuId, Group, Measurement, Table
from fleet.model.quantity import Family, Quantity
from fleet.recorder.objects import LEVEL
from fleet.recorder.problem import YEAR_9999, RecordingError, first_problem, inflated
from fleet.recorder.written import to_json

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

_WIDTH: Final = 8
"""Bytes of a number: an IEEE 754 double, the least significant byte first."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which quantities a table has, how long they are, and how many of its rows have an age."""

    quantities: tuple[Quantity, ...] = ()
    rows: int = 0
    ages: int = 0
    reset: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Histograms(Generic[T]):
    """Whose histograms there are, and how many buckets each has."""

    of: tuple[T, ...]
    buckets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything of a Measurement but its numbers."""

    source: str
    engines: tuple[EngineId, ...] = ()
    engine_table: _Columns = _Columns()
    dialects: tuple[tuple[str, ...], ...] = ()
    gateways: tuple[GatewayId, ...] = ()
    gateway_table: _Columns = _Columns()
    gateway_histograms: Mapping[Family, _Histograms[GatewayId]] = field(default_factory=dict)
    gpus: tuple[GpuId, ...] = ()
    gpu_table: _Columns = _Columns()
    histograms: Mapping[Family, _Histograms[Group]] = field(default_factory=dict)
    means: Mapping[Quantity, int] = field(default_factory=dict)
    """Quantity → rows."""
    unreachable: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    throttle_reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@cache
def _adapter() -> TypeAdapter[Layout]:
    # Made when it is first needed, and not by who only writes: its schema takes longer than the rest of a start.
    from pydantic import TypeAdapter

    return TypeAdapter(Layout)


def layout_of(m: Measurement) -> Layout:
    """What its numbers are of."""
    return Layout(
        source=m.source,
        engines=m.engines,
        engine_table=_columns(m.engine_table),
        dialects=m.dialects,
        gateways=m.gateways,
        gateway_table=_columns(m.gateway_table),
        gateway_histograms={family: _shape(found) for family, found in m.gateway_histograms.items()},
        gpus=m.gpus,
        gpu_table=_columns(m.gpu_table),
        histograms={family: _shape(found) for family, found in m.histograms.items()},
        means={quantity: len(sums) for quantity, (sums, _) in m.means.items()},
        unreachable=m.unreachable,
        unread=m.unread,
        notes=m.notes,
        throttle_reasons=m.throttle_reasons,
    )


def numbers_of(m: Measurement) -> bytes:
    """Its numbers, in the order of its layout."""
    found = array("d", [m.at, m.window, m.interval, m.gpu_interval, m.clock_skew, m.requests])
    for table in (m.engine_table, m.gateway_table, m.gpu_table):
        for column in table.columns.values():
            found.extend(column)
        found.extend(table.ages)
    for sums, counts in m.means.values():
        found.extend(sums)
        found.extend(counts)
    for families in (m.histograms, m.gateway_histograms):
        for histograms in families.values():
            for histogram in histograms.values():
                found.extend(histogram.edges)
                found.extend(histogram.counts)
                found.append(histogram.total)
    if sys.byteorder == "big":
        found.byteswap()
    return found.tobytes()


def measurement(layout: Layout, numbers: bytes) -> Measurement:
    """The Measurement of both. Raises RecordingError where they do not belong together."""
    taken = _Numbers(numbers)
    at, window, interval, gpu_interval, skew, requests = taken.take(6)
    engine_table, gateway_table, gpu_table = (
        taken.table(columns) for columns in (layout.engine_table, layout.gateway_table, layout.gpu_table)
    )
    means = {quantity: (taken.take(rows), taken.take(rows)) for quantity, rows in layout.means.items()}
    histograms = {family: taken.histograms(shape) for family, shape in layout.histograms.items()}
    of_gateways = {family: taken.histograms(shape) for family, shape in layout.gateway_histograms.items()}
    taken.end()
    if not all(0 <= one <= YEAR_9999 for one in (at, window, interval, gpu_interval, abs(skew), requests)):
        raise RecordingError("a measurement of it is of no time that there is")
    return Measurement(
        layout.source,
        at,
        window,
        interval,
        engines=layout.engines,
        engine_table=engine_table,
        dialects=layout.dialects,
        gateways=layout.gateways,
        gateway_table=gateway_table,
        gateway_histograms=of_gateways,
        gpus=layout.gpus,
        gpu_table=gpu_table,
        histograms=histograms,
        means=means,
        unreachable=layout.unreachable,
        unread=layout.unread,
        requests=int(requests),
        gpu_interval=gpu_interval,
        clock_skew=skew,
        notes=layout.notes,
        throttle_reasons=layout.throttle_reasons,
    )


class _Numbers:
    """Numbers that are taken from the front."""

    def __init__(self, data: bytes) -> None:
        if len(data) % _WIDTH:
            raise RecordingError("a measurement of it has half a number")
        self._all = array("d", data)
        if sys.byteorder == "big":
            self._all.byteswap()
        self._at = 0
        self._edges: dict[bytes, tuple[float, ...]] = {}

    def take(self, count: int) -> array[float]:
        if not 0 <= count <= len(self._all) - self._at:
            raise RecordingError("a measurement of it has fewer numbers than it says")
        self._at += count
        return self._all[self._at - count : self._at]

    def table(self, columns: _Columns) -> Table:
        found = {quantity: self.take(columns.rows) for quantity in columns.quantities}
        return Table(found, self.take(columns.ages), frozenset(columns.reset))

    def histograms(self, shape: _Histograms[T]) -> dict[T, Histogram]:
        if len(shape.of) != len(shape.buckets):
            raise RecordingError("a measurement of it has histograms of nobody")
        return {of: self._histogram(buckets) for of, buckets in zip(shape.of, shape.buckets, strict=True)}

    def _histogram(self, buckets: int) -> Histogram:
        edges = self.take(buckets)
        # Most have the same edges: one tuple for all of those.
        shared = self._edges.setdefault(edges.tobytes(), tuple(edges))
        return Histogram(shared, tuple(self.take(buckets)), self.take(1)[0])

    def end(self) -> None:
        if self._at != len(self._all):
            raise RecordingError("a measurement of it has more numbers than it says")


def _columns(table: Table) -> _Columns:
    rows = next((len(column) for column in table.columns.values()), 0)
    return _Columns(tuple(table.columns), rows, len(table.ages), tuple(sorted(table.reset)))


def _shape(histograms: Mapping[T, Histogram]) -> _Histograms[T]:
    return _Histograms(tuple(histograms), tuple(len(histogram.edges) for histogram in histograms.values()))


def pack_layout(layout: Layout) -> bytes:
    """A layout, deflated."""
    return zlib.compress(to_json(layout), LEVEL)


def unpack_layout(data: bytes) -> Layout:
    """The layout of ``pack_layout``. Raises RecordingError."""
    try:
        return _adapter().validate_json(inflated(data))
    except ValueError as error:
        raise RecordingError(f"a measurement of it cannot be read: {first_problem(error)}") from None


def pack_numbers(numbers: bytes, before: bytes = b"") -> bytes:
    """Numbers as what differs from ``before`` (as many, or none), deflated."""
    # Mostly runs of zeros and noise: to look for anything else that repeats takes longer and finds nothing.
    deflater = zlib.compressobj(LEVEL, strategy=zlib.Z_RLE)
    return deflater.compress(b"".join(_by_weight(_exclusive(numbers, before)))) + deflater.flush()


def unpack_numbers(data: bytes, before: bytes = b"") -> bytes:
    """The numbers of ``pack_numbers``, with the same ``before``. Raises RecordingError."""
    mixed = inflated(data)
    if len(mixed) % _WIDTH or (before and len(before) != len(mixed)):
        raise RecordingError("a measurement of it does not fit to the one before")
    count = len(mixed) // _WIDTH
    numbers = bytearray(len(mixed))
    for weight in range(_WIDTH):
        numbers[weight::_WIDTH] = mixed[weight * count : (weight + 1) * count]
    return _exclusive(bytes(numbers), before)


def _exclusive(numbers: bytes, before: bytes) -> bytes:
    """Bitwise exclusive or; as one integer each, which is the fastest that Python has for it."""
    if not before:
        return numbers
    both = int.from_bytes(numbers, "little") ^ int.from_bytes(before, "little")
    return both.to_bytes(len(numbers), "little")


def _by_weight(numbers: bytes) -> Iterator[bytes]:
    """The first bytes of all numbers, then the second … : what changes little is beside its like."""
    return (numbers[weight::_WIDTH] for weight in range(_WIDTH))
