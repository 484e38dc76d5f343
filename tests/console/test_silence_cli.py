"""An alert is silenced and unsilenced from the command line: named, planned, confirmed, recorded, undone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actions.kinds.silence import Expire, SilenceAlert
from actions.request import Target
from actions.spec import UsageError
from console.cli import exit_codes
from console.cli.dispatch import dispatch
from console.cli.find_alert import find_alert
from console.cli.find_object import NotNamedError
from console.cli.parser import parse
from fleet.model.alerts import Alert, Notified
from fleet.model.facts import Dated, Facts
from fleet.model.snapshot import Snapshot
from tests.fleet.diagnosis.fleets import Fleet
from tests.fleet.rows import NOW
from tests.fleet.sources.alerts.servers import Alertmanager, Said, alertmanager, answering
from tests.simulator.api_process import Process, simulator


@pytest.fixture(scope="module")
def cluster() -> Iterator[Process]:
    with simulator("--pods", "4", "--seed", "7") as running:
        yield running


class Shell:
    """The command line of a user whose configuration names an Alertmanager."""

    def __init__(self, cluster: Process, url: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (home / "config.toml").write_text(f'[alertmanager]\nurl = "{url}"\n[ui]\nrefresh = 0.5\n', encoding="utf-8")
        self._flags = ["--config", str(home / "config.toml"), "--kubeconfig", str(cluster.kubeconfig)]
        self._environ = {"HOME": str(home), "XDG_STATE_HOME": str(home)}
        self._home, self._capsys = home, capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        command, *rest = words
        code = dispatch("quarterdeck", [command, *self._flags, *rest], self._environ, self._home / "no-policy")
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err


@pytest.mark.real("alertmanager")
def test_it_is_silenced_ended_and_taken_back(
    cluster: Process, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with alertmanager(tmp_path / "am") as running:
        running.post({"alertname": "Full", "pod": "chat-1"}, {"alertname": "Full", "pod": "chat-2"})
        shell = Shell(cluster, running.url, tmp_path, capsys)

        code, _, text = shell("silence", "Full", "--dry-run")
        assert code == exit_codes.USAGE
        assert "Full is 2 alerts" in text
        assert """'Full{pod="chat-1"}'""" in text

        code, out, _ = shell("silence", "Full{pod=chat-1}", "--for", "2h", "--dry-run")
        assert (code, running.silences()) == (exit_codes.OK, [])
        assert "Silence Full for 2h" in out

        code, out, _ = shell("silence", "Full{pod=chat-1}", "--for", "2h", "--reason", "INC-7", "--yes", "--json")
        assert code == exit_codes.OK
        assert json.loads(out)["schema"] == "quarterdeck/action/v1"
        (silence,) = running.silences()
        assert silence["comment"].startswith("INC-7; silenced with quarterdeck")
        assert {one["value"] for one in silence["matchers"]} == {"Full", "chat-1"}

        code, _, text = shell("undo", "--yes")
        assert code == exit_codes.OK, text
        assert states(running) == ["expired"]
        code, _, text = shell("expire", "Full{pod=chat-1}", "--yes")
        assert code == exit_codes.USAGE
        assert "Full is not silenced" in text

        other = running.silence("pod", "chat-2")
        assert shell("expire", "Full{pod=chat-2}", "--yes")[0] == exit_codes.OK
        assert states(running) == ["expired", "expired"]
        third = running.silence("pod", "long-gone")
        assert other != third
        assert shell("expire", third, "--yes")[0] == exit_codes.OK, "the alert that it was for is over"
        assert states(running) == ["expired"] * 3


def states(running: Alertmanager) -> list[str]:
    return [silence["status"]["state"] for silence in running.silences()]


def answers() -> dict[str, Any]:
    alert = {
        "labels": {"alertname": "Full", "pod": "chat-1"},
        "annotations": {},
        "startsAt": "2026-11-29T12:00:00Z",
        "status": {"silencedBy": ["s1", "s2"]},
        "fingerprint": "f1",
    }
    matchers = [{"name": "alertname", "value": "Full", "isRegex": False}]
    silence = {
        "status": {"state": "active"},
        "matchers": matchers,
        "startsAt": "2026-11-29T12:00:00Z",
        "endsAt": "2036-11-29T12:00:00Z",
        "createdBy": "ops",
        "comment": "x",
    }
    return {"/api/v2/alerts": [alert], "/api/v2/silences": [silence | {"id": "s1"}, silence | {"id": "s2"}]}


def sent(server: Said) -> list[tuple[str, str]]:
    return [one for one in server.seen if one[0] != "GET"]


def test_of_several_silences_the_one_must_be_named(
    cluster: Process, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(answers()) as server:
        shell = Shell(cluster, server.url, tmp_path, capsys)
        code, _, text = shell("expire", "f1", "--dry-run")
        assert code == exit_codes.PROBLEM
        assert "silenced by 2: s1, s2" in text
        assert "--silence ID" in text
        code, out, _ = shell("expire", "f1", "--silence", "s2", "--dry-run", "--json")
        assert code == exit_codes.OK
        assert "/api/v2/silence/s2" in out
        assert sent(server) == []


def test_an_auditor_is_refused_and_nothing_is_asked(
    cluster: Process, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(answers()) as server:
        shell = Shell(cluster, server.url, tmp_path, capsys)
        for command in ("silence", "expire"):
            code, _, text = shell(command, "Full", "--yes", "--read-only")
            assert code == exit_codes.REFUSED
            assert f"{command} was refused" in text
        assert server.seen == []


def with_alerts(*labels: str) -> Snapshot:
    pairs = [dict(pair.split("=") for pair in one.split()) for one in labels]
    alerts = [Alert({"alertname": "Full"} | one, fingerprint=f"f{at}") for at, one in enumerate(pairs)]
    return replace(Fleet().at(0), facts=Facts({"alertmanager": Dated(NOW, Notified(tuple(alerts), ()))}))


@pytest.mark.parametrize(
    "typed",
    [
        "f1",
        "Full{pod=b}",
        'Full{pod="b"}',
        '{pod="b", zone=~"eu|us"}',
        "Full{pod!=a,zone=eu}",
        "Full{pod!~a.*}",
        "Full{zone!=}",
        '{alertname="Full",pod=b,}',
    ],
)
def test_an_alert_is_named_by_its_labels_or_its_fingerprint(typed: str) -> None:
    target = find_alert(typed, with_alerts("pod=a", "pod=b zone=eu"), "")
    assert target.name == "Full"
    assert target == find_alert("f1", with_alerts("pod=a", "pod=b zone=eu"), "")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Fulll", "did you mean Full"),
        ("Full{pod=c}", "no alert Full"),
        ("Full{pod}", "pod is not a matcher"),
        ("Full{pod=~(}", "not a regular expression"),
        ("Full{pod=a", 'an alert is NAME or NAME{label="value"}'),
        ("", "no alert named"),
        ("Full", "Full is 2 alerts; choose one"),
    ],
)
def test_what_names_none_or_several_is_said(typed: str, expected: str) -> None:
    with pytest.raises(NotNamedError) as refused:
        find_alert(typed, with_alerts("pod=a", "pod=b"), "")
    assert expected in str(refused.value)


def test_what_is_listed_can_be_typed() -> None:
    snapshot = with_alerts("""pod=a"b\\'c""", "pod=c zone=eu")
    with pytest.raises(NotNamedError) as refused:
        find_alert("Full", snapshot, "")
    listed = [shlex.split(line)[0] for line in str(refused.value).splitlines()[1:]]
    found = [find_alert(one, snapshot, "") for one in listed]
    assert found == [find_alert("f0", snapshot, ""), find_alert("f1", snapshot, "")]


