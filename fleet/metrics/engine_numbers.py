"""The numbers of the engines, from the answer to ``queries.engine_numbers``: which series is which cell of the rows."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from fleet.metrics.answer_columns import Choice, ColumnPart, columns, table
from fleet.metrics.answers import Labels
from fleet.metrics.dialect import Dialect, Metric
from fleet.metrics.engine_rows import Placing
from fleet.metrics.expressions import PROCESS, RESET
from fleet.metrics.growing_columns import blank
from fleet.metrics.moved_series import LostSeriesError, Moved
from fleet.metrics.promql import TAG
from fleet.metrics.young_engines import Rated
from fleet.model.measurement import Table
from fleet.model.quantity import Quantity

K = TypeVar("K")

Means = dict[Quantity, "tuple[array[float], array[float]]"]
"""Phase → the rates of its sum and of its count, aligned with the rows."""


class EngineNumbers:
    """The meaning of the series of that answer. A counter's rate outdoes a gauge that an engine computed."""

    def __init__(self, rows: Placing, series: Iterable[Labels] = ()) -> None:
        self._rows = rows
        self._count = len(rows.ids)
        self._open: Container[int] = range(self._count)
        """The rows that series may be put into."""
        self.metrics: frozenset[str] = frozenset()
        """The gauges that were seen, as spelled in the data."""
        self._reset = ColumnPart(self._count)
        self._rates: dict[Quantity, ColumnPart] = {}
        self._means: dict[tuple[Quantity, str], ColumnPart] = {}
        self._gauges = {
            (member, quantity, metric.name): ColumnPart(self._count, metric, summed=True)
            for member in rows.engines
            for quantity, metric in member.gauges()
        }
        self._place(enumerate(series))

    def followed(self, rows: Placing, moved: Moved) -> EngineNumbers:
        """Return the meaning of the next answer's series. Raises LostSeriesError if it must be derived from scratch."""
        sources = rows.sources(self._rows)

        def taken(parts: Mapping[K, ColumnPart]) -> dict[K, ColumnPart]:
            return {key: part.moved(sources, moved.places) for key, part in parts.items()}

        other = EngineNumbers(rows)
        other._open = {row for row, source in enumerate(sources) if source < 0}
        other.metrics = self.metrics
        other._reset = self._reset.moved(sources, moved.places)
        other._gauges = taken(self._gauges)
        other._rates = {quantity: part for quantity, part in taken(self._rates).items() if part.there}
        other._means = {phase: part for phase, part in taken(self._means).items() if part.there}
        parts = (other._reset, *other._gauges.values(), *other._rates.values(), *other._means.values())
        other._place(moved.others({place for part in parts for place in part.places}))
        return other

    def _place(self, series: Iterable[tuple[int, Labels]]) -> None:
        """Put series into their rows, in order."""
        readers = self._readers()
        dialects = self._rows.engines
        shared = bool(dialects.distinguishing)
        unranked: list[tuple[Labels, int]] = []
        seen: set[str] = set()
        for place, labels in series:
            tag = labels.get(TAG, "")
            if tag:
                if not self._rate(labels, place, tag):
                    unranked.append((labels, place))
                continue
            name = labels.get("__name__", "")
            if name in readers:
                seen.add(name)
            for member, metric, part in readers.get(name, ()):
                if shared and dialects.owner(name, labels) is not member:
                    continue
                if metric.accepts(labels):
                    for row in self._rows.of_gauge(labels):
                        self._into(row)
                        part.put(row, place, metric.factor(labels))
        for labels, place in unranked:
            self._of_first(labels, place, labels[TAG])
        self.metrics |= seen
        self._choices = list(self._choose())

    def read(self, values: Sequence[float], ages: array[float], young: Mapping[int, Rated]) -> tuple[Table, Means]:
        """Return the table and the means from the values of such an answer.

        ``young`` maps the rows of engines younger than the window to their rates; a rate that is absent is not known
        yet.
        """
        found = columns(
            (
                *(
                    (quantity, self._rated(quantity, part.read(values), young))
                    for quantity, part in self._rates.items()
                ),
                *((choice.quantity, choice.read(values)) for choice in self._choices),
            )
        )
        self._zeros(found)
        means = {
            quantity: (self._mean((quantity, "sum"), values), self._mean((quantity, "count"), values))
            for quantity, _ in self._means
        }
        reset = frozenset(filter(self._reset.knows, range(self._count))) if self._reset.there else frozenset[int]()
        return Table(table(found), ages, reset), means

    @staticmethod
    def _rated(quantity: Quantity, column: list[float], young: Mapping[int, Rated]) -> list[float]:
        # Between two samples nothing is extrapolated, however young an engine is.
        for row, rated in young.items() if quantity is not Quantity.LATEST_TOKENS else ():
            column[row] = rated.get(quantity, math.nan)
        return column

    def _readers(self) -> dict[str, list[tuple[Dialect, Metric, ColumnPart]]]:
        """Return the readers of each gauge by its name, and where they put it."""
        readers: dict[str, list[tuple[Dialect, Metric, ColumnPart]]] = defaultdict(list)
        for member in self._rows.engines:
            for quantity, metric in member.gauges():
                part = self._gauges[member, quantity, metric.name]
                for name in member.spellings(metric.name):
                    readers[name].append((member, metric, part))
        return readers

    def _choose(self) -> Iterator[Choice]:
        for member in self._rows.engines:
            for quantity, rule in member.rules.items():
                parts = (self._gauges.get((member, quantity, metric.name)) for metric in rule.metrics)
                spelt = [part if part is not None and part.there else None for part in parts]
                if any(spelt):
                    yield Choice(quantity, rule, spelt)

    def _rate(self, labels: Labels, place: int, tag: str) -> bool:
        """Put a rate into its row; False where no row is its own."""
        whole = tag.endswith(f"/{PROCESS}")
        row = next(iter(self._rows.of_process(labels)), None) if whole else self._rows.row(labels)
        if row is not None:
            self._put(row, place, tag)
        return row is not None

    def _of_first(self, labels: Labels, place: int, tag: str) -> None:
        """Put the rate of a whole process into its first row, if its ranks have none."""
        mine = self._rows.of_those(labels)
        quantity = _TAGS.get(tag)
        known = self._rates.get(quantity) if quantity is not None else None
        if mine and (known is None or not any(map(known.knows, mine))):
            self._put(mine[0], place, tag)

    def _put(self, row: int, place: int, tag: str) -> None:
        self._into(row)
        name, _, which = tag.partition("/")
        quantity = _TAGS.get(name)
        if tag == RESET:
            self._reset.put(row, place)
        elif quantity is not None and which in ("sum", "count"):
            _part_of(self._means, (quantity, which), self._count).put(row, place)
        elif quantity is not None:
            _part_of(self._rates, quantity, self._count).put(row, place)

    def _into(self, row: int) -> None:
        if row not in self._open:
            raise LostSeriesError

    def _mean(self, phase: tuple[Quantity, str], values: Sequence[float]) -> array[float]:
        part = self._means.get(phase)
        return blank(self._count) if part is None else array("d", part.read(values))

    def _zeros(self, found: dict[Quantity, list[float]]) -> None:
        """Set counters to zero that do not exist before the first increment, if their companion exists."""
        for member in self._rows.engines:
            for quantity, rule in member.rules.items():
                if rule.zero_beside is None or rule.zero_beside not in found:
                    continue
                known = found.get(quantity) or [math.nan] * self._count
                for row, beside in enumerate(found[rule.zero_beside]):
                    speaks = member.name in self._rows.dialects[row]
                    if speaks and math.isnan(known[row]) and not math.isnan(beside):
                        known[row] = 0.0
                found[quantity] = known


def _part_of(parts: dict[K, ColumnPart], key: K, rows: int) -> ColumnPart:
    if key not in parts:
        parts[key] = ColumnPart(rows)
    return parts[key]


_TAGS = {str(quantity): quantity for quantity in Quantity}
