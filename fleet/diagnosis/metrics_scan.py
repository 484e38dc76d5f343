"""Screening of pods and GPUs by their metrics: of most of them nothing, which is that they are well.

Looked for column by column: of thousands of rows a few are over some threshold, and only those are judged one by one.
What was found stands until a column, a state or an age says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import is_not

from fleet.diagnosis.cause import MetricsCause, Of
from fleet.diagnosis.metrics_sign import together
from fleet.diagnosis.precedence import ordered
from fleet.diagnosis.subject import MetricsTable
from fleet.model.quantity import Quantity
from fleet.model.reading import LOOKBACK
from fleet.model.snapshot import Assessment

Signs = Mapping[str, Assessment]
"""Key → how it stands; a row that is not in it is well."""


class KeptScan:
    """Finds the rows of one kind at which one of some causes holds, and keeps what it found."""

    def __init__(self, causes: Iterable[MetricsCause]) -> None:
        self._causes = ordered(causes)
        self._quantities = _read(self._causes)
        self._of: tuple[object, ...] = ()
        self._doubts: tuple[bytes, Sequence[int]] = (b"", ())
        self._rows: list[list[int]] = []
        self._first: Sequence[tuple[MetricsCause, list[int]]] = ()
        self._keys: Sequence[str] = ()
        self._told: dict[str, tuple[object, dict[int, Assessment]]] = {}
        self._parts: Sequence[Mapping[int, Assessment]] = ()
        self._of_keys: Sequence[str] = ()
        self._found: Signs = {}
        self.held: Mapping[str, Sequence[MetricsCause]] = {}
        """Key → the causes that hold of it, the one that is told first; all of the first stage at which any does."""

    def of(self, table: MetricsTable) -> Signs:
        """The signs now: the same object for as long as nothing says otherwise."""
        frame = table.frame
        of = (frame.index, table.reasons, table.profiles, *(frame.columns.get(name) for name in self._quantities))
        doubts = (frame.states, table.older_than(LOOKBACK))
        if doubts != self._doubts or len(of) != len(self._of) or any(map(is_not, of, self._of)):
            self._hold([_rows_of(cause, table) for cause in self._causes], frame.keys)
            self._of, self._doubts = of, doubts
            self._tell(table)
        return self._found

    def _tell(self, table: MetricsTable) -> None:
        """Keep how the rows stand: those of a cause that has no numbers in its words stand as before while it holds of
        the same ones.
        """
        parts = []
        for cause, rows in self._first:
            ground = None if cause.words.quantities or cause.of is Of.GPU else (rows, cause.serious_rows(table))
            told = self._told.get(cause.id)
            if told is None or ground is None or told[0] != ground:
                told = ground, dict(zip(rows, cause.assessments(table, rows), strict=True))
            self._told[cause.id] = told
            parts.append(told[1])
        if len(parts) != len(self._parts) or any(map(is_not, parts, self._parts)) or self._keys is not self._of_keys:
            found = {self._keys[at]: stands for part in parts for at, stands in part.items()}
            self._parts, self._of_keys = parts, self._keys
            if found != self._found:
                self._found = found

    def _hold(self, rows: list[list[int]], keys: Sequence[str]) -> None:
        """Keep which causes hold of which rows: the same objects while these are the same."""
        if rows == self._rows and keys is self._keys:
            return
        held: dict[int, list[MetricsCause]] = {}
        for cause, those in zip(self._causes, rows, strict=True):
            for at in those:
                before = held.setdefault(at, [])
                if not before or before[0].stage is cause.stage:
                    before.append(cause)
        first: dict[str, tuple[MetricsCause, list[int]]] = {}
        for at in sorted(held):
            cause = held[at][0]
            first.setdefault(cause.id, (cause, []))[1].append(at)
        those_held = {keys[at]: held[at] for at in sorted(held)}
        if those_held != self.held:
            self.held = those_held
        self._rows, self._keys, self._first = rows, keys, tuple(first.values())


def _rows_of(cause: MetricsCause, table: MetricsTable) -> list[int]:
    """The rows at which a cause holds."""
    rows = together(cause.must, table)
    if not cause.must_not:
        return list(rows)
    excluded = {at for sign in cause.must_not for at in sign.among(table, rows)}
    return [at for at in rows if at not in excluded]


def _read(causes: Iterable[MetricsCause]) -> tuple[Quantity, ...]:
    """All that is looked at, for the signs and for the words."""
    read: dict[Quantity, None] = {}
    for cause in causes:
        for sign in (*cause.must, *cause.must_not, *cause.serious):
            read.update(dict.fromkeys(sign.quantities))
        read.update(dict.fromkeys(cause.words.quantities))
    return tuple(read)
