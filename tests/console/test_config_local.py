"""``[local]`` and its presets: typed like every other setting, errors with file and line, secrets from elsewhere."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest

from console.config import constraints
from console.config.load import Loaded, load
from console.config.problem import ConfigError
from console.config.show import lines
from console.session.local.presets import defaults, free_port, presets, require
from fleet.local.errors import LocalError
from fleet.local.spec import LaunchSpec

PRESET = """\
[local]
hub = true
port = 9000
[local.presets.chat]
model = "org/m"
tensor_parallel_size = 2
gpu_memory_utilization = 0.8
enable_prefix_caching = false
extra = ["--enforce-eager"]
env = { HF_TOKEN = { env = "MINE" }, A = "b" }
[local.presets.small]
model = "./tiny"
hub = false
port = 9100
"""


def loaded(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Loaded:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load(environ or {}, file=file, policy=tmp_path / "none")


def test_presets_are_servers(tmp_path: Path) -> None:
    settings = loaded(tmp_path, PRESET).settings
    found = presets(settings, {"MINE": "secret"})
    assert found == {
        "chat": LaunchSpec(
            "chat",
            "org/m",
            port=0,
            tensor_parallel_size=2,
            gpu_memory_utilization=0.8,
            enable_prefix_caching=False,
            extra=("--enforce-eager",),
            env={"HF_TOKEN": "secret", "A": "b"},
            hub=True,
        ),
        "small": LaunchSpec("small", str(tmp_path / "tiny"), port=9100),
    }
    assert require(settings, {"MINE": "secret"}, "chat") == found["chat"]


def test_a_preset_that_lacks_a_variable_says_so_when_it_is_used(tmp_path: Path) -> None:
    settings = loaded(tmp_path, PRESET).settings
    assert presets(settings, {})["chat"].env == {"A": "b"}
    with pytest.raises(LocalError, match="HF_TOKEN from MINE, which is not set"):
        require(settings, {}, "chat")
    with pytest.raises(LocalError, match="no preset caht") as caught:
        require(settings, {}, "caht")
    assert "chat, small" in caught.value.remedy


def test_config_check_names_the_variable_and_its_line(tmp_path: Path) -> None:
    result = loaded(tmp_path, PRESET)
    found = list(constraints.check_references(result.settings, {}))
    assert [(where, what) for where, what, _ in found] == [
        (("local", "presets", "chat", "env", "HF_TOKEN"), "the environment variable MINE is not set")
    ]
    assert result.origin(("local", "presets", "chat", "env")) == f"{tmp_path}/config.toml:10"


def test_shown_without_what_may_be_a_secret(tmp_path: Path) -> None:
    text = "\n".join(lines(loaded(tmp_path, PRESET.replace('A = "b"', 'A = "hidden"'))))
    assert "[local.presets.chat]" in text
    assert "tensor_parallel_size = 2" in text
    assert "hidden" not in text
    assert '{ env = "MINE" }' in text
    assert "max_model_len" not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[local]\nprot = 1", 'F:2: unknown key [local] prot; did you mean "port"?'),
        ("[local]\nport = 0", "F:2: [local] port: 0 is out of range"),
        ("[local]\ngrace = -1", "F:2: [local] grace: -1 is out of range"),
        (
            '[local.presets.a]\nmodel = "m"\nmax_len = 3',
            'F:3: unknown key [local] presets.a.max_len; did you mean "max_model_len"?',
        ),
        ('[local.presets.a]\nmodel = "m"\ndtype = 3', "F:3: [local] presets.a.dtype must be a string in quotes"),
        ('[local.presets.a]\nmodel = "m"\nhub = "no"', "F:3: [local] presets.a.hub must be true or false"),
        ('[local.presets.a]\nmodel = "m"\nextra = "-x"', "F:3: [local] presets.a.extra must be a list"),
        (
            '[local.presets.a]\nmodel = "m"\nenv = { B = 3 }',
            'F:3: [local] presets.a.env.B must be a string or { env = "NAME" }',
        ),
        (
            '[local.presets.a]\nmodel = "m"\ngpu_memory_utilization = 90',
            "F:3: [local] presets.a.gpu_memory_utilization: 90 is out of range",
        ),
        ("[local.presets.a]\nport = 1", "F:1: [local] presets.a: it names no model"),
        ('[local.presets.a_b]\nmodel = "m"', 'F:1: [local] presets.a_b: "a_b" cannot be the name of a server'),
    ],
)
def test_what_is_wrong_and_where(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    (problem,) = caught.value.problems
    assert str(problem).replace(f"{tmp_path}/config.toml", "F").startswith(expected)


def test_a_relative_executable_stands_beside_the_file(tmp_path: Path) -> None:
    assert loaded(tmp_path, '[local]\nvllm = "bin/vllm"').settings.local.vllm == f"{tmp_path}/bin/vllm"


def test_the_environment_sets_all_but_presets(tmp_path: Path) -> None:
    environ = {"QUARTERDECK_LOCAL_HUB": "yes", "QUARTERDECK_LOCAL_GRACE": "7"}
    local = loaded(tmp_path, PRESET.replace("hub = true", ""), environ).settings.local
    assert (local.hub, local.grace, set(local.presets)) == (True, 7.0, {"chat", "small"})


def test_a_new_server_gets_a_port_that_nobody_has() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        assert free_port(port) != port
        assert free_port(port, taken={port + 1}) not in {port, port + 1}


def test_what_a_new_server_begins_with(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "[local]\nusage_stats = true\n").settings
    spec = defaults(settings)
    assert (spec.name, spec.model, spec.host, spec.hub, spec.usage_stats) == ("", "", "127.0.0.1", False, True)
    assert spec.port >= 8000
