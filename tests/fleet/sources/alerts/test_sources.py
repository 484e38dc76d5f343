"""Alertmanager and rules as sources: their states, their reads, and that they change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fleet.model.alerts import Evaluated, Notified
from fleet.model.problem import NothingToAskError
from fleet.model.snapshot import Health, SourceStatus
from fleet.net import bodies
from fleet.net.bodies import Limit, Limits
from fleet.sources.alerts.alertmanager import FORGOTTEN, AlertmanagerSource, DiscoveredAlertmanager, FollowsApi
from fleet.sources.alerts.rules import RulesSource
from fleet.sources.prometheus.products import ALERTMANAGER, RULES
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.fleet.sources.alerts.servers import Said, alertmanager, answering, prometheus_with_rules
from tests.waiting import block_until

FIRES = {"labels": {"alertname": "Full", "pod": "chat-1"}, "status": {"silencedBy": []}, "fingerprint": "f"}
TOLD: Mapping[str, Any] = {"/api/v2/alerts": [FIRES], "/api/v2/silences": []}
RULE = {"name": "Full", "query": "x > 1", "type": "alerting", "health": "ok", "alerts": []}
HAS_RULES = {"status": "success", "data": {"groups": [{"name": "g", "rules": [RULE]}]}}


def of(url: str, **more: Any) -> AlertmanagerSource:
    async def find() -> DiscoveredAlertmanager:
        return DiscoveredAlertmanager(PrometheusEndpoint(url, product=ALERTMANAGER, **more))

    return AlertmanagerSource("alertmanager", find, plain=str, every=0.01)


def rules_of(url: str, *, expected: bool = False) -> RulesSource:
    async def find() -> DiscoveredAlertmanager:
        return DiscoveredAlertmanager(PrometheusEndpoint(url, product=RULES))

    return RulesSource("rules", find, plain=str, every=0.01, expected=expected)


async def asked(source: FollowsApi[Any]) -> SourceStatus:
    """Return the source's status after its first request."""
    await source.start()
    assert await source.wait_synced(60)
    await source.close()
    return source.statuses()[0]


async def test_what_it_was_sent_is_read_and_nothing_but_get_reaches_it() -> None:
    with answering(TOLD) as server:
        source = of(server.url)
        status = await asked(source)
    assert (status.health, status.endpoint, status.requests) == (Health.LIVE, server.url, 2)
    facts = source.facts()
    assert facts is not None
    assert [alert.name for alert in facts.value.alerts] == ["Full"]
    assert {method for method, _ in server.seen} == {"GET"}


async def test_facts_stay_the_same_object_while_nothing_changes() -> None:
    with answering(TOLD) as server:
        source = of(server.url)
        first = await source.ask()
        assert await source.ask() == first
        await source._ask_or_say()
        before = source.facts()
        await source._ask_or_say()
        after = source.facts()
        await source.close()
    assert before is not None
    assert after is not None
    assert after.value is before.value


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({}, "has no Alertmanager API (404)"),
        ({"/api/v2/alerts": (401, b"")}, "rejects the credentials (401)"),
        ({"/api/v2/alerts": (403, b"no")}, "forbids the query (403)"),
        ({"/api/v2/alerts": (500, b"boom")}, "answers HTTP 500"),
        ({"/api/v2/alerts": (302, b"")}, "redirects to elsewhere"),
        ({"/api/v2/alerts": b"<html>login"}, "answers a page of HTML"),
        ({"/api/v2/alerts": b"{"}, "answers no JSON"),
        ({"/api/v2/alerts": {"a": 1}, "/api/v2/silences": []}, "does not answer as an Alertmanager would"),
        ({"/api/v2/alerts": b"[" * 100_000}, "answers no JSON"),
        ({"/api/v2/alerts": b'["' + b"x" * 3_000_000 + b'"]'}, "answers more than 1 MiB (the limit limits.alerts)"),
    ],
)
async def test_each_trouble_is_said_in_words(answers: Mapping[str, Any], problem: str) -> None:
    before = bodies.limits()
    bodies.use(Limits(alerts=Limit(bodies.MIB, "limits.alerts")))
    try:
        with answering(answers) as server:
            status = await asked(of(server.url))
    finally:
        bodies.use(before)
    assert status.health is Health.DOWN
    assert problem in status.problem
    assert status.remedy
    assert "Prometheus" not in status.problem + status.remedy


