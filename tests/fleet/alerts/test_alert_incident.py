"""An alert and a finding about the same thing are one: an alert belongs to one incident, or to none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleet.alerts.alert_incident import Explained, Explainer
from fleet.alerts.board import AlertBoardMaker
from fleet.model.alerts import Alert, Notified
from fleet.model.facts import Dated, Facts
from fleet.model.snapshot import Snapshot
from tests.fleet.diagnosis.fleets import COOL, Fleet, Q, crashing
from tests.fleet.rows import NOW


def broken() -> Snapshot:
    """A GPU that fell off the bus, with its pod and a replica that is missing."""
    fleet = Fleet()
    fleet.gpus["chat-1"] = COOL | {Q.XID: 79.0}
    fleet.of("chat-1", **crashing(NOW - 300))
    return fleet.at(0)


def alert(labels: str, **more: Any) -> Alert:
    named = dict(pair.split("=") for pair in labels.split())
    return Alert({"alertname": "A", "severity": "critical"} | named, **more)


def with_alerts(snapshot: Snapshot, *alerts: Alert) -> Snapshot:
    return replace(snapshot, facts=Facts({"alertmanager": Dated(NOW, Notified(alerts, ()))}))


def explained(snapshot: Snapshot) -> Explained:
    return Explainer().explained(snapshot, AlertBoardMaker().board_of(snapshot))


@pytest.mark.parametrize(
    "labels",
    [
        "UUID=GPU-chat-1",
        "namespace=serving pod=chat-1",
        "namespace=monitoring pod=dcgm UUID=GPU-chat-1 Hostname=n0",
        "namespace=serving deployment=chat",
        "namespace=serving model_name=llama",
    ],
)
def test_an_alert_about_an_object_of_an_incident_belongs_to_it(labels: str) -> None:
    snapshot = broken()
    (incident,) = snapshot.incidents
    found = explained(with_alerts(snapshot, alert(labels)))
    (row,) = found.of[incident.key]
    assert found.by[row.merged.key] is incident
    assert found.alone == ()


@pytest.mark.parametrize("labels", ["namespace=serving pod=chat-0", "node=n0", "UUID=GPU-chat-0", "job=apiserver"])
def test_what_is_about_something_else_stands_alone(labels: str) -> None:
    found = explained(with_alerts(broken(), alert(labels)))
    assert [row.merged.alert.labels for row in found.alone] == [alert(labels).labels]
    assert not found.of


def test_of_two_incidents_it_belongs_to_the_one_at_its_closest_object() -> None:
    fleet = Fleet(4)
    fleet.of("chat-1", **crashing(NOW - 300))
    fleet.gpus["chat-3"] = COOL | {Q.XID: 79.0}
    snapshot = fleet.at(0)
    gpu = next(one for one in snapshot.incidents if one.about == "GPU-chat-3")
    found = explained(with_alerts(snapshot, alert("UUID=GPU-chat-3"), alert("namespace=serving pod=chat-1")))
    assert len(snapshot.incidents) > 1
    assert [row.merged.alert.labels.get("UUID") for row in found.of[gpu.key]] == ["GPU-chat-3"]


def test_what_tells_nobody_of_trouble_is_not_told_beside_the_incidents() -> None:
    nobody = alert("job=a", silenced_by=("s1",))
    pending = alert("job=b", firing=False)
    watchdog = alert("job=c severity=none")
    assert explained(with_alerts(Fleet().at(0), nobody, pending, watchdog)).alone == ()


def test_a_silenced_alert_is_still_one_of_its_incident() -> None:
    snapshot = broken()
    found = explained(with_alerts(snapshot, alert("UUID=GPU-chat-1", silenced_by=("s1",))))
    assert [row.merged.alert.state for row in found.of[snapshot.incidents[0].key]] == ["silenced"]


def test_while_nothing_changes_the_answer_is_the_same_object() -> None:
    snapshot = with_alerts(broken(), alert("UUID=GPU-chat-1"))
    board, explainer = AlertBoardMaker().board_of(snapshot), Explainer()
    first = explainer.explained(snapshot, board)
    assert explainer.explained(replace(snapshot, at=NOW + 5), board) is first
    assert explainer.explained(replace(snapshot, incidents=()), board) is not first
