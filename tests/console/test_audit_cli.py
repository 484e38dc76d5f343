"""``quarterdeck audit``: its output, its filters, and its exit codes."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from actions.audit.who import Who, login
from console.config.moments import moment, moment_until
from console.config.settings import ActionSettings, Settings
from console.main import main
from console.wiring.audit_folder import audit_folder
from tests.actions.audit.logs import PATCH, filled, intent, log_in, only_file
from tests.prefork import Program


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log with two finished actions, and one of which nothing but the intent is known."""
    log = filled(tmp_path / "audit", 2)
    log.append("intent", "b1", intent("llama", title="Drain llama\x1b[31m-1\u202e", kind="drain"))
    log.append("sending", "b1", PATCH)
    return tmp_path / "audit"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["audit", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_show_tells_each_action_on_stdout_and_the_chain_on_stderr(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "show", "--dir", str(folder))
    assert code == 0
    assert err == "quarterdeck: chain: intact, 12 records, since 2026-09-21 14:13:20Z\n"
    stories = out.split("\n\n")
    assert len(stories) == 3
    assert stories[0].splitlines()[:3] == [
        "2026-09-21 14:13:20Z  Scale chat-70b to 6: converged",
        "  who       oncall@corp, mia on laptop, from 10.1.2.3 port 51000",
        "  where     prod-eu1 (production) · serving/Deployment/chat-70b",
    ]
    # A record cannot control the terminal.
    assert stories[2].startswith("2026-09-21 14:13:30Z  Drain llama-1: out of sight")
    assert "whether the server did it is not known" in stories[2]


def test_show_continues_with_what_is_done_until_ctrl_c(folder: Path, tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "PATH": ""}
    with Program("console.main", "audit", "show", "--dir", str(folder), "-w", "-o", "json", env=env) as program:
        first = [json.loads(program.line()) for _ in range(3)]
        assert {one["change"] for one in first} == {"added"}
        log = log_in(folder)
        log.append("intent", "c1", intent("embed", title="Restart embed", kind="restart"))
        new = json.loads(program.line())
        assert (new["change"], new["row"]["title"]) == ("added", "Restart embed")
        program.send_signal(signal.SIGINT)
        assert program.wait() == 0
        assert program.errors().count("chain: intact") == 1


def test_what_show_alone_continues(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "verify", "--dir", str(folder), "-w")
    assert (code, out, err) == (2, "", "quarterdeck: --watch works only with show\n")
    assert run(capsys, "show", "--dir", str(folder / "none"), "-w")[0] == 2


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        (["--target", "llama"], ["b1"]),
        (["--action", "scale"], ["a1", "a2"]),
        (["--person", "mia", "--until", "2026-09-21T14:13:22Z"], ["a1"]),
        (["--since", "2026-09-21T14:13:30Z"], ["b1"]),
        (["--since", "1h"], []),
        (["--person", "nobody"], []),
    ],
)
def test_show_filters(folder: Path, flags: list[str], found: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "show", "--dir", str(folder), "--json", *flags)
    document = json.loads(out)
    assert document["schema"] == "quarterdeck/audit-export/v1"
    assert [action["id"] for action in document["actions"]] == found


