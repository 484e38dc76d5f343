"""An alert is one line, however many sources report it."""

from __future__ import annotations

from fleet.alerts.deduplication import merged
from fleet.model.alerts import Alert, Evaluated, Matcher, MonitoringRule, Notified, Silence
from fleet.model.facts import Dated, Facts

LABELS = {"alertname": "Full", "pod": "chat-1", "severity": "critical"}


def facts(**values: Evaluated | Notified) -> Facts:
    return Facts({name: Dated(100.0, value) for name, value in values.items()})


def alert(labels: dict[str, str] | None = None, **more: object) -> Alert:
    return Alert(**({"labels": labels or LABELS} | more))  # type: ignore[arg-type]


def test_what_prometheus_evaluates_and_an_alertmanager_was_sent_is_one() -> None:
    rule = MonitoringRule("serving", "Full", "kv > 0.9", holds=60.0)
    silence = Silence("s1", (Matcher("pod", "chat-1"),), 0.0, 9e9, "ops", "INC-1", "active")
    sent = alert(LABELS | {"cluster": "eu", "replica": "0"}, since=50.0, silenced_by=("s1",), fingerprint="f")
    (one,) = merged(
        facts(
            alertmanager=Notified((sent,), (silence,)),
            rules=Evaluated((rule,), (alert(since=40.0, value=0.97),)),
        )
    )
    assert one.sources == ("alertmanager", "rules")
    assert (one.alert.state, one.alert.value, one.alert.since) == ("silenced", 0.97, 40.0)
    assert one.rule is rule
    assert one.silences == (silence,)


def test_two_alertmanagers_of_a_cluster_tell_of_one() -> None:
    (one,) = merged(facts(a=Notified((alert(),), ()), b=Notified((alert(),), ())))
    assert one.sources == ("a", "b")


def test_alerts_of_one_name_and_other_labels_are_two() -> None:
    other = LABELS | {"pod": "chat-2"}
    found = merged(facts(am=Notified((alert(), alert(other)), ()), rules=Evaluated((), (alert(), alert(other)))))
    assert sorted(one.alert.labels["pod"] for one in found) == ["chat-1", "chat-2"]
    assert {one.sources for one in found} == {("am", "rules")}


def test_what_only_one_tells_of_is_kept() -> None:
    pending = alert({"alertname": "Slow"}, firing=False)
    found = merged(facts(am=Notified((alert(),), ()), rules=Evaluated((), (pending,))))
    assert {(one.alert.name, one.alert.state, one.sources) for one in found} == {
        ("Full", "firing", ("am",)),
        ("Slow", "pending", ("rules",)),
    }


def test_who_inhibits_is_named() -> None:
    node = alert({"alertname": "NodeDown"}, fingerprint="f1")
    slow = alert({"alertname": "Slow"}, inhibited_by=("f1", "f9"))
    found = {one.alert.name: one for one in merged(facts(am=Notified((node, slow), ())))}
    assert found["Slow"].inhibitors == ("NodeDown", "f9")


def test_of_several_rules_of_a_name_it_is_the_one_whose_labels_it_has() -> None:
    warning = MonitoringRule("g", "Full", "kv > 0.8", labels={"severity": "warning"})
    critical = MonitoringRule("g", "Full", "kv > 0.9", labels={"severity": "critical", "team": "{{ $labels.team }}"})
    (one,) = merged(facts(rules=Evaluated((warning, critical), (alert(),))))
    assert one.rule is critical


def test_the_key_follows_the_labels_and_nothing_else() -> None:
    (before,) = merged(facts(am=Notified((alert(since=1.0),), ())))
    (after,) = merged(facts(am=Notified((alert(dict(reversed(LABELS.items())), since=2.0, value=3.0),), ())))
    assert before.key == after.key
    (other,) = merged(facts(am=Notified((alert({"alertname": "Full", "pod": "chat-1severity"}),), ())))
    assert other.key != before.key
