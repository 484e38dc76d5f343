"""Deduplication of alerts: Prometheus evaluates an alert, and one or more Alertmanagers receive it.

An Alertmanager knows who is notified, or why nobody is; the evaluator knows the value and the rule. Two alerts are the
same if all their labels match, apart from those added on the way (``external_labels``: cluster, replica).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b

from fleet.dataclass import dataclass
from fleet.model.alerts import NAME, Alert, Evaluated, MonitoringRule, Notified, Silence
from fleet.model.facts import Dated, Facts


@dataclass(frozen=True, slots=True)
class MergedAlert:
    """An alert, with every source that reports it."""

    key: str
    """Digest of its labels: constant for as long as the alert exists."""
    alert: Alert
    sources: tuple[str, ...]
    """Names of the sources, Alertmanagers first."""
    at: float
    """Unix time of the latest report."""
    rule: MonitoringRule | None = None
    silences: tuple[Silence, ...] = ()
    """The silences that cover it."""
    inhibitors: tuple[str, ...] = ()
    """Names of the alerts that inhibit it."""


def merged(facts: Facts) -> tuple[MergedAlert, ...]:
    """Return each alert once, in order of start time."""
    found = _Found(_rules(facts))
    for name, notified in facts.of(Notified).items():
        found.notified(name, notified)
    for name, evaluated in facts.of(Evaluated).items():
        found.evaluated(name, evaluated)
    return tuple(sorted(found.alerts.values(), key=lambda one: (one.alert.since or 0.0, one.alert.name, one.key)))


def _rules(facts: Facts) -> dict[str, list[MonitoringRule]]:
    """The alerting rules by the name of their alert."""
    rules: dict[str, list[MonitoringRule]] = {}
    for evaluated in facts.of(Evaluated).values():
        for rule in evaluated.value.rules:
            if rule.alerting:
                rules.setdefault(rule.name, []).append(rule)
    return rules


class _Found:
    """The alerts so far."""

    def __init__(self, rules: Mapping[str, list[MonitoringRule]]) -> None:
        self.alerts: dict[str, MergedAlert] = {}
        self._rules = rules
        self._by_name: dict[str, list[str]] = {}
        self._projected: dict[tuple[str, tuple[str, ...]], dict[tuple[str, ...], str]] = {}
        """Values of the compared labels → key of the alert with that name and those label values."""

    def notified(self, name: str, notified: Dated[Notified]) -> None:
        silences = {silence.id: silence for silence in notified.value.silences}
        names = {alert.fingerprint: alert.name for alert in notified.value.alerts}
        for alert in notified.value.alerts:
            key = _key(alert)
            before = self.alerts.get(key)
            if before is not None:
                self.alerts[key] = replace(before, sources=(*before.sources, name))
                continue
            self.alerts[key] = MergedAlert(
                key,
                alert,
                (name,),
                notified.at,
                self._rule(alert),
                tuple(silences[one] for one in alert.silenced_by if one in silences),
                tuple(names.get(one) or one for one in alert.inhibited_by),
            )
            self._by_name.setdefault(alert.name, []).append(key)

    def evaluated(self, name: str, evaluated: Dated[Evaluated]) -> None:
        for alert in evaluated.value.alerts:
            key = self._key_of(alert)
            before = self.alerts.get(key)
            if before is None:
                self.alerts[key] = MergedAlert(key, alert, (name,), evaluated.at, self._rule(alert))
            elif name not in before.sources:
                known = before.alert
                # Start of its expression, which precedes the notification.
                since = alert.since if alert.since is not None else known.since
                completed = replace(known, value=known.value if known.value is not None else alert.value, since=since)
                self.alerts[key] = replace(before, alert=completed, sources=(*before.sources, name))

    def _key_of(self, alert: Alert) -> str:
        """The key of the alert of an Alertmanager that this is; its own where there is none."""
        labels = tuple(sorted(alert.labels))
        index = self._projected.get((alert.name, labels))
        if index is None:
            keys = self._by_name.get(alert.name, ())
            index = self._projected[alert.name, labels] = {
                tuple(self.alerts[key].alert.labels[label] for label in labels): key
                for key in keys
                if all(label in self.alerts[key].alert.labels for label in labels)
            }
        return index.get(tuple(alert.labels[label] for label in labels)) or _key(alert)

    def _rule(self, alert: Alert) -> MonitoringRule | None:
        """The rule that fires it: among rules of the same name, the one whose labels match."""
        rules = self._rules.get(alert.name, [])
        return next((rule for rule in rules if _fits(rule.labels, alert.labels)), rules[0] if rules else None)


def _fits(rule: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all("{{" in value or labels.get(name) == value for name, value in rule.items() if name != NAME)


def _key(alert: Alert) -> str:
    digest = blake2b(digest_size=8)
    for part in _parts(alert.labels.items()):
        digest.update(part.encode("utf-8", "surrogatepass") + b"\xff")
    return digest.hexdigest()


def _parts(labels: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in sorted(labels):
        yield name
        yield value