def test_verify_names_the_first_broken_line_and_exits_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "verify", "--dir", str(folder)) == (
        0,
        "  chain     intact, 12 records, since 2026-09-21 14:13:20Z\n",
        "",
    )
    file = only_file(folder)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    line = bytes(data[: len(data) // 2]).count(b"\n") + 1
    file.write_bytes(data)
    code, out, _ = run(capsys, "verify", "--dir", str(folder))
    assert code == 1
    assert f"BROKEN at {file}:{line}: changed" in out
    code, out, _ = run(capsys, "verify", "--json", "--dir", str(folder))
    document = json.loads(out)
    assert (code, document["intact"], document["chains"][0]["broken"]["line"]) == (1, False, line)
    code, _, err = run(capsys, "show", "--dir", str(folder))
    assert code == 1
    assert "BROKEN at" in err


def test_the_users_own_log_is_the_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "verify") == (0, "  chain     nothing is recorded yet\n", "")
    filled(Path.home() / "state" / "quarterdeck" / "audit", 1)
    assert run(capsys, "verify")[1] == "  chain     intact, 5 records, since 2026-09-21 14:13:20Z\n"


def test_a_folder_that_the_settings_name_has_a_log_per_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(actions=ActionSettings(audit_dir=str(tmp_path)))
    assert audit_folder(settings, {}) == tmp_path / login(os.getuid())
    assert audit_folder(Settings(), os.environ) == Path.home() / "state" / "quarterdeck" / "audit"
    filled(audit_folder(settings, {}), 1)
    filled(tmp_path / "bob", 1)
    monkeypatch.setenv("QUARTERDECK_ACTIONS_AUDIT_DIR", str(tmp_path))
    assert run(capsys, "verify") == (0, "  chains    2 logs intact, 10 records\n", "")


def test_read_only_reads_the_log_and_imports_nothing_that_acts(folder: Path) -> None:
    code = (
        "import sys, console.main as m; m.main(sys.argv[1:]);"
        "print(sorted(n for n in sys.modules if n.startswith('actions')), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--read-only", "audit", "show", "--dir", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Scale chat-70b" in done.stdout
    loaded = done.stderr.splitlines()[-1]
    assert "'actions.audit.reading'" in loaded
    for name in ("actions.audit.log", "actions.running.runner", "actions.running.writer", "actions.planning.planner"):
        assert f"'{name}'" not in loaded


def test_one_file_alone(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(b"".join(only_file(folder).read_bytes().splitlines(keepends=True)[5:]))
    code, out, _ = run(capsys, "verify", "--file", str(copy))
    assert code == 0
    assert "intact, 7 records" in out
    assert "of one file: what was before and after it is not known" in out


def test_export_writes_what_was_asked_for(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "export", "--format", "csv", "--dir", str(folder), "--target", "chat-70b")
    assert code == 0
    assert "intact" in err
    assert [row["id"] for row in csv.DictReader(io.StringIO(out, newline=""))] == ["a1", "a2"]
    file = tmp_path / "audit.html"
    code, out, _ = run(capsys, "export", "--format", "html", "-o", str(file), "--dir", str(folder))
    assert (code, out) == (0, "")
    assert file.read_text("utf-8").startswith("<!doctype html>")
    assert file.stat().st_mode & 0o777 == 0o600
    code, out, _ = run(capsys, "export", "--dir", str(folder))
    assert json.loads(out)["schema"] == "quarterdeck/audit-export/v1"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["show", "-o", "x"], "one of table, wide, json, yaml, csv, name; export writes a file"),
        (["verify", "-o", "csv"], "--output works only with show and export"),
        (["verify", "--format", "csv"], "--format works only with export"),
        (["verify", "--since", "2h"], "--since works only with show and export"),
        (["export", "--json"], "--json works only with show and verify"),
        (["verify", "--dir", "/no/such/folder"], "/no/such/folder: No such file or directory"),
        (["verify", "--file", "/no/such/file"], "/no/such/file: No such file or directory"),
        (["export", "-o", "/no/such/folder/x"], "/no/such/folder/x: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_exit_2(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert expected in err


@pytest.mark.parametrize("arguments", [["shw"], ["show", "--since", "soon"], ["show", "--dir", "a", "--file", "b"], []])
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["audit", *arguments])
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90s", 999_910.0),
        ("-15m", 999_100.0),
        ("2h", 992_800.0),
        ("1d12h", 870_400.0),
        ("1970-01-02", 86_400.0),
        ("1970-01-02T01:00", 90_000.0),
        ("1970-01-02T01:00:30Z", 90_030.0),
        ("1970-01-02T01:00+01:00", 86_400.0),
    ],
)
def test_moments(text: str, at: float) -> None:
    assert moment(text, now=lambda: 1_000_000.0) == at


@pytest.mark.parametrize(("text", "ago"), [("13:40", 400), ("13:46:40", 0), ("13:46:41", 86_399), ("9:00", 17_200)])
def test_a_time_of_day_is_the_last_time_that_the_clock_showed_it(text: str, ago: float) -> None:
    now = datetime(1970, 1, 12, 13, 46, 40).astimezone().timestamp()
    assert now - moment(text, now=lambda: now) == ago


@pytest.mark.parametrize("text", ["24:00", "12:60", "7", "1:2"])
def test_what_no_clock_shows_is_no_time(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a time, such as 14:02, 2h"):
        moment(text)


def test_a_day_as_an_end_is_its_end() -> None:
    assert moment_until("1970-01-02") == pytest.approx(172_800, abs=0.001)
    assert moment_until("1970-01-02T00:00Z") == 86_400
    with pytest.raises(argparse.ArgumentTypeError, match='"soon" is not a time'):
        moment("soon")


def test_a_log_of_somebody_else_says_who(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    who = Who("", (), "bob", "desk", "", 7, "mia")
    log_in(tmp_path / "audit", who=who).append("intent", "a1", intent())
    _, out, _ = run(capsys, "show", "--dir", str(tmp_path / "audit"))
    assert "  who       bob (sudo from mia) on desk\n" in out
