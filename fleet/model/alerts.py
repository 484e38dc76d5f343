"""Alerts, silences and rules, as Prometheus and Alertmanager report them. All texts are from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final, Literal

from fleet.dataclass import dataclass

AlertState = Literal["pending", "firing", "silenced", "inhibited", "muted"]
NAME: Final = "alertname"
"""The label that names an alert."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on a label: it must, or must not, be a value, or match a regular expression as a whole."""

    name: str
    value: str
    regex: bool = False
    equal: bool = True

    def __str__(self) -> str:
        """Written in the syntax of amtool and PromQL."""
        sign = ("=~" if self.equal else "!~") if self.regex else ("=" if self.equal else "!=")
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{sign}"{value}"'


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence: alerts that notify nobody for a time; ``starts`` and ``ends`` are Unix times."""

    id: str
    matchers: tuple[Matcher, ...]
    starts: float
    ends: float
    by: str
    comment: str
    state: str
    """active, pending or expired."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert that fires, or waits until it has held for long enough."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    firing: bool = True
    """False while it is pending."""
    since: float | None = None
    """Unix time since which its expression has held."""
    value: float | None = None
    """The value of its expression; None if not reported."""
    link: str = ""
    """URL of the expression in the evaluator's user interface."""
    fingerprint: str = ""
    """Alertmanager's name for its labels; empty from rules."""
    silenced_by: tuple[str, ...] = ()
    """Ids of silences."""
    inhibited_by: tuple[str, ...] = ()
    """Fingerprints of the alerts that inhibit it."""
    muted_by: tuple[str, ...] = ()
    """Names of the time intervals that mute it."""
    receivers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.labels.get(NAME, "")

    @property
    def severity(self) -> str:
        """The label ``severity``, which most rules set; empty if absent."""
        return self.labels.get("severity", "")

    @property
    def state(self) -> AlertState:
        """pending, firing, or the reason why nobody is notified: silenced, inhibited, muted."""
        if self.silenced_by:
            return "silenced"
        if self.inhibited_by:
            return "inhibited"
        if self.muted_by:
            return "muted"
        return "firing" if self.firing else "pending"

    @property
    def suppressed(self) -> bool:
        """True if it notifies nobody."""
        return bool(self.silenced_by or self.inhibited_by or self.muted_by)


@dataclass(frozen=True, slots=True)
class MonitoringRule:
    """A rule that alerts, or records the value of an expression under another name."""

    group: str
    name: str
    """The name of the alert, or of the recorded series."""
    expression: str
    alerting: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    holds: float = 0.0
    """Seconds that the expression must hold before the alert fires."""
    health: str = ""
    """ok, err or unknown."""
    problem: str = ""
    """The error of its last evaluation; empty for none."""
    state: str = ""
    """firing, pending or inactive."""
    evaluated: float | None = None
    """Unix time."""
    interval: float = 0.0
    """Seconds from one evaluation to the next."""


@dataclass(frozen=True, slots=True)
class Notified:
    """The content of an Alertmanager: the alerts that it was sent, and the silences."""

    alerts: tuple[Alert, ...]
    silences: tuple[Silence, ...]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The rules that a source evaluates, and the alerts that are pending or firing by them."""

    rules: tuple[MonitoringRule, ...]
    alerts: tuple[Alert, ...]
