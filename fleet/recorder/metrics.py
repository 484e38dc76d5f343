"""A Measurement as bytes: its layout, and the numbers.

From one measurement to the next only numbers change: the layout, bucket edges included, is written when it changes. A
number has seven digits (IEEE 754 single precision), more than any gauge of an engine or a GPU has; Unix times and
related values are kept in full. Bytes of the same significance are stored together, because the high bytes are much
alike, and then deflated.
"""

from __future__ import annotations

import math
import sys
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cache
from struct import Struct
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from fleet.dataclass import dataclass
from fleet.model.histogram import Histogram
from fleet.model.measurement import EngineId, GatewayId, GpuId, HistogramKey, Measurement, SourceNames, Table
from fleet.model.quantity import Family, Quantity
from fleet.recorder.model_json import to_json
from fleet.recorder.objects import LEVEL
from fleet.recorder.problem import YEAR_9999, RecordingError, first_problem, inflated, json_in

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

_WIDTH: Final = 4
"""Bytes of a number: single precision, the least significant byte first."""
_HEAD: Final = Struct("<6d")
"""Head of every measurement: at, window, interval, interval of GPUs, skew of the clock, requests."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """The quantities of a table, how long they are, and how many of its rows have an age."""

    quantities: tuple[Quantity, ...] = ()
    rows: int = 0
    ages: int = 0
    reset: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Histograms(Generic[T]):
    """The histograms there are, and which edges each has: its place in ``MeasurementLayout.edges``."""

    of: tuple[T, ...]
    edges: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MeasurementLayout:
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
    histograms: Mapping[Family, _Histograms[HistogramKey]] = field(default_factory=dict)
    means: Mapping[Quantity, int] = field(default_factory=dict)
    """Quantity → rows."""
    unreachable: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    throttle_reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: SourceNames = SourceNames()
    edges: tuple[str, ...] = ()
    """The upper edges of buckets, a text of numbers for all histograms that have the same."""


@cache
def _adapter() -> TypeAdapter[MeasurementLayout]:
    # Created on first use, and not by writers: its schema takes longer than the rest of a start.
    from pydantic import TypeAdapter

    return TypeAdapter(MeasurementLayout)


def layout_of(m: Measurement) -> MeasurementLayout:
    """Return the layout of its numbers."""
    edges = _Edges()
    return MeasurementLayout(
        source=m.source,
        engines=m.engines,
        engine_table=_columns(m.engine_table),
        dialects=m.dialects,
        gateways=m.gateways,
        gateway_table=_columns(m.gateway_table),
        gateway_histograms={family: edges.shape(found) for family, found in m.gateway_histograms.items()},
        gpus=m.gpus,
        gpu_table=_columns(m.gpu_table),
        histograms={family: edges.shape(found) for family, found in m.histograms.items()},
        means={quantity: len(sums) for quantity, (sums, _) in m.means.items()},
        unreachable=m.unreachable,
        unread=m.unread,
        notes=m.notes,
        throttle_reasons=m.throttle_reasons,
        sources=m.sources,
        edges=edges.texts(),
    )


def numbers_of(m: Measurement) -> bytes:
    """Return its numbers, in the order of its layout."""
    parts = [_HEAD.pack(m.at, m.window, m.interval, m.gpu_interval, m.clock_skew, m.requests)]
    for table in (m.engine_table, m.gateway_table, m.gpu_table):
        parts += map(_single, table.columns.values())
        parts.append(_single(table.ages))
    for sums, counts in m.means.values():
        parts += (_single(sums), _single(counts))
    for families in (m.histograms, m.gateway_histograms):
        for histograms in families.values():
            # Thousands of tuples of some twenty numbers each: a Struct takes a third of the time of an array.
            for histogram in histograms.values():
                try:
                    parts.append(_packer(len(histogram.counts) + 1)(*histogram.counts, histogram.total))
                except OverflowError:
                    parts.append(_single((*histogram.counts, histogram.total)))
    return b"".join(parts)


@cache
def _packer(count: int) -> Callable[..., bytes]:
    return Struct(f"<{count}f").pack


def _single(numbers: Iterable[float]) -> bytes:
    """Pack numbers in single precision; a number too large for that becomes infinite."""
    found = array("f", numbers)
    if sys.byteorder == "big":
        found.byteswap()
    return found.tobytes()


def measurement(layout: MeasurementLayout, numbers: bytes, *, gauges_alone: bool = False) -> Measurement:
    """The Measurement of both, whole or without its histograms and the means of phases, which are most of it.

    Raises RecordingError where they do not belong together.
    """
    if len(numbers) < _HEAD.size:
        raise RecordingError("one of its measurements has no time")
    at, window, interval, gpu_interval, skew, requests = _HEAD.unpack_from(numbers)
    tables = layout.engine_table, layout.gateway_table, layout.gpu_table
    end = _HEAD.size + _WIDTH * sum(len(each.quantities) * each.rows + each.ages for each in tables)
    rest = MeasurementLayout("") if gauges_alone else layout
    taken = _Numbers(numbers[_HEAD.size : end if gauges_alone else None], [_edges_in(text) for text in rest.edges])
    engine_table, gateway_table, gpu_table = (taken.table(columns) for columns in tables)
    means = {quantity: (taken.take(rows), taken.take(rows)) for quantity, rows in rest.means.items()}
    histograms = {family: taken.histograms(shape) for family, shape in rest.histograms.items()}
    of_gateways = {family: taken.histograms(shape) for family, shape in rest.gateway_histograms.items()}
    taken.end()
    if not all(0 <= one <= YEAR_9999 for one in (at, window, interval, gpu_interval, abs(skew), requests)):
        raise RecordingError("one of its measurements has an invalid time")
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
        sources=layout.sources,
    )


class _Numbers:
    """Numbers that are taken from the front."""

    def __init__(self, data: bytes, edges: Sequence[tuple[float, ...]]) -> None:
        if len(data) % _WIDTH:
            raise RecordingError("one of its measurements has an incomplete number")
        singles = array("f", data)
        if sys.byteorder == "big":
            singles.byteswap()
        self._all = array("d", singles)
        self._at = 0
        self._edges = edges

    def take(self, count: int) -> array[float]:
        if not 0 <= count <= len(self._all) - self._at:
            raise RecordingError("one of its measurements has fewer numbers than declared")
        self._at += count
        return self._all[self._at - count : self._at]

    def table(self, columns: _Columns) -> Table:
        found = {quantity: self.take(columns.rows) for quantity in columns.quantities}
        return Table(found, self.take(columns.ages), frozenset(columns.reset))

    def histograms(self, shape: _Histograms[T]) -> dict[T, Histogram]:
        if len(shape.of) != len(shape.edges):
            raise RecordingError("one of its measurements has histograms without an object")
        found, numbers, at = {}, self._all, self._at
        # There are thousands, and each costs two slices.
        for of, place in zip(shape.of, shape.edges, strict=True):
            if not 0 <= place < len(self._edges):
                raise RecordingError("one of its measurements has histograms without edges")
            edges = self._edges[place]
            total = at + len(edges)
            if total >= len(numbers):
                raise RecordingError("one of its measurements has fewer numbers than declared")
            found[of] = Histogram(edges, tuple(numbers[at:total]), numbers[total])
            at = total + 1
        self._at = at
        return found

    def end(self) -> None:
        if self._at != len(self._all):
            raise RecordingError("one of its measurements has more numbers than declared")


def _columns(table: Table) -> _Columns:
    rows = next((len(column) for column in table.columns.values()), 0)
    return _Columns(tuple(table.columns), rows, len(table.ages), tuple(sorted(table.reset)))


class _Edges:
    """The different edges that there are. Nearly all histograms share a tuple: it is known without looking into it."""

    def __init__(self) -> None:
        self._places: dict[tuple[float, ...], int] = {}
        self._known: dict[int, int] = {}

    def shape(self, histograms: Mapping[T, Histogram]) -> _Histograms[T]:
        return _Histograms(tuple(histograms), tuple([self._place(one.edges) for one in histograms.values()]))

    def _place(self, edges: tuple[float, ...]) -> int:
        known = self._known.get(id(edges))
        if known is None:
            known = self._known[id(edges)] = self._places.setdefault(edges, len(self._places))
        return known

    def texts(self) -> tuple[str, ...]:
        return tuple(" ".join(map(repr, edges)) for edges in self._places)


def _edges_in(text: str) -> tuple[float, ...]:
    try:
        found = tuple(map(float, text.split()))
    except ValueError:
        raise RecordingError("one of its measurements has edges that are not numbers") from None
    if any(map(math.isnan, found)):
        raise RecordingError("one of its measurements has edges that are not numbers")
    return found


def pack_layout(layout: MeasurementLayout) -> bytes:
    """A layout, deflated."""
    return zlib.compress(to_json(layout), LEVEL)


def unpack_layout(data: bytes) -> MeasurementLayout:
    """The layout of ``pack_layout``. Raises RecordingError."""
    try:
        return _adapter().validate_json(json_in(data))
    except ValueError as error:
        raise RecordingError(f"one of its measurements cannot be read: {first_problem(error)}") from None


def pack_numbers(numbers: bytes) -> bytes:
    """Numbers, deflated."""
    # Mostly runs and noise: searching for other repetition takes longer and finds little.
    deflater = zlib.compressobj(LEVEL, strategy=zlib.Z_RLE)
    return b"".join((*map(deflater.compress, _by_weight(numbers)), deflater.flush()))


def unpack_numbers(data: bytes) -> bytes:
    """The numbers of ``pack_numbers``. Raises RecordingError."""
    mixed = inflated(data)
    if len(mixed) % _WIDTH:
        raise RecordingError("one of its measurements has an incomplete number")
    count = len(mixed) // _WIDTH
    numbers = bytearray(len(mixed))
    for weight in range(_WIDTH):
        numbers[weight::_WIDTH] = mixed[weight * count : (weight + 1) * count]
    return bytes(numbers)


def _by_weight(numbers: bytes) -> Iterator[bytes]:
    """Yield the first bytes of all numbers, then the second …: similar bytes are adjacent."""
    return (numbers[weight::_WIDTH] for weight in range(_WIDTH))