def test_alerts_of_other_namespaces_are_not_meant() -> None:
    snapshot = with_alerts("namespace=a", "namespace=b")
    assert find_alert("Full", snapshot, "b") == find_alert("f1", snapshot, "")


def test_without_alerts_it_is_said_why() -> None:
    with pytest.raises(NotNamedError, match="no alert is pending or fires"):
        find_alert("Full", with_alerts(), "")


def test_its_length_is_typed_with_a_unit(capsys: pytest.CaptureFixture[str]) -> None:
    from actions.catalogue import specs_of
    from console.cli.action_flags import request_of

    target = Target("Alert", "", "Full", "k")

    def asked(*words: str) -> object:
        return request_of(specs_of("silence"), parse("quarterdeck", ["silence", "Full", *words]), (target,))

    assert asked("--for", "1d12h", "--reason", "INC-7") == SilenceAlert(target, 36 * 3600.0, "INC-7")
    assert asked() == SilenceAlert(target)
    for wrong in ("30s", "31d"):
        with pytest.raises(UsageError, match="a minute to 30 days"):
            asked("--for", wrong)
    for wrong in ("2", "soon", "-1h"):
        with pytest.raises(SystemExit):
            asked(f"--for={wrong}")
    assert "is not a duration" in capsys.readouterr().err
    expire = request_of(specs_of("expire"), parse("quarterdeck", ["expire", "Full"]), (target,))
    assert expire == Expire(target)
