"""The names that a store has of its metrics: which prefix, and which release's; and whether all GPUs are alike.

Looking for them costs a store of thousands of engines as much as all gauges, and they hardly ever change. So they are
looked for again where engines have come, gone or restarted, and otherwise once in a minute: some appear with the first
request.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.expressions import ODD
from fleet.metrics.promql import TAG
from fleet.sources.prometheus.answer import Answer
from fleet.sources.prometheus.series import series

LOOK_EVERY = 60.0
"""Seconds between looks while the engines stay the same."""


class MetricNames:
    """The names, as they were seen last. ``clock`` is a steady clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._looked = -math.inf
        self._of: tuple[DialectSet, DialectSet] | None = None
        """The dialects of engines and of GPU exporters that were looked for."""
        self.seen: frozenset[str] = frozenset()
        self.gpus_are_alike = False
        """True if every GPU is named in full by the metrics that show one (``QueryScope``)."""

    def may_differ(self, engines: DialectSet, gpus: DialectSet, *, changed: bool) -> bool:
        """True if they are to be looked for again; ``changed`` says that engines may have others than before."""
        return changed or (engines, gpus) != self._of or self._clock() - self._looked >= LOOK_EVERY

    def read(self, engines: DialectSet, gpus: DialectSet, answers: Iterable[Answer]) -> None:
        """Take them from the answers to ``queries.names`` for these dialects. Raises SourceProblem."""
        found = list(series(answers, []))
        self.seen = frozenset(labels["__name__"] for labels in found if "__name__" in labels)
        self.gpus_are_alike = not any(labels.get(TAG) == ODD for labels in found)
        self._looked, self._of = self._clock(), (engines, gpus)
