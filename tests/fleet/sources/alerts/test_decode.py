"""The fields kept of any answers of Alertmanager and of rules."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.model.alerts import Matcher
from fleet.sources.alerts.decode import LONGEST, MOST_ALERTS, MOST_LABELS, AlertReader, is_success, number


def reader() -> AlertReader:
    return AlertReader(lambda text: text)


def posted(**more: Any) -> dict[str, Any]:
    status = {"state": "active", "silencedBy": [], "inhibitedBy": []}
    labels = {"alertname": "KvCacheFull", "pod": "chat-1", "severity": "critical"}
    return {"labels": labels, "status": status, "startsAt": "2026-11-29T12:00:00.123456789Z"} | more


def test_an_alert_is_read_with_why_nobody_is_told_of_it() -> None:
    raw = [
        posted(generatorURL="http://p/graph", fingerprint="abc", receivers=[{"name": "pager"}]),
        posted(status={"silencedBy": ["s1"]}),
        posted(status={"inhibitedBy": ["f1"]}),
        posted(status={"mutedBy": ["nights"]}),
    ]
    found = reader().notified(raw)
    assert [alert.state for alert in found] == ["firing", "silenced", "inhibited", "muted"]
    assert [alert.suppressed for alert in found] == [False, True, True, True]
    first = found[0]
    assert (first.name, first.severity, first.fingerprint) == ("KvCacheFull", "critical", "abc")
    assert (first.since, first.link, first.receivers) == (1795953600.123456, "http://p/graph", ("pager",))


def test_rules_are_read_with_the_alerts_that_stand_within_them() -> None:
    active = {"labels": {"alertname": "Slow"}, "state": "pending", "activeAt": "2026-11-29T12:00:00Z", "value": "7e+00"}
    slow = {"type": "alerting", "name": "Slow", "query": "x > 5", "duration": 60, "health": "ok", "state": "pending"}
    group = {
        "name": "serving",
        "interval": 15,
        "rules": [
            slow | {"alerts": [active, {"labels": {}, "state": "inactive"}]},
            {"type": "recording", "name": "a:b", "query": "sum(y)", "health": "err", "lastError": "found duplicate"},
        ],
    }
    raw = {"status": "success", "data": {"groups": [group]}}
    alerting, recording = reader().rules(raw)
    assert (alerting.group, alerting.name, alerting.expression) == ("serving", "Slow", "x > 5")
    assert (alerting.holds, alerting.interval, alerting.alerting) == (60.0, 15.0, True)
    assert (recording.alerting, recording.health, recording.problem) == (False, "err", "found duplicate")
    (alert,) = reader().of_rules(raw)
    assert (alert.state, alert.value, alert.since) == ("pending", 7.0, 1795953600.0)
    assert is_success(raw)


def test_silences_that_are_over_are_none() -> None:
    times = {"startsAt": "2026-11-29T12:00:00Z", "endsAt": "2026-11-29T13:00:00Z"}
    matchers = [
        {"name": "pod", "value": "chat-.*", "isRegex": True},
        {"name": "job", "value": "x", "isRegex": False, "isEqual": False},
    ]
    raw = [
        {"id": "1", "status": {"state": "active"}, "matchers": matchers, "createdBy": "ops", "comment": "INC-1"}
        | times,
        {"id": "2", "status": {"state": "expired"}, "matchers": []} | times,
    ]
    (silence,) = reader().silences(raw)
    assert silence.matchers == (Matcher("pod", "chat-.*", regex=True), Matcher("job", "x", equal=False))
    assert list(map(str, silence.matchers)) == ['pod=~"chat-.*"', 'job!="x"']
    assert (silence.by, silence.comment, silence.ends - silence.starts) == ("ops", "INC-1", 3600.0)


@pytest.mark.parametrize(
    "raw", [None, 7, "x", [], {}, [None], [[]], [{}], [{"labels": 3, "status": "x", "startsAt": 5, "receivers": "y"}]]
)
def test_whatever_is_answered_is_read_without_an_error(raw: Any) -> None:
    for read in (
        AlertReader.notified,
        AlertReader.silences,
        AlertReader.rules,
        AlertReader.of_rules,
        AlertReader.alerts,
    ):
        read(reader(), raw)
        read(reader(), {"data": raw})
        read(reader(), {"data": {"groups": raw, "alerts": raw}})


def test_no_more_is_kept_than_a_person_could_read_and_the_rest_is_counted() -> None:
    many = {f"label{number}": "x" for number in range(MOST_LABELS + 3)}
    asked = reader()
    found = asked.notified([posted(labels=many, annotations={"summary": "x" * 100_000})] * (MOST_ALERTS + 5))
    assert len(found) == MOST_ALERTS
    assert len(found[0].labels) == MOST_LABELS
    assert len(found[0].annotations["summary"]) == LONGEST + 1
    assert asked.left_out["alerts"] == 5


def test_every_text_loses_its_secrets() -> None:
    asked = AlertReader(lambda text: text.replace("s3cret", "***"))
    texts = {"labels": {"alertname": "s3cret"}, "annotations": {"summary": "s3cret"}, "generatorURL": "http://s3cret"}
    (alert,) = asked.notified([posted(**texts)])
    assert "s3cret" not in repr(alert)
    rule = {"name": "s3cret", "query": "x", "lastError": "s3cret", "annotations": {"a": "s3cret"}}
    (read,) = asked.rules({"data": {"groups": [{"name": "s3cret", "rules": [rule]}]}})
    assert "s3cret" not in repr(read)


@pytest.mark.parametrize(("raw", "value"), [("1e3", 1000.0), (3, 3.0), ("NaN", None), ("+Inf", None), (True, None)])
def test_values_are_numbers_or_not_known(raw: object, value: float | None) -> None:
    assert number(raw) == value


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("http://p/graph?g0.expr=up+%3D%3D+0&g0.tab=1", "http://p/graph?g0.expr=up+%3D%3D+0&g0.tab=1"),
        ("http://p/graph?g0.expr=s3cret&key=s3cret", "http://p/graph?g0.expr=***&key=***"),
        ("http://s3cret@p/graph", "http://***@p/graph"),
        ("", ""),
    ],
)
def test_of_a_link_the_expression_stays(link: str, shown: str) -> None:
    (alert,) = AlertReader(lambda text: text.replace("s3cret", "***")).notified([posted(generatorURL=link)])
    assert alert.link == shown