async def test_credentials_go_with_every_request_and_are_never_shown(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t0ken")
    with answering(TOLD) as server:
        source = of(server.url, token_file=str(token), headers={"X-Scope-OrgID": "ops"})
        status = await asked(source)
    assert {headers["Authorization"] for headers in server.headers} == {"Bearer t0ken"}
    assert {headers["X-Scope-OrgID"] for headers in server.headers} == {"ops"}
    assert "t0ken" not in repr(status)


async def test_a_server_that_is_gone_and_comes_back() -> None:
    with answering(TOLD) as server:
        source = of(server.url)
        await source._ask_or_say()
        server.answers.clear()
        await source._ask_or_say()
        assert source.statuses()[0].health is Health.DOWN
        kept = source.facts()
        assert kept is not None, "what was known grows old"
        server.answers.update(TOLD)
        await source._ask_or_say()
        assert source.statuses()[0].health is Health.LIVE
        await source.close()


async def test_one_that_was_found_is_looked_for_again_after_failures() -> None:
    looked = 0
    with answering({}) as server:

        async def find() -> DiscoveredAlertmanager:
            nonlocal looked
            looked += 1
            return DiscoveredAlertmanager(PrometheusEndpoint(server.url, product=ALERTMANAGER))

        source = AlertmanagerSource("alertmanager", find, plain=str)
        for _ in range(FORGOTTEN + 1):
            await source._ask_or_say()
        await source.close()
    assert looked == 2


async def test_nobody_to_ask_is_no_trouble() -> None:
    async def find() -> DiscoveredAlertmanager:
        raise NothingToAskError("none was found", "name one")

    source = AlertmanagerSource("alertmanager", find, plain=str)
    assert source.statuses()[0].health is Health.OFF
    status = await asked(source)
    assert (status.health, status.problem, status.remedy) == (Health.OFF, "none was found", "name one")
    assert source.facts() is None


async def test_rules_where_only_their_alerts_are_let_through() -> None:
    alert = {"labels": {"alertname": "Full"}, "state": "firing", "value": "3"}
    with answering({"/api/v1/alerts": {"status": "success", "data": {"alerts": [alert]}}}) as server:
        source = rules_of(server.url)
        status = await asked(source)
    facts = source.facts()
    assert facts is not None
    assert (facts.value.rules, [one.value for one in facts.value.alerts]) == ((), [3.0])
    assert status.health is Health.LIVE


@pytest.mark.parametrize(("expected", "health"), [(False, Health.OFF), (True, Health.DOWN)])
async def test_a_store_that_evaluates_nothing_is_a_trouble_where_it_was_configured_to(
    *, expected: bool, health: Health
) -> None:
    with answering({}) as server:
        status = await asked(rules_of(server.url, expected=expected))
    assert status.health is health
    assert ("evaluates no rules" in status.problem) is not expected


async def test_a_rule_that_cannot_be_evaluated_is_noted() -> None:
    rule = RULE | {"health": "err", "lastError": "found duplicate series"}
    answer = {"status": "success", "data": {"groups": [{"name": "g", "rules": [rule]}]}}
    with answering({"/api/v1/rules": answer}) as server:
        status = await asked(rules_of(server.url))
    assert status.notes == ("the rule Full of g cannot be evaluated: found duplicate series",)


async def test_what_changes_is_refused_before_it_reaches_a_socket() -> None:
    with answering(TOLD) as server:
        source = of(server.url)
        api = await source._opened()
        await asyncio.to_thread(api.get, "/api/v2/alerts")
        count = len(server.seen)
        _refused(server, api._session())
        assert len(server.seen) == count
        await source.close()


def _refused(server: Said, session: Any) -> None:
    for method in ("POST", "DELETE", "PUT", "PATCH"):
        for url in (f"{server.url}/api/v2/silences", f"{server.url}/-/reload", f"{server.url}/elsewhere"):
            with pytest.raises(Exception, match="was not sent"):
                session.request(method, url, timeout=5)


@pytest.mark.real("alertmanager")
async def test_a_real_alertmanager_tells_why_nobody_is_told(tmp_path: Path) -> None:
    with alertmanager(tmp_path) as running:
        running.post(
            {"alertname": "NodeDown", "severity": "critical", "node": "gpu-1"},
            {"alertname": "Slow", "severity": "warning", "node": "gpu-1"},
            {"alertname": "Full", "severity": "critical", "pod": "chat-1"},
        )
        silence = running.silence("alertname", "Full")
        block_until(lambda: {one["status"]["state"] for one in running.alerts()} == {"active", "suppressed"})
        source = of(running.url)
        notified = await source.ask()
        await source.close()
    assert isinstance(notified, Notified)
    states = {alert.name: alert for alert in notified.alerts}
    assert {name: alert.state for name, alert in states.items()} == {
        "NodeDown": "firing",
        "Slow": "inhibited",
        "Full": "silenced",
    }
    assert states["Full"].silenced_by == (silence,)
    assert states["Slow"].inhibited_by == (states["NodeDown"].fingerprint,)
    assert [(one.id, one.by, one.comment, one.state) for one in notified.silences] == [
        (silence, "ops", "being looked at", "active")
    ]


@pytest.mark.real("prometheus")
async def test_a_real_prometheus_tells_its_rules_and_what_fires(tmp_path: Path) -> None:
    rules: list[Mapping[str, Any]] = [
        {"alert": "Always", "expr": "vector(7) > 5", "labels": {"severity": "critical", "pod": "chat-1"}},
        {"alert": "Later", "expr": "vector(1)", "for": "1h", "annotations": {"summary": "pod {{ $value }}"}},
        {"alert": "Never", "expr": "vector(1) > 5"},
        {"record": "a:b", "expr": "vector(3)"},
    ]
    with prometheus_with_rules(tmp_path, rules) as running:
        source = rules_of(running.url)
        found = await source.ask()
        while len(found.alerts) < 2:
            found = await source.ask()
        await source.close()
    assert isinstance(found, Evaluated)
    assert [(rule.name, rule.alerting) for rule in found.rules] == [
        ("Always", True),
        ("Later", True),
        ("Never", True),
        ("a:b", False),
    ]
    by_name = {alert.name: alert for alert in found.alerts}
    assert {name: alert.state for name, alert in by_name.items()} == {"Always": "firing", "Later": "pending"}
    assert (by_name["Always"].value, by_name["Always"].labels["pod"]) == (7.0, "chat-1")
    assert by_name["Later"].annotations == {"summary": "pod 1"}
    assert found.rules[1].holds == 3600.0
