"""A recording contains monitoring's data: alerts, silences and rules are replayed as they were, and scrubbed."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleet.alerts.alert_incident import Explainer
from fleet.alerts.board import AlertBoardMaker
from fleet.model.alerts import Alert, Evaluated, Matcher, MonitoringRule, Notified, Silence
from fleet.model.facts import Dated, Facts
from fleet.model.routes import Backend, Certificate, NetworkPolicy, Requirement, Route, Routing, Unlisted
from fleet.observer import Observer
from fleet.recorder.facts import FactsWriter, apply
from fleet.recorder.file import FACTS, RecordingFile
from fleet.recorder.moment import Moment
from fleet.recorder.playback import Playback, RecordedMetrics, RecordedObjects, recorded_facts
from fleet.recorder.problem import RecordingError
from fleet.recorder.reader import Recording
from fleet.recorder.scrub import Scrubber, scrub
from fleet.recorder.thinning import Retention, trim
from fleet.recorder.writer import ANEW, RecordingWriter
from tests.fleet.recorder.seen import BEGAN, STEP, Plain, moments, state, statuses
from tests.fleet.rows import node, pod

SECRET = "titan"


def alert(number: int, **labels: str) -> Alert:
    named = {"alertname": "KubePodCrashLooping", "namespace": "serving", "pod": f"chat-{number}", "severity": "warning"}
    return Alert(named | labels, {"summary": "a pod is not ready"}, since=BEGAN, fingerprint=f"f{number}")


def alert_facts(*alerts: Alert, silences: tuple[Silence, ...] = ()) -> Facts:
    rule = MonitoringRule("kubernetes-apps", "KubePodCrashLooping", 'kube_pod_status{reason="CrashLoopBackOff"} > 0')
    return Facts(
        {
            "alertmanager": Dated(BEGAN, Notified(alerts, silences)),
            "rules": Dated(BEGAN, Evaluated((rule,), ())),
        }
    )


SILENCE = Silence(
    "s1", (Matcher("pod", "chat-1"),), BEGAN, BEGAN + 3600, "mia", "looked at by mia", "active"
)  # fmt: skip
SAID = (
    Facts(),
    alert_facts(alert(0)),
    alert_facts(alert(0), alert(1)),
    alert_facts(alert(1, severity="critical"), silences=(SILENCE,)),
    Facts({"rules": alert_facts().by_source["rules"]}),
)
"""Facts for four ticks each."""


def seen() -> Iterator[tuple[float, Moment]]:
    for number, (now, moment) in enumerate(moments(4 * len(SAID))):
        yield now, moment._replace(facts=SAID[number // 4])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    writer = RecordingWriter(tmp_path / "x.qdr", Plain())
    for now, moment in seen():
        writer.note(moment, now)
    writer.close()
    return tmp_path / "x.qdr"


def values(facts: Facts) -> dict[str, object]:
    return {name: dated.value for name, dated in facts.by_source.items()}


def test_every_moment_has_the_facts_of_then_forwards_and_in_any_order(file: Path) -> None:
    every = list(seen())
    with Recording(file) as recording:
        for now, moment in (*every, *(every[number] for number in (17, 2, 9, 13, 5, 0))):
            assert values(recording.at(now).facts) == values(moment.facts)
        assert recording.told_by == ("alertmanager", "rules")


def test_facts_that_did_not_change_are_the_same_object_from_moment_to_moment(file: Path) -> None:
    with Recording(file) as recording:
        before, after = (recording.at(BEGAN + number * STEP).facts for number in (5, 10))
        again = recording.at(BEGAN + 11 * STEP).facts
    assert again is after
    assert after.by_source["rules"] is before.by_source["rules"]
    assert after.by_source["alertmanager"] is not before.by_source["alertmanager"]


async def test_a_replay_shows_the_alerts_of_then_joined_to_the_objects_and_incidents_of_then(file: Path) -> None:
    boards, explains = AlertBoardMaker(), Explainer()
    joined, silences = [], []
    for number in (1, 6, 9, 13, 17):
        with Recording(file) as recording:
            playback = Playback(recording, BEGAN + number * STEP, 0.0)
            objects = RecordedObjects(playback)
            beside = recorded_facts(playback, objects)
            observing = Observer(objects, RecordedMetrics(objects), beside, clock=playback.now, read_only=True)
            snapshot = await observing.once(0.0)
        board = boards.board_of(snapshot)
        explained = explains.explained(snapshot, board)
        assert len(explained.alone) == sum(row.merged.alert.firing for row in board.rows.values())
        joined.append([row.concerned.objects[0] for row in board.rows.values()])
        silences += [one for each in snapshot.facts.of(Notified).values() for one in each.value.silences]
    assert joined == [[], ["serving/chat-0"], ["serving/chat-0", "serving/chat-1"], ["serving/chat-1"], []]
    assert silences == [SILENCE]


def test_of_two_thousand_alerts_of_which_one_ends_little_is_written() -> None:
    writer, many = FactsWriter(), tuple(map(alert, range(2000)))
    whole = writer.whole(alert_facts(*many))
    changed = writer.difference(alert_facts(*many[:700], *many[701:]))
    assert changed is not None
    assert len(changed) < 200 < len(whole)
    assert values(apply(apply(None, whole), changed)) == values(alert_facts(*many[:700], *many[701:]))


def test_another_evaluation_with_the_same_result_writes_nothing() -> None:
    def rule_facts(at: float, value: float) -> Facts:
        rule = MonitoringRule("g", "r", "up == 0", evaluated=at)
        return Facts({"rules": Dated(at, Evaluated((rule,), (Alert({"alertname": "Down"}, value=value),)))})

    writer = FactsWriter()
    writer.whole(rule_facts(BEGAN, 12.31))
    assert writer.difference(rule_facts(BEGAN + 30, 12.34)) is None
    assert writer.difference(rule_facts(BEGAN + 60, 18.0)) is not None


def test_facts_of_a_kind_that_is_not_known_are_not_kept_and_harm_nothing() -> None:
    facts = Facts({"pager": Dated(BEGAN, ("a", "b"))})
    assert values(apply(None, FactsWriter().whole(facts))) == {}


def test_what_is_old_goes_and_the_facts_that_are_left_are_whole(tmp_path: Path) -> None:
    writer, path = RecordingWriter(tmp_path / "x.qdr", Plain()), tmp_path / "x.qdr"
    every = [
        (BEGAN + number * STEP, Moment(state(number), statuses(), None, SAID[number % len(SAID)]))
        for number in range(round(3 * ANEW / STEP))
    ]
    for now, moment in every:
        writer.note(moment, now)
    writer.close()
    with RecordingFile.create(path) as opened:
        trim(opened, Retention(seconds=ANEW), every[-1][0])
    with Recording(path) as recording:
        assert BEGAN < recording.first <= every[-1][0] - ANEW
        for now, moment in every:
            if now >= recording.first:
                assert values(recording.at(now).facts) == values(moment.facts)


def test_a_recording_of_the_version_before_is_read_and_gone_on_with(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM frames WHERE kind = ?", (FACTS,))
        connection.execute("DELETE FROM about WHERE key = 'facts'")
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with Recording(file) as recording:
        assert recording.at(recording.last).facts == Facts()
        assert recording.told_by == ()
        last = recording.last
    writer = RecordingWriter(file, Plain())
    (_, moment), later = next(iter(moments(1))), last + STEP
    writer.note(moment._replace(facts=SAID[1]), later)
    writer.close()
    with Recording(file) as recording:
        assert recording.at(last).facts == Facts()
        assert values(recording.at(later).facts) == values(SAID[1])


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b'{"told": {"a": {"kind": "notified", "at": 1, "rows": {"alerts": [[0, 5]]}}}}',
        b'{"told": {"a": {"kind": "notified", "at": 1, "rows": {"alerts": [[-1, 1]]}}}}',
        b'{"told": {"a": {"kind": "notified", "at": 1, "rows": {"alerts": [{"labels": 7}]}}}}',
        b'{"told": {"a": {"kind": "notified", "at": 1e300, "rows": {}}}}',
        b'{"told": {"a": {"kind": "os.system", "at": 1, "rows": {}}}}',
    ],
)
def test_hostile_facts_give_a_message(text: bytes) -> None:
    with pytest.raises(RecordingError, match="its facts cannot be read"):
        apply(None, zlib.compress(text))


def test_no_text_of_an_alert_is_left_in_a_scrubbed_recording_and_it_is_joined_as_before(tmp_path: Path) -> None:
    rows = {row.key: row for row in (pod("titan-0", namespace="serving-titan", node="titan-node", ip="10.20.30.1"),)}
    kube = state(0)
    labels = {
        "alertname": "TitanIsSlow", "namespace": "serving-titan", "pod": "titan-0", "team": "titan",
        "instance": "10.20.30.1:8000", "severity": "critical", "titan_label": "titan",
    }  # fmt: skip
    told_of = Alert(
        labels, {"summary": "titan at jo@example.com is slow", "titan": "titan"}, value=7.0,
        link="https://titan.example.com/graph?g0.expr=titan", fingerprint="titan-f", silenced_by=("titan-s",),
        inhibited_by=("titan-g",), muted_by=("titan-night",), receivers=("titan-pager",),
    )  # fmt: skip
    silence = Silence("titan-s", (Matcher("pod", "titan-0"), Matcher("titan", "titan.*", True)), 1.0, 2.0,
                      "titan", "titan is fixed by jo@example.com", "active")  # fmt: skip
    rule = MonitoringRule("titan", "TitanIsSlow", 'titan{pod="titan-0"} > 3', labels={"team": "titan"},
                annotations={"runbook_url": "https://titan.example.com"}, problem="titan not found")  # fmt: skip
    known = alert(7, namespace="serving-titan", pod="titan-0")
    facts = Facts(
        {
            "alertmanager/titan": Dated(BEGAN, Notified((told_of, known), (silence,))),
            "rules": Dated(BEGAN, Evaluated((rule,), ())),
        }
    )
    machine = node("titan-node")
    kube = type(kube)(
        kube.generation, kube.cluster, kube.synced, kube.coverage, pods=rows, nodes={"titan-node": machine}
    )
    writer = RecordingWriter(tmp_path / "x.qdr", Plain())
    writer.note(Moment(kube, statuses(), None, facts), BEGAN)
    writer.close()
    scrub(tmp_path / "x.qdr", tmp_path / "out.qdr")
    with sqlite3.connect(tmp_path / "out.qdr") as connection:
        parts = [repr(row) for row in connection.execute("SELECT * FROM about")]
        parts += [zlib.decompress(data).decode() for (data,) in connection.execute("SELECT data FROM frames")]
    connection.close()
    left = "\n".join(parts).lower()
    for word in (SECRET, "10.20.30", "example.com", "jo@"):
        assert word not in left, left[max(0, left.find(word) - 80) : left.find(word) + 40]
    with Recording(tmp_path / "out.qdr") as recording:
        moment = recording.at(BEGAN)
        (name,) = [one for one in recording.told_by if one != "rules"]
    notified = moment.facts.of(Notified)[name].value
    (key,) = moment.state.pods
    mine, other = notified.alerts
    assert f"{mine.labels['namespace']}/{mine.labels['pod']}" == key
    assert mine.labels["instance"] == f"{moment.state.pods[key].ip}:8000"
    assert mine.silenced_by == (notified.silences[0].id,)
    assert (notified.silences[0].matchers[0].name, notified.silences[0].matchers[0].value) == (
        "pod",
        mine.labels["pod"],
    )
    assert moment.facts.of(Evaluated)["rules"].value.rules[0].name == mine.name
    assert (other.name, other.severity, mine.value) == ("KubePodCrashLooping", "warning", 7.0)


def test_what_leads_to_engines_is_kept_and_scrubbed_so_that_it_still_joins(tmp_path: Path) -> None:
    route = Route("Ingress", "serving", f"{SECRET}-web", (Backend("Service", "serving", SECRET, "http"),))
    policy = NetworkPolicy("serving", "deny", {"team": SECRET}, (Requirement("team", "In", (SECRET,)),), rules=((),))
    certificate = Certificate("serving", SECRET, f"{SECRET}-tls", 1.0, 2.0, message=f"of {SECRET}")
    routing = Routing(
        (route, replace(route, secrets=(f"serving/{SECRET}-tls",))),
        policies=(policy,),
        certificates=(certificate,),
        unlisted=(Unlisted("gateways.gateway.networking.k8s.io", "serving"),),
    )
    facts = Facts({"routing": Dated(BEGAN, routing)})
    assert values(apply(None, FactsWriter().whole(facts))) == values(facts)
    scrubbed = Scrubber().moment(next(moments(1))[1]._replace(facts=facts)).facts.by_source["routing"].value
    assert SECRET not in repr(scrubbed)
    assert scrubbed.routes[1].secrets == (f"{scrubbed.routes[1].namespace}/{scrubbed.certificates[0].secret}",)
    assert scrubbed.unlisted[0].resource == "gateways.gateway.networking.k8s.io"
    assert scrubbed.policies[0].requirements[0].operator == "In"
    assert scrubbed.policies[0].labels == {
        scrubbed.policies[0].requirements[0].label: scrubbed.policies[0].requirements[0].values[0]
    }


def test_a_recording_goes_on_until_the_last_that_was_said_be_it_facts_alone(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "x.qdr", Plain())
    (now, moment), *_ = moments(1)
    for later, facts in (
        (0.0, alert_facts(alert(0))),
        (40.0, alert_facts(alert(0))),
        (90.0, alert_facts(alert(0), alert(1))),
    ):
        writer.note(moment._replace(facts=facts), now + later)
    writer.close()
    with Recording(tmp_path / "x.qdr") as recording:
        assert (recording.first, recording.last) == (now, now + 90)
        assert recording.changes() == [now, now + 90]
        assert values(recording.at(recording.last).facts) == values(alert_facts(alert(0), alert(1)))
