"""Alertmanagers and rules, as the settings name them, are sources like any other: in every place where sources are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from console import main
from tests.fleet.sources.alerts.servers import Said, answering
from tests.simulator.api_process import Process, simulator

ALERT = {"labels": {"alertname": "Full"}, "status": {}, "fingerprint": "f"}
RULES = {"status": "success", "data": {"groups": []}}
ANSWERS: Mapping[str, Any] = {"/api/v2/alerts": [ALERT], "/api/v2/silences": [], "/api/v1/rules": RULES}


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    with simulator("--pods", "4", "--seed", "7") as running:
        yield running


@pytest.fixture
def server() -> Iterator[Said]:
    with answering(ANSWERS) as running:
        yield running


def sources(fleet: Process, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main.main(["snapshot", "--json", "--kubeconfig", str(fleet.kubeconfig), *arguments]) == 0
    return {source["name"]: source for source in json.loads(capsys.readouterr().out)["sources"]}


def test_a_cluster_without_any_has_no_trouble(fleet: Process, capsys: pytest.CaptureFixture[str]) -> None:
    found = sources(fleet, capsys)
    assert {found[name]["health"] for name in ("alertmanager", "rules")} == {"off"}
    assert "--alertmanager URL" in found["alertmanager"]["remedy"]
    assert main.main(["doctor", "--json", "--kubeconfig", str(fleet.kubeconfig)]) == 0
    checks = {check["subject"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert {checks[name]["verdict"] for name in ("alertmanager", "rules")} == {"ok"}


def test_the_flag_names_one(fleet: Process, server: Said, capsys: pytest.CaptureFixture[str]) -> None:
    found = sources(fleet, capsys, "--alertmanager", server.url)
    assert (found["alertmanager"]["health"], found["alertmanager"]["endpoint"]) == ("live", server.url)
    assert found["alertmanager"]["requests"] == 2


def test_several_stand_side_by_side_and_one_that_is_down_takes_none_with_it(
    fleet: Process, server: Said, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token, file = tmp_path / "token", tmp_path / "config.toml"
    token.write_text("t0ken")
    file.write_text(
        f"""
[alertmanager]
url = "{server.url}"
[alertmanager.also.batch]
url = "{server.url}"
bearer_token_file = "token"
[alertmanager.also.gone]
url = "http://127.0.0.1:1"
[rules]
url = "{server.url}"
[rules.also.thanos]
url = "{server.url}"
headers = {{ X-Scope-OrgID = "ops" }}
"""
    )
    found = sources(fleet, capsys, "--config", str(file))
    assert {name: found[name]["health"] for name in found if name.partition("/")[0] in ("alertmanager", "rules")} == {
        "alertmanager": "live",
        "alertmanager/batch": "live",
        "alertmanager/gone": "down",
        "rules": "live",
        "rules/thanos": "live",
    }
    assert "refuses the connection" in found["alertmanager/gone"]["problem"]
    assert "Bearer t0ken" in {headers.get("Authorization") for headers in server.headers}
    assert "ops" in {headers.get("X-Scope-OrgID") for headers in server.headers}
    assert main.main(["config", "show", "--config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "[rules.also.thanos]" in shown
    assert 'X-Scope-OrgID = "(set)"' in shown


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("[alertmanager.also.x]\nurl = ''", "[alertmanager] also.x: it has no URL to query"),
        ("[prometheus.also.x]\nurl = ''", "[prometheus] also.x: it has no URL to query"),
        ("[prometheus.also.x]\nurl = 'http://x'\ntoken = 'a'", "unknown key [prometheus] also.x.token"),
        ("[rules.also.x]\nurl = 'ftp://x'", '"ftp://x" is not an http:// or https:// URL'),
        ("[rules.also.x]\nurl = 'http://x'\nusername = 'me'", "a username without a password"),
        ("[alertmanager.also.x]\nurl = 'http://x'\ntimeout = 500", "500 is out of range"),
        ("[alertmanager.also.'a b']\nurl = 'http://x'", '"a b" cannot be a name here'),
        ("[alertmanager.also.x]\nurl = 'http://x'\nca_file = 'nowhere.pem'", "nowhere.pem: No such file"),
        ("[alertmanager.also.x]\nurl = 'http://x'\nbearer_token_env = 'NOT_SET_AT_ALL'", "NOT_SET_AT_ALL is not set"),
        ("[alertmanager]\nurll = 'http://x'", 'did you mean "url"?'),
        ("[rules.also.x]\nurl = 'http://x'\nheaders = { a = 3 }", "[rules] also.x.headers.a must be a string"),
    ],
)
def test_a_mistake_in_one_of_them_is_named(
    table: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(table)
    assert main.main(["config", "check", "--config", str(file)]) != 0
    shown = capsys.readouterr()
    assert expected.rpartition("it names")[2] in shown.out + shown.err


def test_switched_off_nobody_is_asked(
    fleet: Process, server: Said, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.toml"
    off = f'enabled = "never"\nurl = "{server.url}"\n'
    file.write_text(f"[alertmanager]\n{off}[rules]\n{off}")
    assert not {"alertmanager", "rules"} & set(sources(fleet, capsys, "--config", str(file)))
    assert server.seen == []
