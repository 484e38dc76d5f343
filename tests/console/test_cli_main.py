"""The command line's frame: help, usage errors, exit codes, crashes, pipes, interrupts."""

from __future__ import annotations

import argparse
import os
import re
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from console import __version__, main
from console.cli import dispatch, usage
from console.cli.parser import build, parse, setting_flags
from fleet.recorder.scrub import NoRedaction
from fleet.recorder.writer import RecordingWriter
from tests.waiting import PATIENCE


def run(arguments: Sequence[str], **more: str) -> subprocess.CompletedProcess[str]:
    """A command line in a process of its own, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "console.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ) | more,
        timeout=60,
    )


def all_flags(parser: argparse.ArgumentParser) -> set[str]:
    return set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z-]*", argparse.ArgumentParser.format_help(parser)))


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--version"]) == 0
    assert capsys.readouterr().out == f"quarterdeck {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(arguments) == 0
    assert capsys.readouterr().out == usage.text("quarterdeck")


def test_the_help_names_every_command_and_flag_and_no_others() -> None:
    text = usage.text("quarterdeck")
    listed = set(re.findall(r"^  ([a-z]+) {2,}(?![# ])", text, re.MULTILINE))
    assert listed == {name for name in dispatch.COMMANDS if name}
    parser, commands = build("quarterdeck")
    assert {name.split(" ")[0] for name in commands} == {name for name in dispatch.COMMANDS if name}
    mentioned = set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z-]*", text))
    assert mentioned - {"--version", "--dry-run", "--list", "--scenario", "-w"} == all_flags(parser)
    assert max(map(len, text.splitlines())) <= 110


def test_help_and_version_import_next_to_nothing() -> None:
    code = "import sys, console.main as m; m.main([sys.argv[1]]); print(sorted(set(sys.modules)), file=sys.stderr)"
    for flag in ("--help", "--version"):
        done = subprocess.run([sys.executable, "-c", code, flag], capture_output=True, text=True, check=True)
        for heavy in ("argparse", "dataclasses", "pathlib", "pydantic", "textual", "asyncio", "tomllib"):
            assert f"'{heavy}'" not in done.stderr


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/usr/bin/quarterdeck", "quarterdeck"),
        ("qd", "qd"),
        ("/x/kubectl-quarterdeck", "kubectl quarterdeck"),
        ("/x/console/main.py", "quarterdeck"),
    ],
)
def test_the_name_it_was_called_by(path: str, name: str) -> None:
    assert main.invoked_as(path) == name


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--contxt", "x"], "unknown flag --contxt; did you mean --context?"),
        (["snapshot", "--jsn"], "quarterdeck snapshot: unknown flag --jsn; did you mean --json?"),
        (["-n", "demo", "snapshot", "--jsn"], "quarterdeck snapshot: unknown flag --jsn; did you mean --json?"),
        (["local", "logs", "x", "--tal=9"], "quarterdeck local logs: unknown flag --tal; did you mean --tail?"),
        (["snapshot", "extra"], "quarterdeck snapshot: WHAT: \"extra\" is not one of 'fleet', 'models', "),
        (["snapsot"], 'unknown command "snapsot"; did you mean snapshot?'),
        (["--theme", "blue"], "--theme: \"blue\" is not one of 'auto', "),
        (["--refresh", "soon"], 'argument --refresh: "soon" is not a number'),
        (["config", "shw"], "action: \"shw\" is not one of 'show', 'check', 'path'; did you mean show?"),
        (["-n", "a", "-A"], "argument -A/--all-namespaces: not allowed with argument -n/--namespace"),
        (["snapshot", "--json", "--table"], "argument --table: not allowed with argument --json"),
        (["demo", "--pods", "many"], 'argument --pods: "many" is not a whole number'),
        (["demo", "--port", "1"], "--port requires --serve"),
        (["snapshot", "--wait", "nan"], '"nan" is not a number of seconds from 0 to 86400'),
        (["drain", "x", "--deadline", "inf"], '"inf" is not a number of seconds from 0 to 86400'),
        (["scale", "x", "1", "--timeout=-1"], '"-1" is not a number of seconds from 0 to 86400'),
        (["demo", "--port", "65536", "--serve"], '"65536" is not a whole number from 0 to 65535'),
        (["local", "up", "x", "-tp", "nan"], 'argument -tp/--tensor-parallel-size: "nan" is not a whole number'),
        (["web", "--port", "99999"], '"99999" is not a whole number from 0 to 65535'),
        (["web", "--sessions", "0"], '"0" is not a whole number from 1 to 1000'),
        (["eval", "x", "--jobs", "-1"], '"-1" is not a whole number from 1 to 1024'),
        (["scale", "x", "--replicas", "+1"], '"+1" could mean 1 or 1 more: give the number itself'),
        (["scale", "x", "--replicas", "many"], '"many" is not a whole number'),
        (["local", "try", "x", "hello", "--tokens", "0"], '"0" is not a whole number from 1 to 1000000'),
        (["timeline", "--since", f"{'9' * 400}d"], "is longer than a thousand years"),
        (["timeline", "--since", "99999999d"], "is longer than a thousand years"),
        (["silence", "X", "--for", f"{'9' * 5000}h"], "is longer than a thousand years"),
        (["local", "down", "x", "--grace=soon"], '"soon" is not a number of seconds from 0 to 86400'),
        (["local", "logs", "x", "--tail=-1"], '"-1" is not a whole number from 0 to 1000000000'),
        (["local", "logs", "x", "--tail", "9" * 20], f'"{"9" * 20}" is not a whole number from 0 to 1000000000'),
    ],
)
def test_wrong_usage_is_two_lines_and_exit_2(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main.main(arguments))
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert expected in err.splitlines()[0]
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["eval", "x" * 5000],
        ["record", "scrub", "IN", "x" * 5000],
        ["local", "logs", "x" * 5000],
        ["replay", "x" * 5000],
        ["audit", "show", "--dir", "x" * 5000],
        ["web", "--cert", "x" * 5000],
        ["config", "check", "--config", "x" * 5000],
        ["snapshot", "--kubeconfig", "x" * 5000],
    ],
)
def test_a_path_that_nothing_can_have_is_wrong_usage(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    recorded = RecordingWriter(tmp_path / "IN", NoRedaction())
    recorded.close()
    assert main.main(arguments) == 2
    err = capsys.readouterr().err
    assert "unexpected" not in err
    assert "Errno" not in err


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["snapshot", "--foo"], "--foo"),
        (["snapshot", "--sinc", "2h"], "--sinc"),
        (["--pod", "8"], "--pod"),
        (["demo", "--bar=1"], "--bar"),
        (["doctor", "--for", "x"], "--for"),
        (["local", "ls", "--max-model-len", "1"], "--max-model-len"),
    ],
)
def test_no_flag_of_another_command_is_proposed(
    arguments: list[str], flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main.main(arguments))
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[0].endswith(f": unknown flag {flag}")


@pytest.mark.parametrize("place", ["before", "after"])
def test_flags_may_stand_before_and_after_the_command(place: str) -> None:
    flags = ["--context", "c", "-n", "ns", "--kubeconfig", "k", "--prometheus", "http://p", "--read-only"]
    flags += ["--refresh", "5", "--theme", "ansi"]
    command = ["snapshot"]
    options = parse("quarterdeck", flags + command if place == "before" else command + flags)
    assert {flag.key: flag.value for flag in setting_flags(options)} == {
        ("cluster", "context"): "c",
        ("cluster", "namespace"): "ns",
        ("cluster", "kubeconfig"): "k",
        ("prometheus", "url"): "http://p",
        ("read_only",): True,
        ("ui", "refresh"): 5.0,
        ("ui", "theme"): "ansi",
    }


def test_flags_that_were_not_given_set_nothing() -> None:
    assert setting_flags(parse("quarterdeck", ["doctor"])) == []


def test_all_namespaces_overrides_the_configured_one() -> None:
    [flag] = setting_flags(parse("quarterdeck", ["-A"]))
    assert (flag.key, flag.value) == (("cluster", "namespace"), "")


def test_a_configuration_that_cannot_be_used_is_exit_2_and_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[ui]\nrefesh = 1\nglyphs = 3\n")
    done = run(["--config", str(file), "config", "show"])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f'quarterdeck: {file}:2: unknown key [ui] refesh; did you mean "refresh"?',
        f"quarterdeck: {file}:3: [ui] glyphs must be one of 'auto', 'unicode', 'ascii'",
    ]


def broken(*_: object) -> int:
    secret = {"token": "hunter2"}
    raise KeyError(f"boom\x1b[31m\n{len(secret)}")


def test_an_unexpected_error_is_two_lines_and_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(dispatch, "dispatch", broken)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert main.main(["snapshot", "--prometheus", "http://me:hunter2@host"]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("quarterdeck: unexpected KeyError: ")
    assert "(test_cli_main.py:" in first
    assert "\x1b" not in first
    [report] = (tmp_path / "quarterdeck").iterdir()
    assert str(report) in second
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    text = report.read_text()
    assert "Traceback" in text
    assert "arguments: snapshot --prometheus http://[redacted]@host" in text
    assert "hunter2" not in text


def test_the_traceback_itself_only_in_debug_mode(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dispatch, "dispatch", broken)
    monkeypatch.setenv("QUARTERDECK_DEBUG", "1")
    assert main.main(["snapshot"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(dispatch, "dispatch", broken)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert main.main(["snapshot"]) == 1
    assert capsys.readouterr().err.splitlines()[1] == (
        "  No report written (Not a directory); QUARTERDECK_DEBUG=1 shows the details here."
    )


def test_an_interrupt_is_quiet_and_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(dispatch, "dispatch", interrupted)
    assert main.main(["snapshot"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_closed_pipe_is_quiet() -> None:
    more = "import console.cli.usage as u; u.text = lambda _: 'x' * 1_000_000"
    code = f"import sys, console.main as m; {more}; sys.exit(m.main(['--help']))"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    assert child.stdout.read(1) == b"x"
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(PATIENCE) == 0


def test_config_path(tmp_path: Path) -> None:
    assert run(["config", "path"], XDG_CONFIG_HOME=str(tmp_path)).stdout == f"{tmp_path}/quarterdeck/config.toml\n"
    assert run(["config", "path", "--config", "/x.toml"]).stdout == "/x.toml\n"
    assert run(["config", "path"], QUARTERDECK_CONFIG="/y.toml").stdout == "/y.toml\n"


def test_config_show_names_the_source_of_each_value_and_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        '[prometheus]\nurl = "http://p:9090"\n[prometheus.headers]\nAuthorization = "Bearer hunter2"\n'
        'X-Scope-OrgID = { env = "TENANT" }\n'
    )
    done = run(
        ["config", "show", "--config", str(file), "--theme", "ansi"], QUARTERDECK_UI_REFRESH="7", TENANT="hunter3"
    )
    lines = [re.sub(r" {2,}", " ", line) for line in done.stdout.splitlines()]
    assert f'url = "http://p:9090" # {file}:2' in lines
    assert 'theme = "ansi" # --theme' in lines
    assert "refresh = 7.0 # environment QUARTERDECK_UI_REFRESH" in lines
    assert "timeout = 10.0 # default" in lines
    assert f'headers = {{ Authorization = "(set)", X-Scope-OrgID = {{ env = "TENANT" }} }} # {file}:3' in lines
    assert "hunter" not in done.stdout + done.stderr


def test_config_show_is_toml_that_can_be_read_back() -> None:
    import tomllib

    shown = tomllib.loads(run(["config", "show"], QUARTERDECK_CLUSTER_PRODUCTION='a"b,ü').stdout)
    assert shown["cluster"]["production"] == ['a"b', "ü"]
    sections = {
        "cluster",
        "prometheus",
        "alertmanager",
        "rules",
        "scrape",
        "objectives",
        "diagnosis",
        "limits",
        "ui",
        "actions",
        "local",
        "recorder",
    }
    assert set(shown) == {"read_only", "keys"} | sections


def test_config_check_says_once_what_was_told_when_it_was_loaded(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[ui.themes.mine]\nstyles = { dim = "#222222" }\n')
    done = run(["config", "check", "--config", str(file)])
    assert done.returncode == 1
    assert done.stderr.count(f"{file}:2: ui.themes.mine.styles.dim: dim has a contrast of 1.3:1") == 1


def test_config_check(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[prometheus]\nca_file = "ca.pem"\n[prometheus.headers]\nA = { env = "NOWHERE" }\n')
    done = run(["config", "check", "--config", str(file)], QUARTERDECK_UI_REFRESHH="3", QUARTERDECK_SERVICE_HOST="x")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"quarterdeck: {file}:2: [prometheus] ca_file: {tmp_path}/ca.pem: No such file or directory",
        "  Correct the path, or make it readable.",
        f"quarterdeck: {file}:4: [prometheus] headers.A: the environment variable NOWHERE is not set",
        "  export NOWHERE=…",
        "quarterdeck: environment QUARTERDECK_UI_REFRESHH: no such setting",
        "  Did you mean QUARTERDECK_UI_REFRESH?",
    ]
    (tmp_path / "ca.pem").write_text("")
    done = run(["config", "check", "--config", str(file)], NOWHERE="1")
    assert (done.returncode, done.stdout) == (0, f"{file}: ok\n")


def test_sigint_ends_a_command_quietly() -> None:
    code = (
        "import os, signal, console.main as m, console.cli.dispatch as d\n"
        "d.dispatch = lambda *_: os.kill(os.getpid(), signal.SIGINT) or signal.pause()\n"
        "raise SystemExit(m.main(['snapshot']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
