"""Causes as alerting rules: those whose signs are all limits of an engine's metrics, by pod.

A cause that needs the API server, the peers of a replica or text from an exporter cannot be a rule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from fleet.diagnosis import registry
from fleet.diagnosis.cause import EngineCause
from fleet.diagnosis.signs.metrics_sign import Either, Is, Level, MetricsSign
from fleet.diagnosis.threshold import limit_at
from fleet.metrics.dialect import Dialect, MetricType
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.expressions import rate_function
from fleet.metrics.promql import duration, scaled, selector
from fleet.model.profile import CHAT
from fleet.model.quantity import MEANINGS, RATIOS, Combine, Quantity
from fleet.model.severity import Severity

_BY = "by (namespace, pod)"
_SIGNS: Final[Mapping[Is, str]] = {Is.ABOVE: ">", Is.AT_LEAST: ">=", Is.BELOW: "<", Is.EXACTLY: "=="}


def cause_rules(dialects: DialectSet, names: Collection[str], window: float) -> Iterator[dict[str, Any]]:
    """Yield the rules of all causes that these metrics can show; ``window`` is for the rates, in seconds."""
    writing = _Writing(dialects, names, window)
    for cause in registry.causes_of(EngineCause):
        if cause.severity not in (Severity.CRITICAL, Severity.WARNING):
            continue
        expression = writing.all_of(cause.must)
        if not expression:
            continue
        yield _rule(cause, expression, cause.severity)
        worse = " or ".join(filter(None, (writing.all_of((*cause.must, sign)) for sign in cause.serious)))
        if worse and cause.severity is not Severity.CRITICAL:
            yield _rule(cause, worse, Severity.CRITICAL)


def _rule(cause: EngineCause, expression: str, severity: Severity) -> dict[str, Any]:
    title = "".join(part.capitalize() for part in cause.id.split("-"))
    helps = "; ".join(one.text for one in cause.helps)
    annotations = {"summary": "{{ $labels.namespace }}/{{ $labels.pod }}: " + cause.sentence}
    if helps:
        annotations["description"] = f"What helps: {helps}."
    return {
        "alert": f"Quarterdeck{title}",
        "expr": expression,
        "for": f"{cause.after:.0f}s",
        "labels": {"severity": severity.value, "cause": cause.id},
        "annotations": annotations,
    }


class _Writing:
    """Writes numbers of pods in PromQL."""

    def __init__(self, dialects: DialectSet, names: Collection[str], window: float) -> None:
        self._dialects = dialects
        self._names = names
        self._window = duration(window)

    def all_of(self, signs: Sequence[MetricsSign]) -> str:
        """Return the expression for all of these at one pod; empty if one of them cannot be expressed."""
        parts = [self._sign(sign) for sign in signs]
        return " and ".join(parts) if parts and all(parts) else ""

    def _sign(self, sign: MetricsSign) -> str:
        if isinstance(sign, Level):
            return self._level(sign)
        if isinstance(sign, Either):
            ways = " or ".join(f"({way})" for way in map(self.all_of, sign.alternatives) if way)
            return f"({ways})" if ways else ""
        return ""

    def _level(self, level: Level) -> str:
        number = self._number(level.quantity)
        return f"({number} {_SIGNS[level.how]} {limit_at(level.limit, CHAT):g})" if number else ""

    def _number(self, quantity: Quantity) -> str:
        if quantity in RATIOS:
            top, bottom = map(self._summed, RATIOS[quantity])
            # A labelled counter that nothing has incremented yet does not exist, and means none.
            return f"(({top} or 0 * {bottom}) / ({bottom} > 0))" if top and bottom else ""
        return self._summed(quantity)

    def _summed(self, quantity: Quantity) -> str:
        each = " or ".join(part for member in self._dialects for part in self._expressions(member, quantity))
        operator = "max" if MEANINGS[quantity].to_pod is Combine.MAX else "sum"
        return f"{operator} {_BY} ({each})" if each else ""

    def _expressions(self, member: Dialect, quantity: Quantity) -> Iterator[str]:
        rule = member.rules.get(quantity)
        if rule is None:
            return
        for metric in rule.metrics:
            if metric.weights is not None or metric.products or metric.state is not None:
                continue
            for name in member.spellings(metric.name):
                if name in self._names:
                    found = selector(name, (*metric.where, *member.where))
                    rate = f"{rate_function(latest=rule.latest)}({found}{self._window})"
                    yield scaled(rate if metric.kind is MetricType.COUNTER else found, metric.scale)
