"""Objectives as rules: recorded bad shares for each window, and an alert for each pace of burn."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from fleet.metrics.dialect import Match, MetricType, Op
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.promql import duration, pattern, selector
from fleet.metrics.queries import running_names
from fleet.model.quantity import Family, Quantity
from fleet.objectives.board import ObjectiveRow
from fleet.objectives.bucket_edges import spellings
from fleet.objectives.burn_rate import DAY, HOUR, MINUTE, PAIRS, WINDOWS, BurnPace, Pair
from fleet.objectives.objective import Indicator
from fleet.objectives.owners import PATTERN
from fleet.objectives.queries import look

_PREFIX: Final = "quarterdeck:objective_bad:ratio_rate"
_SUFFIX: Final = PATTERN.removeprefix("(.+?)")
_NAMES: Final = {BurnPace.FAST: "QuarterdeckErrorBudgetBurnsFast", BurnPace.SLOW: "QuarterdeckErrorBudgetBurns"}
_SEVERITIES: Final = {BurnPace.FAST: "critical", BurnPace.SLOW: "warning"}
_ENDS: Final = {BurnPace.FAST: "is gone within days at this rate.", BurnPace.SLOW: "will not last for its period."}


def objective_rules(
    row: ObjectiveRow, stems: Collection[str], dialects: DialectSet, names: Collection[str]
) -> Iterator[dict[str, Any]]:
    """Yield the rules of one objective; ``stems`` are the common parts of its workloads' pod names.

    Yields none if the metrics cannot show it.
    """
    writing = _Writing(row, stems, dialects, names)
    labels = {"objective": row.budget.objective.name, row.subject.kind: row.subject.name}
    if row.subject.namespace:
        labels["namespace"] = row.subject.namespace
    expressions = [(window, writing.bad(window)) for window in WINDOWS]
    if not all(expression for _, expression in expressions):
        return
    for window, expression in expressions:
        yield {"record": f"{_PREFIX}{window_name(window)}", "expr": expression, "labels": labels}
    called = f"{row.subject.namespace}/{row.subject.name}".lstrip("/")
    for pace, ends in _ENDS.items():
        pairs = (pair for pair in PAIRS if pair.pace is pace)
        yield {
            "alert": _NAMES[pace],
            "expr": " or ".join(_pair(row, labels, pair, writing.events(pair.short)) for pair in pairs),
            "labels": {"severity": _SEVERITIES[pace]},
            "annotations": {"summary": f"{called}: the error budget of {row.budget.objective.name} {ends}"},
        }


def window_name(window: float) -> str:
    """A window as the names of recorded series have it: 5m, 1h, 3d."""
    for size, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if window >= size and window % size == 0:
            return f"{window / size:.0f}{name}"
    return f"{window:.0f}s"


def _pair(row: ObjectiveRow, labels: dict[str, str], pair: Pair, events: str) -> str:
    where = [Match(name, Op.EQUAL, value) for name, value in sorted(labels.items())]
    limit = f"{pair.factor * row.budget.objective.budget:.10g}"
    both = " and ".join(
        f"{selector(f'{_PREFIX}{window_name(window)}', where)} >= {limit}" for window in (pair.long, pair.short)
    )
    # Do not alert on so few requests that a single one would trigger it.
    least = 1 / (pair.factor * row.budget.objective.budget)
    return f"({both} and on () ({events} >= {least:.6g}))" if events else f"({both})"


class _Writing:
    """Writes the expressions of one objective."""

    def __init__(self, row: ObjectiveRow, stems: Collection[str], dialects: DialectSet, names: Collection[str]) -> None:
        self._row = row
        self._dialects = dialects
        self._names = names
        namespace = row.subject.namespace
        self._in_namespace = [Match("namespace", Op.EQUAL, namespace)] if namespace else []
        self._pods = Match("pod", Op.MATCHES, f"({pattern(stems)}){_SUFFIX}")

    def bad(self, window: float) -> str:
        """Return the expression for the bad share in a window; empty if it cannot be expressed."""
        taken, objective = duration(window), self._row.budget.objective
        if objective.measure is Indicator.AVAILABILITY:
            return self._away(window)
        if objective.measure is Indicator.ERRORS:
            failed, every = (self._counted(one, taken) for one in (Quantity.HTTP_ERRORS, Quantity.HTTP_REQUESTS))
            return f"(({failed}) or 0 * ({every})) / (({every}) > 0)" if failed and every else ""
        good, every = self._buckets(self._row.budget.edge, taken), self._buckets(float("inf"), taken)
        return f"1 - ({good}) / (({every}) > 0)" if good and every else ""

    def _away(self, window: float) -> str:
        """Return the expression for the share of a window, or of the time since its first sample, without any
        engine.
        """
        running = self._running()
        if not running:
            return ""
        step = look(window)
        looks = f"[{window:.0f}s:{step:.0f}s]"
        first = f"min_over_time(min({' or '.join(f'timestamp({one})' for one in running)}){looks})"
        there = f"count_over_time(group({' or '.join(running)}){looks})"
        # The minimum number of samples: one at the edge is not an outage.
        every = f"clamp_min(clamp_max(floor((time() - {first}) / {step:g}), {math.floor(window / step)}), 1)"
        return f"clamp_min(1 - {there} / {every}, 0) or vector(1)"

    def events(self, window: float) -> str:
        """Return the expression for the number of requests or tokens in a window; empty for availability."""
        taken, measure = duration(window), self._row.budget.objective.measure
        if measure is Indicator.AVAILABILITY:
            return ""
        every = (
            self._counted(Quantity.HTTP_REQUESTS, taken)
            if measure is Indicator.ERRORS
            else self._buckets(float("inf"), taken)
        )
        return f"{every} * {window:.0f}"

    def _running(self) -> list[str]:
        return [
            selector(name, (*member.where, *self._whose(member.model_labels)))
            for member in self._dialects
            for name in running_names(member)
            if name in self._names
        ]

    def _buckets(self, edge: float, taken: str) -> str:
        family = self._row.budget.objective.family or Family.TTFT
        rates = []
        for member in self._dialects:
            for base in member.families.get(family, ()):
                bounds = ("+Inf",) if edge == float("inf") else spellings(edge, member.per_second.get(base, 1.0))
                bound = Match("le", Op.MATCHES, pattern(bounds).replace(".", r"\."))
                for name in member.spellings(f"{base}_bucket"):
                    if name in self._names:
                        matches = (bound, *member.where, *self._whose(member.model_labels))
                        rates.append(f"rate({selector(name, matches)}{taken})")
        return f"sum({' or '.join(rates)})" if rates else ""

    def _counted(self, quantity: Quantity, taken: str) -> str:
        rates = [
            f"rate({selector(name, (*metric.where, *member.where, *self._in_namespace, self._pods))}{taken})"
            for member in self._dialects
            if (rule := member.rules.get(quantity)) is not None
            for metric in rule.metrics
            if metric.kind is MetricType.COUNTER
            for name in member.spellings(metric.name)
            if name in self._names
        ]
        return f"sum({' or '.join(rates)})" if rates else ""

    def _whose(self, model_labels: Sequence[str]) -> list[Match]:
        if self._row.subject.kind == "model" and model_labels:
            return [*self._in_namespace, Match(model_labels[0], Op.EQUAL, self._row.subject.name)]
        return [*self._in_namespace, self._pods]
