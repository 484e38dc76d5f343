"""Merging of file, environment, flags and policy into settings; and the messages about invalid ones."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from console.commands.keys import check_keymap
from console.config.fields import FromEnvironment
from console.config.load import Flag, Loaded, load
from console.config.paths import state_folder
from console.config.problem import ConfigError
from console.config.setting_names import variable
from console.config.settings import Settings
from console.config.sources import with_tables


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def problems(file: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    """Return the messages about a file, with its folder left out."""
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(environ or {}, file=file, policy=file.parent / "none", check_keys=check_keymap)
    return [str(problem).replace(str(file), "F") for problem in caught.value.problems]


def loaded(
    file: Path, text: str = "", environ: dict[str, str] | None = None, flags: tuple[Flag, ...] = (), policy: str = ""
) -> Loaded:
    file.write_text(text, encoding="utf-8")
    law = file.parent / "policy.toml"
    if policy:
        law.write_text(policy, encoding="utf-8")
    return load(environ or {}, file=file, flags=flags, policy=law)


def test_without_a_file_everything_is_at_its_default(tmp_path: Path) -> None:
    result = load({"XDG_CONFIG_HOME": str(tmp_path)}, policy=tmp_path / "none")
    assert result.settings == Settings()
    assert result.path == tmp_path / "quarterdeck" / "config.toml"
    assert not result.exists
    assert result.origin(("ui", "refresh")) == "default"


def test_the_state_folder_is_found_again_from_elsewhere_whatever_home_says() -> None:
    assert state_folder({"HOME": "somewhere"}) == Path.cwd() / "somewhere" / ".local/state/quarterdeck"


def test_a_relative_xdg_folder_is_ignored_as_the_specification_says(tmp_path: Path) -> None:
    result = load({"XDG_CONFIG_HOME": "here", "HOME": str(tmp_path)}, policy=tmp_path / "none")
    assert result.path == tmp_path / ".config" / "quarterdeck" / "config.toml"


def test_the_file_sets_values_and_is_named_as_their_source(file: Path) -> None:
    result = loaded(
        file,
        '[ui]\nrefresh = 5\n[scrape]\nports = [8000, 9000]\n[prometheus.headers]\nX-Scope-OrgID = "ops"\n'
        'Authorization = { env = "TOKEN" }\n[keys]\nopen.logs = "f2"\n"open.yaml" = "f3, f4"\n',
    )
    assert result.settings.ui.refresh == 5.0
    assert result.settings.scrape.ports == (8000, 9000)
    assert result.settings.prometheus.headers == {"X-Scope-OrgID": "ops", "Authorization": FromEnvironment("TOKEN")}
    assert result.settings.keys == {"open.logs": "f2", "open.yaml": "f3, f4"}
    assert result.origin(("ui", "refresh")) == f"{file}:2"
    assert result.origin(("keys", "open.logs")) == f"{file}:9"
    assert result.origin(("scrape", "ports")) == f"{file}:4"


def test_flags_over_environment_over_file(file: Path) -> None:
    text = '[cluster]\ncontext = "file"\n[ui]\nrefresh = 3\ntheme = "ansi"\n'
    environ = {"QUARTERDECK_CLUSTER_CONTEXT": "env", "QUARTERDECK_UI_REFRESH": "4"}
    result = loaded(file, text, environ, (Flag(("cluster", "context"), "flag", "--context"),))
    assert (result.settings.cluster.context, result.origin(("cluster", "context"))) == ("flag", "--context")
    assert result.settings.ui.refresh == 4.0
    assert result.origin(("ui", "refresh")) == "environment QUARTERDECK_UI_REFRESH"
    assert (result.settings.ui.theme, result.origin(("ui", "theme"))) == ("ansi", f"{file}:5")


@pytest.mark.parametrize(
    ("text", "environ", "flag", "policy", "expected", "origin"),
    [
        ("", {}, False, "", False, "default"),
        ("read_only = true", {"QUARTERDECK_READ_ONLY": "false"}, False, "", True, "config.toml:1"),
        ("read_only = false", {"QUARTERDECK_READ_ONLY": "yes"}, False, "", True, "environment QUARTERDECK_READ_ONLY"),
        ("read_only = false", {"QUARTERDECK_READ_ONLY": "no"}, True, "", True, "--read-only"),
        ("read_only = true", {}, False, "read_only = false", True, "config.toml:1"),
        ("", {}, False, "\nread_only = true", True, "policy.toml:2"),
        ("", {}, True, "read_only = true", True, "policy.toml:1"),
    ],
)
def test_read_only_is_tightened_and_never_loosened(
    file: Path, text: str, environ: dict[str, str], flag: bool, policy: str, expected: bool, origin: str
) -> None:
    flags = (Flag(("read_only",), True, "--read-only"),) if flag else ()
    result = loaded(file, text, environ, flags, policy)
    assert result.settings.read_only is expected
    assert result.origin(("read_only",)).endswith(origin)


@pytest.mark.parametrize("policy", ["read_only = tru", "raed_only = false", 'read_only = "no"'])
def test_a_policy_that_cannot_be_understood_locks_and_says_so(file: Path, policy: str) -> None:
    result = loaded(file, policy=policy)
    assert result.settings.read_only
    first, last = (str(w) for w in result.warnings)
    assert "policy.toml:1" in first
    assert "read-only" in last


def _dangling(law: Path) -> None:
    law.symlink_to(law.parent / "nowhere.toml")


def _cyclic(law: Path) -> None:
    law.symlink_to(law)


def _dangling_folder(law: Path) -> None:
    law.parent.rmdir()
    law.parent.symlink_to(law.parent.parent / "nowhere")


def _file_for_folder(law: Path) -> None:
    law.parent.rmdir()
    law.parent.write_text("")


def _fifo(law: Path) -> None:
    os.mkfifo(law)


def _endless(law: Path) -> None:
    law.symlink_to("/dev/zero")


def _huge(law: Path) -> None:
    law.write_text("# " + "x" * (1 << 20))


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "dangling": (_dangling, "symbolic link"),
    "cyclic": (_cyclic, "symbolic links"),
    "dangling folder": (_dangling_folder, "symbolic link"),
    "file for its folder": (_file_for_folder, "Not a directory"),
    "folder": (Path.mkdir, "not a plain file"),
    "FIFO": (_fifo, "not a plain file"),
    "endless": (_endless, "not a plain file"),
    "huge": (_huge, "larger than 1 MiB"),
    "empty": (lambda law: law.write_text(" \n"), "is empty"),
    "not UTF-8": (lambda law: law.write_bytes(b"read_only = false # \xff"), "not UTF-8 at byte 20"),
    "nested": (lambda law: law.write_text("a = " + "[" * 5000 + "]" * 5000), "nested too deeply"),
    "nested by dots": (lambda law: law.write_text("a" + ".a" * 5000 + " = 1"), "nested too deeply"),
    "a number": (lambda law: law.write_text("a = 1" + "0" * 5000), "not valid TOML"),
    "NUL": (lambda law: law.write_bytes(b"\x00"), "not valid TOML"),
}
"""Invalid things in place of a policy file, and the messages about them."""


@pytest.mark.parametrize("how", BROKEN)
def test_a_policy_that_cannot_be_read_locks_and_says_why(how: str, tmp_path: Path) -> None:
    law = tmp_path / "etc" / "policy.toml"
    law.parent.mkdir()
    make, words = BROKEN[how]
    make(law)
    result = load({}, file=None, policy=law)
    assert result.settings.read_only
    first, last = (str(warning) for warning in result.warnings)
    assert words in first
    assert str(law) in first
    assert "the site policy cannot be used, so this is read-only" in last


def test_a_policy_in_a_folder_that_may_not_be_searched_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    law, lstat = tmp_path / "etc" / "policy.toml", os.lstat

    def denied(path: Path) -> os.stat_result:
        if path == law:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return lstat(path)

    law.parent.mkdir()
    monkeypatch.setattr("console.config.file.os.lstat", denied)
    result = load({}, policy=law)
    assert result.settings.read_only
    assert "Permission denied" in str(result.warnings[0])
    assert f"Make {law.parent} searchable" in str(result.warnings[0])


@pytest.mark.parametrize("there", [[], ["etc"]])
def test_no_policy_lays_down_nothing(there: list[str], tmp_path: Path) -> None:
    for name in there:
        (tmp_path / name).mkdir()
    result = load({"XDG_CONFIG_HOME": str(tmp_path)}, policy=tmp_path / "etc" / "policy.toml")
    assert not result.settings.read_only
    assert result.warnings == ()


def test_a_policy_behind_a_link_holds(tmp_path: Path) -> None:
    real, law = tmp_path / "real.toml", tmp_path / "policy.toml"
    real.write_text("# of the site\nread_only = true")
    law.symlink_to(real)
    assert load({}, policy=law).settings.read_only


@pytest.mark.parametrize("make", [_dangling, _cyclic])
def test_a_configuration_that_leads_nowhere_is_no_missing_one(make: Callable[[Path], object], tmp_path: Path) -> None:
    own = tmp_path / "quarterdeck" / "config.toml"
    own.parent.mkdir()
    make(own)
    with pytest.raises(ConfigError, match="symbolic link"):
        load({"XDG_CONFIG_HOME": str(tmp_path)}, policy=tmp_path / "none")


def test_the_policy_adds_production_patterns(file: Path) -> None:
    result = loaded(file, '[cluster]\nproduction = ["live-*"]', policy='production = ["eu-*", "live-*"]')
    assert result.settings.cluster.production == ("live-*", "eu-*")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[ui]\nrefesh = 3", ['F:2: unknown key [ui] refesh; did you mean "refresh"?']),
        ("refresh = 3", ["F:1: unknown key refresh; did you mean [ui] refresh?"]),
        (
            "zebra = 3",
            [
                # A source's table is in the list without a line here.
                f"F:1: unknown key zebra\n  Keys of the file: {', '.join(f.name for f in fields(with_tables()))}."
            ],
        ),
        ("\n[promteheus]\nurl = 'x'", ['F:2: unknown key promteheus; did you mean "prometheus"?']),
        ('[ui]\nrefresh = "5"', ["F:2: [ui] refresh must be a number"]),
        ("[cluster]\ncontext = 5", ["F:2: [cluster] context must be a string in quotes"]),
        ("read_only = 1", ["F:1: read_only must be true or false"]),
        ("read_only = 2026-01-01", ["F:1: read_only must be true or false"]),
        ("[scrape]\nports = 8000", ['F:2: [scrape] ports must be a list, for example ["a", "b"]']),
        ('[scrape]\nports = [\n "x",\n]', ["F:2: every item of [scrape] ports must be a whole number"]),
        ("[scrape]\nconcurrency = 1.5", ["F:2: [scrape] concurrency must be a whole number"]),
        ('ui = "dark"', ["F:1: ui must be a table"]),
        ('[scrape]\nvia = "magic"', ["F:2: [scrape] via must be one of 'auto', 'pod-ip', 'proxy'"]),
        (
            "[prometheus.headers]\nA = 1",
            ['F:2: [prometheus] headers.A must be a string or { env = "NAME" }'],
        ),
        (
            '[prometheus.headers]\nA = { evn = "X" }',
            ['F:2: [prometheus] headers.A must be a string or { env = "NAME" }'],
        ),
        ("[ui]\nrefresh = 0.1", ["F:2: [ui] refresh: 0.1 is out of range\n  It must be from 0.5 to 300."]),
        ("[ui]\nrefresh = nan", ["F:2: [ui] refresh: nan is out of range\n  It must be from 0.5 to 300."]),
        ("[scrape]\nports = [1, 70000]", ["F:2: [scrape] ports: 70000 is out of range\n  It must be from 1 to 65535."]),
        ('[scrape]\npath = "metrics"', ["F:2: [scrape] path: the path must begin with /"]),
        (
            '[prometheus]\nurl = "prometheus:9090"',
            [
                (
                    'F:2: [prometheus] url: "prometheus:9090" is not an http:// or https:// URL\n'
                    "  Example: http://prometheus.monitoring:9090"
                )
            ],
        ),
        (
            '[scrape]\nbearer_token_file = "t"\nbearer_cleartext = true',
            ["F:2: [scrape] bearer_token_file: a token without namespaces\n  Name them in bearer_namespaces."],
        ),
        (
            '[scrape]\nbearer_token_file = "t"\nbearer_namespaces = ["llm"]',
            [
                (
                    "F:2: [scrape] bearer_token_file: the token would be sent over unverified connections\n"
                    "  Set ca_file, or bearer_cleartext = true where the network is trusted."
                )
            ],
        ),
        (
            '[scrape]\nbearer_namespaces = ["llm"]',
            ["F:2: [scrape] bearer_namespaces: namespaces without a token\n  Set bearer_token_file."],
        ),
        (
            '[prometheus]\nusername = "u"',
            ["F:2: [prometheus] username: a username without a password\n  Set password_file or password_env."],
        ),
        (
            '[prometheus]\nbearer_token_env = "A"\nbearer_token_file = "b"',
            [
                (
                    "F:2: [prometheus] bearer_token_env: bearer_token_file and bearer_token_env exclude each other\n"
                    "  Keep one of them."
                )
            ],
        ),
        (
            '[keys]\nhlep = "x"',
            ["F:2: [keys] hlep: unknown command 'hlep'; the commands and their keys are in the console's help (?)"],
        ),
        ('[keys]\nopen.logs = ""', ["F:2: [keys] open.logs: open.logs: no key given"]),
        (
            '[keys]\nopen.yaml = "l"',
            ["F:2: [keys] open.yaml: l is bound to both open.logs and open.yaml"],
        ),
        ("[keys.open]\nlogs = 3", ["F:2: [keys] open.logs must be a string in quotes"]),
        ("[ui]\nrefresh = 3\ntheme = ", ["F:3: not valid TOML: Invalid value\n  The file ends too early."]),
        (
            "[ui\nrefresh = 3",
            ["F:1: not valid TOML: Expected ']' at the end of a table declaration\n  Look at column 4."],
        ),
    ],
)
def test_what_is_wrong_where_and_what_to_do(file: Path, text: str, expected: list[str]) -> None:
    assert problems(file, text) == expected


def test_everything_that_is_wrong_is_said_at_once(file: Path) -> None:
    assert [p.split(": ")[0] for p in problems(file, 'a = 1\n[ui]\nrefresh = "x"\nb = 1')] == ["F:1", "F:3", "F:4"]


def test_a_password_in_a_url_is_refused_and_not_repeated(file: Path) -> None:
    [problem] = problems(file, '[prometheus]\nurl = "http://me:hunter2@prom:9090"')
    assert "credentials do not belong in the URL" in problem
    assert "hunter2" not in problem


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    for environ, flag in (({"QUARTERDECK_CONFIG": str(tmp_path / "x.toml")}, None), ({}, tmp_path / "x.toml")):
        with pytest.raises(ConfigError, match=r"x\.toml: cannot be read: No such file or directory"):
            load(environ, file=flag, policy=tmp_path / "none")


def test_a_file_that_is_not_text_is_named(file: Path) -> None:
    file.write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigError, match="not UTF-8 at byte 5"):
        load({}, file=file, policy=file.parent / "none")


def test_paths_in_the_file_are_relative_to_it_and_tilde_is_home(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    result = loaded(file, '[prometheus]\nca_file = "ca.pem"\n[cluster]\nkubeconfig = "~/.kube/a:b"')
    assert result.settings.prometheus.ca_file == str(file.parent / "ca.pem")
    assert result.settings.cluster.kubeconfig == f"/home/me/.kube/a:{file.parent / 'b'}"


def test_variables_are_parsed_by_the_type_of_their_setting(file: Path) -> None:
    environ = {
        "QUARTERDECK_SCRAPE_PORTS": "8000, 9000",
        "QUARTERDECK_CLUSTER_NAMESPACES": "a,b",
        "QUARTERDECK_PROMETHEUS_INSECURE_SKIP_VERIFY": "on",
        "QUARTERDECK_PROMETHEUS_TIMEOUT": "2.5",
    }
    settings = loaded(file, environ=environ).settings
    assert settings.scrape.ports == (8000, 9000)
    assert settings.cluster.namespaces == ("a", "b")
    assert settings.prometheus.insecure_skip_verify is True
    assert settings.prometheus.timeout == 2.5


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("UI_REFRESH", "soon", '"soon" must be a number'),
        ("SCRAPE_PORTS", "1,x", '"x" must be a whole number'),
        ("READ_ONLY", "perhaps", '"perhaps" must be true or false'),
        (
            "UI_THEME",
            "blue",
            (
                "[ui] theme: \"blue\" is not one of 'auto', 'quarterdeck-dark', 'quarterdeck-light', "
                "'quarterdeck-contrast', 'ansi'\n  A table [ui.themes.NAME] adds one."
            ),
        ),
    ],
)
def test_a_variable_that_makes_no_sense_is_named(file: Path, name: str, value: str, expected: str) -> None:
    assert problems(file, "", {f"QUARTERDECK_{name}": value}) == [f"environment QUARTERDECK_{name}: {expected}"]


def test_a_flag_out_of_range_is_named(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"--refresh: 0\.01 is out of range"):
        loaded(file, flags=(Flag(("ui", "refresh"), 0.01, "--refresh"),))


def test_the_name_of_a_variable() -> None:
    assert variable(("prometheus", "bearer_token_file")) == "QUARTERDECK_PROMETHEUS_BEARER_TOKEN_FILE"


def test_the_defaults_cost_no_import_of_pydantic(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from console.config.load import load;"
        f"load({{}}, policy=Path({str(tmp_path / 'none')!r})); sys.exit('pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
