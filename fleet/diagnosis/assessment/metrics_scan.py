"""Screening of pods and GPUs by their metrics. Most of them show nothing, and are well.

The scan goes column by column: of thousands of rows a few exceed a threshold, and only those are judged one by one. A
result is kept until a column, a state or an age changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fleet.diagnosis.cause import MetricsCause
from fleet.diagnosis.precedence import ordered
from fleet.diagnosis.signs.metrics_sign import together
from fleet.diagnosis.subjects.subject import MetricsTable
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.differences import are_same
from fleet.model.quantity import Quantity
from fleet.model.reading import LOOKBACK
from fleet.model.snapshot import Assessment

Signs = Mapping[str, Assessment]
"""Key → assessment; a row that is absent is well."""


class CachedScan:
    """Finds the rows of one kind for which a cause holds, and caches the result."""

    def __init__(self, causes: Iterable[MetricsCause]) -> None:
        self._causes = ordered(causes)
        self._quantities = _read(self._causes)
        self._of: tuple[object, ...] = ()
        self._doubts: tuple[bytes, Sequence[int]] = (b"", ())
        self._rows: list[list[int]] = []
        self._first: Sequence[tuple[MetricsCause, list[int]]] = ()
        self._keys: Sequence[str] = ()
        self._assessed: dict[str, tuple[object, dict[int, Assessment]]] = {}
        self._parts: Sequence[Mapping[int, Assessment]] = ()
        self._of_keys: Sequence[str] = ()
        self._found: Signs = {}
        self.held: Mapping[str, Sequence[MetricsCause]] = {}
        """Key → the causes that hold for it, in order of precedence: all those of the first stage that has any."""

    def of(self, table: MetricsTable) -> Signs:
        """Return the current signs: the same object while nothing changes."""
        frame = table.frame
        of = (frame.index, table.reasons, table.profiles, *(frame.columns.get(name) for name in self._quantities))
        doubts = (frame.states, table.older_than(LOOKBACK))
        if doubts != self._doubts or not are_same(self._of, of):
            self._hold([_rows_of(cause, table) for cause in self._causes], frame.keys)
            self._of, self._doubts = of, doubts
            self._assess(table)
        return self._found

    def _assess(self, table: MetricsTable) -> None:
        """Update the assessments of the rows; for a cause whose words contain no numbers they are reused while it holds
        for the same rows.
        """
        parts = []
        for cause, rows in self._first:
            ground = (
                None if cause.words.quantities or cause.of is SubjectKind.GPU else (rows, cause.serious_rows(table))
            )
            cached = self._assessed.get(cause.id)
            if cached is None or ground is None or cached[0] != ground:
                cached = ground, dict(zip(rows, cause.assessments(table, rows), strict=True))
            self._assessed[cause.id] = cached
            parts.append(cached[1])
        if not are_same(self._parts, parts) or self._keys is not self._of_keys:
            found = {self._keys[at]: stands for part in parts for at, stands in part.items()}
            self._parts, self._of_keys = parts, self._keys
            if found != self._found:
                self._found = found

    def _hold(self, rows: list[list[int]], keys: Sequence[str]) -> None:
        """Update which causes hold for which rows: the same objects while these are the same."""
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
    """Return the rows for which a cause holds."""
    rows = together(cause.must, table)
    if not cause.must_not:
        return list(rows)
    excluded = {at for sign in cause.must_not for at in sign.among(table, rows)}
    return [at for at in rows if at not in excluded]


def _read(causes: Iterable[MetricsCause]) -> tuple[Quantity, ...]:
    """Return every quantity that is read, for the signs and for the words."""
    read: dict[Quantity, None] = {}
    for cause in causes:
        for sign in (*cause.must, *cause.must_not, *cause.serious):
            read.update(dict.fromkeys(sign.quantities))
        read.update(dict.fromkeys(cause.words.quantities))
    return tuple(read)
