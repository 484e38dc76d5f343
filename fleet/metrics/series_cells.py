"""The meaning of one target's series: derived once per layout, so that a tick only adds up numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from itertools import chain
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.metrics.dialect import IMPLAUSIBLE, Bits, Pick, Rule, pick
from fleet.model.measurement import EngineId, GatewayId, GpuId
from fleet.model.quantity import Family, Quantity


class Term(NamedTuple):
    """One spelling's part: the sum of value x factor over its samples, each dropped when outside low..high.

    ``samples`` None: this spelling is not there.
    """

    samples: tuple[tuple[int, float], ...] | None
    low: float = 0.0
    high: float = IMPLAUSIBLE
    less: float = 0.0
    state: float | None = None
    once: bool = False

    @property
    def place(self) -> int:
        """Index of the one sample that is the value as it stands, if it is plausible; -1 where more is to be done."""
        plain = self.samples is not None and len(self.samples) == 1 and not self.less and self.state is None
        if plain and (self.low, self.high) == (0.0, IMPLAUSIBLE) and self.samples[0][1] == 1.0:  # type: ignore[index]
            return self.samples[0][0]  # type: ignore[index]
        return -1

    def of(self, values: Sequence[float]) -> float:
        """The canonical value, NaN when one of the samples is a blank or there are none."""
        if self.samples is None:
            return math.nan
        total = 0.0
        for at, factor in self.samples:
            value = values[at]
            if not self.low <= value < self.high:
                return math.nan
            counted = value if self.state is None else float(value == self.state)
            total += (1.0 if self.once else counted) * factor
        return max(0.0, total - self.less) if self.less else total


class NumberCell(NamedTuple):
    """The place of a number, and its parts."""

    quantity: Quantity
    row: int
    rule: Rule
    terms: tuple[Term, ...]
    alone: Term | None = None
    """The only part present, if it alone is the number: for most quantities a target has just one of the spellings."""
    place: int = -1
    """Index of the one sample that is the number as it stands, if it is plausible; -1 for none."""

    @classmethod
    def made_of(cls, quantity: Quantity, row: int, rule: Rule, terms: tuple[Term, ...]) -> NumberCell:
        """The cell of these parts."""
        there = [term for term in terms if term.samples is not None]
        # The sum of some parts is not the whole.
        whole = rule.pick is not Pick.WHOLE or len(terms) == 1 or terms[0].samples is not None
        alone = there[0] if len(there) == 1 and whole else None
        return cls(quantity, row, rule, terms, alone, -1 if alone is None else alone.place)

    def of(self, values: Sequence[float]) -> float:
        """The number, NaN for none."""
        if self.alone is not None:
            return self.alone.of(values)
        return pick(self.rule, (term.of(values) for term in self.terms))


def numbers(cells: Iterable[NumberCell], values: Sequence[float]) -> list[float]:
    """Return the number of each cell. Most are one plausible sample, for which nothing needs to be called."""
    return [
        value if (at := cell.place) >= 0 and 0.0 <= (value := values[at]) < IMPLAUSIBLE else cell.of(values)
        for cell in cells
    ]


class BucketCells(NamedTuple):
    """One histogram of a row: ``start:end`` of the counters, ascending by edge. A row may have several of a family."""

    family: Family
    row: int
    edges: tuple[float, ...]
    start: int
    end: int


class Mean(NamedTuple):
    """One phase: the counters of its sum and its count, which may have more labels than the row."""

    quantity: Quantity
    row: int
    sums: tuple[int, ...]
    counts: tuple[int, ...]
    per_second: float = 1.0
    """Units of the sums."""


@dataclass(slots=True)
class RowCells:
    """The rows of one kind: gauges index the target's values, rates its counters, and ``latest`` the gains of these
    since the sample before.
    """

    gauges: list[NumberCell] = field(default_factory=list)
    rates: list[NumberCell] = field(default_factory=list)
    latest: list[NumberCell] = field(default_factory=list)
    buckets: list[BucketCells] = field(default_factory=list)


@dataclass(slots=True)
class Binding:
    """Everything that one layout of one target means."""

    engines: tuple[EngineId, ...] = ()
    dialects: tuple[tuple[str, ...], ...] = ()
    """Products whose metrics each engine exposes."""
    gateways: tuple[GatewayId, ...] = ()
    gpus: tuple[GpuId, ...] = ()
    counters: list[int] = field(default_factory=list)
    """Index of each counter among the target's values."""
    keys: dict[tuple[str, frozenset[tuple[str, str]]], int] = field(default_factory=dict)
    """Counter by name and labels: how the window finds it again when the layout changes."""
    of_engines: RowCells = field(default_factory=RowCells)
    of_gateways: RowCells = field(default_factory=RowCells)
    of_gpus: RowCells = field(default_factory=RowCells)
    means: list[Mean] = field(default_factory=list)
    masks: list[tuple[int, int, Bits]] = field(default_factory=list)
    """(GPU row, index of its throttle-reason mask among the values, the meaning of its bits)."""

    @property
    def gauges(self) -> Iterator[NumberCell]:
        """Gauges of all rows, kind by kind."""
        return chain(self.of_engines.gauges, self.of_gateways.gauges, self.of_gpus.gauges)

    @property
    def latest(self) -> Iterator[NumberCell]:
        """Rates between the last two samples, of all rows, kind by kind."""
        return chain(self.of_engines.latest, self.of_gateways.latest, self.of_gpus.latest)

    @property
    def empty(self) -> bool:
        """True if nothing of it is read."""
        return not (self.engines or self.gateways or self.gpus)

    def at(self, namespace: str, pod: str, instance: str, node: str = "", port: str = "") -> Binding:
        """Return the same for another process; ``instance`` is used if its pod is unknown.

        ``port`` is set for one of several processes of a pod, which may all give their engine the same name.

        ``node``, if known, overrides the exporter's host name, which may be the same for all of them.
        """
        where = {"namespace": namespace, "pod": pod, "instance": "" if pod else instance}

        def called(engine: str) -> str:
            return f"{engine}:{port}" if port else engine

        engines = tuple(one._replace(**where, engine=called(one.engine)) for one in self.engines)
        gateways = tuple(one._replace(**where) for one in self.gateways)
        gpus = tuple(gpu._replace(node=node) for gpu in self.gpus) if node else self.gpus
        return replace(self, engines=engines, gateways=gateways, gpus=gpus)

    def source(self, before: Binding) -> list[int]:
        """Return where each counter was in an earlier binding, -1 for a new one (for ``Window.relabel``)."""
        return [before.keys.get(key, -1) for key in self.keys]
