"""Screening of pods and GPUs by their metrics: of most of them nothing, which is that they are well.

Looked for column by column: of thousands of rows a few are over some threshold, and only those are judged one by one.
What was found stands until a column, a state or an age says otherwise.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from operator import is_not

from fleet.diagnosis.cause import MetricsCause
from fleet.diagnosis.metrics_sign import Maxima, together
from fleet.diagnosis.precedence import ordered
from fleet.diagnosis.subject import MetricsTable
from fleet.model.frame import Frame, greatest
from fleet.model.quantity import Quantity
from fleet.model.reading import LOOKBACK
from fleet.model.snapshot import Assessment

Signs = Mapping[str, Assessment]
"""Key → how it stands; a row that is not in it is well."""


class MetricsScan:
    """Finds the rows of one kind of frame at which one of some causes holds."""

    def __init__(self, causes: Iterable[MetricsCause]) -> None:
        self._causes = ordered(causes)
        self.quantities = _read(self._causes)

    def held(self, table: MetricsTable) -> dict[int, list[MetricsCause]]:
        """Row → the causes that hold of it, the one that is told first; all of the first stage at which any does."""
        held: dict[int, list[MetricsCause]] = {}
        maxima = Maxima(table)
        for cause in self._causes:
            if not cause.must[0].may_hold(maxima):
                continue
            for at in together(cause.must, table):
                before = held.get(at)
                if before is not None and before[0].stage is not cause.stage:
                    continue
                if cause.excluded(table.row(at)):
                    continue
                if before is None:
                    held[at] = [cause]
                else:
                    before.append(cause)
        return held


class KeptScan:
    """The last result of a screen."""

    def __init__(self, causes: Iterable[MetricsCause]) -> None:
        self._scan = MetricsScan(causes)
        self._of: tuple[object, ...] = ()
        self._doubts: tuple[bytes, tuple[int, ...]] = (b"", ())
        self._ages: tuple[array[float], float] = (array("d"), -math.inf)
        self._found: Signs = {}
        self.held: Mapping[str, Sequence[MetricsCause]] = {}
        """Key → the causes that hold of it, the one that is told first."""

    def of(self, table: MetricsTable) -> Signs:
        """The signs now: the same object for as long as nothing says otherwise."""
        frame = table.frame
        of = (frame.index, table.reasons, table.profiles, *(frame.columns.get(name) for name in self._scan.quantities))
        doubts = (frame.states, self._too_old(frame))
        if doubts != self._doubts or len(of) != len(self._of) or any(map(is_not, of, self._of)):
            held = self._scan.held(table)
            those = {frame.keys[at]: held[at] for at in sorted(held)}
            if those != self.held:
                self.held = those
            found = {frame.keys[at]: held[at][0].assessment(table.row(at)) for at in sorted(held)}
            self._of, self._doubts = of, doubts
            if found != self._found:
                self._found = found
        return self._found

    def _too_old(self, frame: Frame) -> tuple[int, ...]:
        """The rows of which no verdict is made, whatever their interval is."""
        if frame.ages is not self._ages[0]:
            self._ages = (frame.ages, greatest(frame.ages))
        if self._ages[1] + frame.since <= LOOKBACK:
            return ()
        return tuple(row for row, age in enumerate(frame.ages) if age + frame.since > LOOKBACK)


def _read(causes: Iterable[MetricsCause]) -> tuple[Quantity, ...]:
    """All that is looked at, for the signs and for the words."""
    read: dict[Quantity, None] = {}
    for cause in causes:
        for sign in (*cause.must, *cause.must_not, *cause.serious):
            read.update(dict.fromkeys(sign.quantities))
        read.update(dict.fromkeys(cause.words.quantities))
    return tuple(read)
