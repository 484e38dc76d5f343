"""Alerts in the document of a Snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from console.report.document_part import DocumentPart
from console.views.alerts import in_view, row_of
from fleet.alerts.board import AlertRow
from fleet.model.snapshot import Snapshot


class AlertPart(DocumentPart):
    """An alert that is pending or fires."""

    name: str
    """Label alertname."""
    state: Literal["pending", "firing", "silenced", "inhibited", "muted"]
    """silenced, inhibited and muted (a time interval) alerts fire without notifying anybody."""
    severity: str | None = None
    """Label severity."""
    since: float | None = None
    """Unix time since which its expression has held."""
    objects: tuple[str, ...] = ()
    """Keys of the objects that its labels name, the closest first."""
    unjoined: str | None = None
    """Reason for no objects."""
    labels: dict[str, str]
    """All of them."""
    annotations: dict[str, str]
    """Texts that its rule gives it."""
    expression: str | None = None
    """PromQL of its rule, if a rule evaluator is queried."""
    value: float | None = None
    """Value of the expression."""
    link: str | None = None
    """URL of the expression in its evaluator's user interface."""
    silences: tuple[str, ...] = ()
    """Ids of the silences that cover it."""
    sources: tuple[str, ...]
    """Names of the sources that report it."""


def alert_parts(snapshot: Snapshot) -> Iterator[AlertPart]:
    """The alerts in view, the worst first."""
    return (_part(row) for key in in_view(snapshot) if (row := row_of(snapshot, key)) is not None)


def _part(row: AlertRow) -> AlertPart:
    merged, alert = row.merged, row.merged.alert
    return AlertPart(
        name=alert.name,
        state=alert.state,
        severity=alert.severity or None,
        since=alert.since,
        objects=row.concerned.objects,
        unjoined=row.concerned.unjoined or None,
        labels=dict(sorted(alert.labels.items())),
        annotations=dict(sorted(alert.annotations.items())),
        expression=merged.rule.expression if merged.rule is not None else None,
        value=alert.value,
        link=alert.link or None,
        silences=alert.silenced_by,
        sources=merged.sources,
    )
