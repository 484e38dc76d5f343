"""The names that a store has of its engines' counters and histograms: which prefix, and which release's.

Looking for them costs a store of thousands of engines as much as all gauges, and they hardly ever change. So they are
looked for again where engines have come, gone or restarted, and otherwise once in a minute: some appear with the first
request.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from fleet.metrics.dialect_set import DialectSet
from fleet.sources.prometheus.answer import Answer
from fleet.sources.prometheus.series import series

LOOK_EVERY = 60.0
"""Seconds between looks while the engines stay the same."""


class MetricNames:
    """The names, as they were seen last. ``clock`` is a steady clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._looked = -math.inf
        self._dialects = DialectSet(())
        self.seen: frozenset[str] = frozenset()

    def may_differ(self, dialects: DialectSet, *, changed: bool) -> bool:
        """True if they are to be looked for again; ``changed`` says that engines may have others than before."""
        return changed or dialects is not self._dialects or self._clock() - self._looked >= LOOK_EVERY

    def read(self, dialects: DialectSet, answers: Iterable[Answer]) -> None:
        """Take them from the answers to ``queries.names(dialects)``. Raises SourceProblem."""
        self.seen = frozenset(labels.get("__name__", "") for labels in series(answers, []))
        self._looked, self._dialects = self._clock(), dialects
