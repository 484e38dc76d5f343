"""``quarterdeck check``: problems as an exit code, as the line of a monitoring plugin, and as a document."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console.cli import check, exit_codes
from console.cli.check import plugin_lines
from console.cli.dispatch import dispatch
from console.report.check import CheckDocument, to_json
from fleet.diagnosis.incidents.check_status import CheckStatus, check_status
from fleet.model.alerts import Alert, Notified
from fleet.model.coverage import Coverage
from fleet.model.facts import Dated, Facts
from fleet.model.snapshot import Cluster, Health, Snapshot, SourceStatus
from tests.fleet.diagnosis.fleets import COOL, STUCK, WELL, Fleet, Q, crashing
from tests.fleet.rows import NOW
from tests.simulator.api_process import simulator

FIRST = re.compile(r"^(OK|WARNING|CRITICAL|UNKNOWN): ([^|]+) \| critical=\d+ warning=\d+ unknown=\d+ pending=\d+$")


def broken() -> Fleet:
    fleet = Fleet()
    fleet.gpus["chat-1"] = COOL | {Q.XID: 79.0}
    fleet.of("chat-1", **crashing(NOW - 300))
    return fleet


def lines(fleet: Fleet, *seconds: float, pending: bool = False) -> tuple[CheckStatus, list[str]]:
    snapshot = [fleet.at(one) for one in seconds][-1]
    code = check_status(snapshot.incidents, pending=pending)
    return code, list(plugin_lines(snapshot, code, pending=pending, blind=False))


def test_of_a_fleet_that_is_well_it_is_ok() -> None:
    assert lines(Fleet(), 0) == (
        CheckStatus.OK,
        ["OK: 1 serving workload, nothing is wrong | critical=0 warning=0 unknown=0 pending=0"],
    )


def test_the_first_line_names_the_root_and_each_incident_has_one() -> None:
    code, (first, only) = lines(broken(), 0)
    assert code is CheckStatus.CRITICAL
    assert first == "CRITICAL: GPU 1 of n0: XID 79 | critical=1 warning=0 unknown=0 pending=0"
    assert only.split()[:2] == ["critical", "firing"]
    assert "1 of 3 replicas" in only


def test_what_has_not_held_for_long_enough_counts_only_where_it_is_asked_for() -> None:
    fleet = Fleet()
    fleet.engines["chat-1"] = STUCK
    code, (first, _) = lines(fleet, 0)
    assert code is CheckStatus.OK
    assert first.startswith("OK: nothing has lasted long enough to count; pending: serving/chat-1: stuck")
    assert lines(fleet, 5, pending=True)[0] is CheckStatus.CRITICAL
    assert lines(fleet, 65)[0] is CheckStatus.CRITICAL


def test_what_is_not_known_is_unknown_where_nothing_is_worse() -> None:
    fleet = Fleet()
    fleet.engines.pop("chat-1")
    assert lines(fleet, 0, 61)[0] is CheckStatus.UNKNOWN
    fleet.engines["chat-0"] = WELL | {Q.PREEMPTIONS: 3.0}
    assert lines(fleet, 70, 300)[0] is CheckStatus.WARNING


def test_the_document_has_the_incident_with_its_evidence_and_what_belongs_to_it() -> None:
    document: dict[str, Any] = json.loads(to_json(broken().at(0)))
    assert (document["schema"], document["verdict"], document["code"]) == ("quarterdeck/check/v1", "critical", 2)
    (incident,) = document["incidents"]
    assert (incident["cause"], incident["about"]) == ("gpu-lost", {"kind": "GPU", "key": "GPU-chat-1"})
    assert incident["evidence"][0] == {"text": "last XID code: 79", "source": "scrape", "age": 0.0}
    assert incident["findings"][0]["object"]["key"] == "GPU-chat-1"
    assert {one["cause"] for one in incident["findings"]} == {"gpu-lost", "crash-loop", "replicas-lost"}
    assert incident["helps"][0]["command"] == "cordon"
    assert CheckDocument.model_validate(document).incidents[0].reach.of == 3


def test_the_page_explains_every_field_of_an_incident() -> None:
    page = (Path(__file__).parents[2] / "docs" / "check.md").read_text()
    (incident,) = json.loads(to_json(broken().at(0)))["incidents"]
    assert [name for name in incident if f"`.{name}" not in page] == []


def monitored() -> Snapshot:
    alerts = [
        Alert({"alertname": name, "severity": "critical"} | labels, {"summary": f"{name} is bad"}, since=NOW - 60)
        for name, labels in (("XidErrors", {"UUID": "GPU-chat-1"}), ("ApiDown", {"job": "apiserver"}))
    ]
    facts = Facts({"alertmanager": Dated(NOW, Notified(tuple(alerts), ()))})
    return replace(broken().at(0), facts=facts)


def test_alerts_are_told_with_their_incident_and_those_of_none_beside_it() -> None:
    document = CheckDocument.model_validate_json(to_json(monitored()))
    (incident,) = document.incidents
    (about,), (alone,) = incident.alerts, document.alerts
    assert (about.name, about.state, about.objects) == ("XidErrors", "firing", ("GPU-chat-1",))
    assert (about.severity, about.since, about.summary) == ("critical", NOW - 60, "XidErrors is bad")
    assert (alone.name, alone.objects) == ("ApiDown", ())


def test_alerts_change_no_verdict_and_stand_in_lines_of_their_own() -> None:
    snapshot = replace(monitored(), incidents=())
    first, *more = plugin_lines(snapshot, CheckStatus.OK, pending=False, blind=False)
    assert first.startswith("OK: 1 serving workload, nothing is wrong")
    assert sorted(line.split()[2] for line in more) == ["ApiDown:", "XidErrors:"]
    _, text, alone = plugin_lines(monitored(), CheckStatus.CRITICAL, pending=False, blind=False)
    assert text.endswith("alerts: XidErrors")
    assert alone == "  critical alert      ApiDown: ApiDown is bad"


@pytest.mark.parametrize("wrong", [["--no-such-flag"], ["--wait", "soon"]])
def test_wrong_usage_is_unknown_and_not_critical(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        dispatch("quarterdeck", ["check", *wrong], {})
    assert ended.value.code == CheckStatus.UNKNOWN
    printed = capsys.readouterr()
    assert printed.err
    assert printed.out.startswith("UNKNOWN: "), "monitoring shows the first line of stdout, and nothing of stderr"


def test_a_configuration_that_cannot_be_used_is_unknown_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        dispatch("quarterdeck", ["check", "--view", "nosuch"], {"XDG_CONFIG_HOME": "/nowhere"}) == CheckStatus.UNKNOWN
    )
    printed = capsys.readouterr()
    assert printed.out == 'UNKNOWN: --view: there is no view "nosuch"\n'
    assert "`:view save NAME` saves one" in printed.err


def test_where_nothing_can_be_reached_it_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}
    assert dispatch("quarterdeck", ["check", "--wait", "1"], environ, tmp_path / "no-policy") == CheckStatus.UNKNOWN
    assert capsys.readouterr().out.startswith("UNKNOWN: nothing could be checked | ")
    config = tmp_path / "config.toml"
    config.write_text("nonsense = 1\n[")
    assert dispatch("quarterdeck", ["check", "--config", str(config)], environ, tmp_path / "x") == CheckStatus.UNKNOWN


@pytest.mark.parametrize("flags", [[], ["--json"]])
@pytest.mark.parametrize("breaks", ["snapshot_within", "plugin_lines", "explain"])
def test_what_nobody_foresaw_is_unknown_and_no_warning(
    breaks: str,
    flags: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken_within(*_: object, **__: object) -> None:
        raise ZeroDivisionError("nobody foresaw it")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(check, "snapshot_within", lambda *_, **__: (broken().at(0), exit_codes.OK))
    monkeypatch.setattr(check, breaks, broken_within)
    if flags and breaks == "plugin_lines":
        monkeypatch.setattr("console.report.check.to_json", broken_within)
    environ = {"HOME": str(tmp_path)}
    assert dispatch("quarterdeck", ["check", *flags], environ, tmp_path / "no-policy") == CheckStatus.UNKNOWN
    printed = capsys.readouterr()
    assert "unexpected ZeroDivisionError: nobody foresaw it" in printed.err
    if breaks != "explain":
        assert printed.out == ("" if flags else "UNKNOWN: unexpected ZeroDivisionError\n")


def test_where_nobody_reads_it_ok_becomes_unknown(tmp_path: Path) -> None:
    with simulator("--pods", "4", "--seed", "7") as process, Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "console.main", "check", "--kubeconfig", str(process.kubeconfig)],
            env=os.environ | {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)},
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == CheckStatus.UNKNOWN, done.stderr


def test_on_a_fleet_with_a_broken_gpu_it_is_critical(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with simulator("--scenario", "gpu-fault", "--pods", "12", "--seed", "7") as process:
        line = ["check", "--kubeconfig", str(process.kubeconfig)]
        environ = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
        assert dispatch("quarterdeck", line, environ, tmp_path / "no-policy") == CheckStatus.CRITICAL
        first = capsys.readouterr().out.splitlines()[0]
        assert (match := FIRST.match(first)) is not None
        assert "XID 79" in match[2]
        assert dispatch("quarterdeck", [*line, "--json"], environ, tmp_path / "no-policy") == CheckStatus.CRITICAL
        incidents = json.loads(capsys.readouterr().out)["incidents"]
        assert incidents[0]["cause"] == "gpu-lost"
        assert not any("gpu" in one["cause"] for one in incidents[1:]), "the kernel's event is about the same GPU"
        misspelt = ["check", "-n", "servng", *line[1:]]
        assert dispatch("quarterdeck", misspelt, environ, tmp_path / "no-policy") == CheckStatus.UNKNOWN
        first = capsys.readouterr().out.splitlines()[0]
        assert first.startswith("UNKNOWN: nothing could be checked: there is no namespace 'servng' in this cluster | ")


def test_one_look_says_that_it_does_not_know_since_when() -> None:
    fleet = Fleet()
    fleet.engines["chat-1"] = STUCK
    _, (_, only) = lines(fleet, 0)
    assert "seen now, start not known; counts once it has lasted 1m" in only
    assert "for 0s" not in only
    _, (_, later) = lines(fleet, 2, 20)
    assert "for 20s" in later


def test_of_what_is_seen_now_the_worst_is_said_first_whether_it_has_lasted_or_not() -> None:
    fleet = Fleet(6)
    fleet.engines["chat-1"] = STUCK
    fleet.pods["chat-2"] = crashing(NOW - 300)
    fleet.gpus["chat-2"] = COOL | {Q.XID: 31.0}
    code, (first, *_) = lines(fleet, 0, pending=True)
    assert code is CheckStatus.CRITICAL
    assert first.startswith("CRITICAL: serving/chat-1: stuck: requests running, no tokens, and 1 more"), first


def test_what_has_begun_at_the_same_pod_is_named_before_an_old_warning_of_its_gpu() -> None:
    fleet = Fleet()
    fleet.gpus["chat-1"] = COOL | {Q.XID: 31.0}
    fleet.engines["chat-1"] = STUCK
    code, (first, begun, old) = lines(fleet, 0)
    assert code is CheckStatus.WARNING, "what is pending does not count yet"
    assert first.startswith(
        "WARNING: serving/chat-1: stuck: requests running, no tokens (critical, pending), and 1 more |"
    )
    assert (begun.split()[:2], old.split()[:2]) == (["critical", "pending"], ["warning", "firing"])


def test_what_has_begun_at_another_pod_stands_behind_what_fires() -> None:
    fleet = Fleet()
    fleet.nodes["n0"] = replace(fleet.nodes["n0"], unschedulable=True)
    fleet.engines["chat-1"] = STUCK
    _, (first, fires, begun) = lines(fleet, 0)
    assert first.startswith("WARNING: n0: cordoned |")
    assert (fires.split()[1], begun.split()[1]) == ("firing", "pending")


@pytest.mark.parametrize(
    ("limited", "namespace", "expected"),
    [
        ({"pods": ("default",)}, "", True),
        ({"pods": ()}, "llm", True),
        ({"pods": ("llm",)}, "llm", False),
        ({}, "", False),
    ],
    ids=["another namespace alone", "none", "the one in view, which is empty", "all"],
)
def test_pods_that_may_not_be_seen_are_not_checked(
    limited: Mapping[str, tuple[str, ...]], namespace: str, expected: bool
) -> None:
    seen = Snapshot(1, NOW, Cluster(namespace=namespace), coverage=Coverage(limited=limited))
    assert check.sees_no_pods(seen) is expected
    assert not check.sees_no_pods(replace(Fleet().at(0), coverage=seen.coverage)), "what is seen can be checked"
    if expected:
        first = next(plugin_lines(seen, CheckStatus.UNKNOWN, pending=False, blind=True))
        assert first.startswith("UNKNOWN: nothing could be checked: you may not list pods")


@pytest.mark.parametrize(
    ("health", "expected"), [(Health.DEGRADED, "there is no namespace 'servng' in this cluster"), (Health.LIVE, "")]
)
def test_a_namespace_that_is_not_there_is_not_one_without_problems(health: Health, expected: str) -> None:
    problem = "there is no namespace 'servng' in this cluster" if health is Health.DEGRADED else ""
    source = SourceStatus("kubernetes", health, NOW, problem=problem)
    empty = Snapshot(1, NOW, Cluster(namespace="servng"), sources=(source,))
    assert check.unseen_reason(empty) == expected
    assert check.unseen_reason(replace(Fleet().at(0), sources=(source,))) == "", "what is seen can be checked"
