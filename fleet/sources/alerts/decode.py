"""Alerts, silences and rules, from the JSON of Alertmanager and of rule evaluators. Pure.

The answers are untrusted: texts, labels and lists are cut to a readable size, and what was left out is counted. Texts
may contain secrets (a token in a link, a password in a summary), so each goes through ``plain`` first, except
expressions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import field
from typing import Any, Final
from urllib.parse import unquote_plus

from fleet.dataclass import dataclass
from fleet.json_fields import Raw, mapping, mappings, mappings_in, moment, text, texts
from fleet.model.alerts import Alert, Matcher, MonitoringRule, Silence
from fleet.model.counting import count

MOST_ALERTS: Final = 2000
MOST_RULES: Final = 5000
"""kube-prometheus-stack has 170 alerting rules and about as many recording rules."""
MOST_SILENCES: Final = 1000
MOST_LABELS: Final = 64
LONGEST: Final = 4000
"""Characters of a text; the longest expressions of kube-prometheus have 900."""

_DRAWN = re.compile(r"g\d+\.[a-z_]+")
"""A parameter of Prometheus' own pages: ``g0.expr``, ``g0.tab``."""

Plain = Callable[[str], str]
"""Redacts a text."""


@dataclass(slots=True)
class AlertReader:
    """Reads the answers of one source."""

    plain: Plain
    within: tuple[str, str] = ("", "")
    """A label and its value that mark alerts of this cluster; empty for all."""
    clusters: set[str] = field(default_factory=set)
    """The clusters that alerts name by that label."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Kind of thing that was cut (``alerts``, ``labels`` …) → how many."""
    remarks: list[str] = field(default_factory=list)
    """Minor remarks about the answer, for people."""

    def notified(self, raw: Any) -> tuple[Alert, ...]:
        """The alerts of Alertmanager's /api/v2/alerts."""
        return tuple(map(self._notified, self._first(self._of_this_cluster(mappings_in(raw)), MOST_ALERTS, "alerts")))

    def silences(self, raw: Any) -> tuple[Silence, ...]:
        """The silences of /api/v2/silences that are not over."""
        kept = (one for one in mappings_in(raw) if text(mapping(one, "status"), "state") != "expired")
        return tuple(map(self._silence, self._first(list(kept), MOST_SILENCES, "silences")))

    def rules(self, raw: Any) -> tuple[MonitoringRule, ...]:
        """The rules of /api/v1/rules."""
        found = [(group, rule) for group in _groups(raw) for rule in mappings(group, "rules")]
        return tuple(self._rule(group, rule) for group, rule in self._first(found, MOST_RULES, "rules"))

    def of_rules(self, raw: Any) -> tuple[Alert, ...]:
        """Return the alerts inside the rules of /api/v1/rules."""
        rules = (rule for group in _groups(raw) for rule in mappings(group, "rules"))
        return self._evaluated(alert for rule in rules for alert in mappings(rule, "alerts"))

    def alerts(self, raw: Any) -> tuple[Alert, ...]:
        """The alerts of /api/v1/alerts."""
        return self._evaluated(mappings(_data(raw), "alerts"))

    def _evaluated(self, raw: Iterable[Raw]) -> tuple[Alert, ...]:
        live = self._of_this_cluster(one for one in raw if text(one, "state") in ("firing", "pending"))
        return tuple(map(self._active, self._first(live, MOST_ALERTS, "alerts")))

    def _of_this_cluster(self, raw: Iterable[Raw]) -> list[Raw]:
        """Return the alerts of this cluster, or without a cluster label."""
        label, wanted = self.within
        kept, elsewhere = [], 0
        for one in raw:
            named = text(mapping(one, "labels"), label) if label else ""
            if named:
                self.clusters.add(named[:LONGEST])
            if wanted and named not in ("", wanted):
                elsewhere += 1
            else:
                kept.append(one)
        if elsewhere:
            self.remarks.append(f"not shown: {count(elsewhere, 'alert')} of other clusters")
        return kept

    def _notified(self, raw: Raw) -> Alert:
        status = mapping(raw, "status")
        return Alert(
            labels=self._labels(raw, "labels"),
            annotations=self._labels(raw, "annotations"),
            since=moment(raw, "startsAt"),
            link=self._link(text(raw, "generatorURL")),
            fingerprint=text(raw, "fingerprint")[:LONGEST],
            silenced_by=tuple(texts(status, "silencedBy")),
            inhibited_by=tuple(texts(status, "inhibitedBy")),
            muted_by=tuple(texts(status, "mutedBy")),
            receivers=tuple(self._text(text(one, "name")) for one in mappings(raw, "receivers")),
        )

    def _active(self, raw: Raw) -> Alert:
        return Alert(
            labels=self._labels(raw, "labels"),
            annotations=self._labels(raw, "annotations"),
            firing=text(raw, "state") == "firing",
            since=moment(raw, "activeAt"),
            value=number(raw.get("value")),
        )

    def _silence(self, raw: Raw) -> Silence:
        matchers = (
            Matcher(
                self._text(text(one, "name")),
                self._text(text(one, "value")),
                one.get("isRegex") is True,
                # Absent before Alertmanager 0.22.
                one.get("isEqual") is not False,
            )
            for one in mappings(raw, "matchers")[:MOST_LABELS]
        )
        return Silence(
            id=text(raw, "id")[:LONGEST],
            matchers=tuple(matchers),
            starts=moment(raw, "startsAt") or 0.0,
            ends=moment(raw, "endsAt") or 0.0,
            by=self._text(text(raw, "createdBy")),
            comment=self._text(text(raw, "comment")),
            state=text(mapping(raw, "status"), "state"),
        )

    def _rule(self, group: Raw, raw: Raw) -> MonitoringRule:
        return MonitoringRule(
            group=self._text(text(group, "name")),
            name=self._text(text(raw, "name")),
            # Not redacted: removing a matcher that looks like a password would change the expression.
            expression=_cut(text(raw, "query")),
            alerting=text(raw, "type") != "recording",
            labels=self._labels(raw, "labels"),
            annotations=self._labels(raw, "annotations"),
            holds=number(raw.get("duration")) or 0.0,
            health=text(raw, "health"),
            problem=self._text(text(raw, "lastError")),
            state=text(raw, "state"),
            evaluated=moment(raw, "lastEvaluation"),
            interval=number(group.get("interval")) or 0.0,
        )

    def _labels(self, raw: Raw, key: str) -> dict[str, str]:
        pairs = [(name, value) for name, value in mapping(raw, key).items() if isinstance(value, str)]
        return {self._text(name): self._text(value) for name, value in self._first(pairs, MOST_LABELS, "labels")}

    def _text(self, value: str) -> str:
        return self.plain(_cut(value))

    def _link(self, url: str) -> str:
        """A URL without secrets; of its query, the expression and how it is drawn stay as they are."""
        place, _, query = _cut(url).partition("?")
        parameters = (self._parameter(*part.partition("=")[::2]) for part in query.split("&"))
        return f"{self.plain(place)}?{'&'.join(parameters)}" if query else self.plain(place)

    def _parameter(self, name: str, value: str) -> str:
        decoded = unquote_plus(value)
        harmless = _DRAWN.fullmatch(name) is not None and self.plain(decoded) == decoded
        return f"{name}={value}" if harmless else self.plain(f"?{name}={value}").removeprefix("?")

    def _first(self, found: list[Any], most: int, what: str) -> list[Any]:
        if len(found) > most:
            self.left_out[what] = self.left_out.get(what, 0) + len(found) - most
        return found[:most]


def _cut(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"


def number(value: object) -> float | None:
    """A finite number, also where it is written as a text, as values of alerts are; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def is_success(raw: Any) -> bool:
    """True if it is a successful answer of Prometheus' API."""
    return isinstance(raw, dict) and raw.get("status") == "success" and isinstance(raw.get("data"), dict)


def _data(raw: Any) -> Raw:
    return mapping(raw if isinstance(raw, dict) else {}, "data")


def _groups(raw: Any) -> list[Raw]:
    return mappings(_data(raw), "groups")
