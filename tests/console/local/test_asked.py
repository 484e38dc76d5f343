"""The path from a command line of ``quarterdeck local`` to the server that it requests."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from console.cli.local.server_request import addressed, base_spec, like_pod, with_flags
from console.cli.parser import parse
from console.config.fields import FromEnvironment
from console.config.local_settings import LocalSettings, Preset
from console.config.settings import Settings
from fleet.local.errors import LocalError
from fleet.local.spec import LaunchSpec
from fleet.model.objects import Container, ModelVersion, Pod
from tests.fleets import make_snapshot

ARGUMENTS: dict[str, Any] = {"max_num_seqs": 8}
SETTINGS = Settings(local=LocalSettings(presets={"chat": Preset(model="org/m", env={"A": "1"}, **ARGUMENTS)}))


def options(*words: str) -> argparse.Namespace:
    return parse("quarterdeck", ["local", *words])


def asked(*words: str, settings: Settings = SETTINGS, environ: Mapping[str, str] = {}) -> LaunchSpec:
    given = options("up", *words)
    return with_flags(base_spec(given, settings, environ), given, given.extra)


def test_a_model_alone_leaves_all_else_to_vllm() -> None:
    assert asked("org/m") == LaunchSpec("", "org/m", port=0)


def test_each_flag_has_its_field() -> None:
    found = asked(
        *("org/m", "--host", "0.0.0.0", "--port", "81", "--served-model-name", "a", "b", "--revision", "r", "--hub"),
        *("-tp", "2", "-pp", "3", "--gpu-memory-utilization", "0.5", "--max-model-len", "32K", "--max-num-seqs", "4"),
        *("--quantization", "fp8", "--kv-cache-dtype", "fp8_e5m2", "--dtype", "half", "--no-enable-prefix-caching"),
        *("--env", "A=1", "--env", "B=x=y"),
    )
    assert found == LaunchSpec(
        "",
        "org/m",
        host="0.0.0.0",
        port=81,
        served_model_name=("a", "b"),
        revision="r",
        tensor_parallel_size=2,
        pipeline_parallel_size=3,
        gpu_memory_utilization=0.5,
        max_model_len=32768,
        max_num_seqs=4,
        quantization="fp8",
        kv_cache_dtype="fp8_e5m2",
        dtype="half",
        enable_prefix_caching=False,
        env={"A": "1", "B": "x=y"},
        hub=True,
    )


def test_what_stands_behind_two_dashes_goes_on_as_it_is() -> None:
    found = asked("org/m", "--dtype", "half", "--", "--enforce-eager", "--yes", "--no-such-flag", "a b", "--json")
    assert found.extra == ("--enforce-eager", "--yes", "--no-such-flag", "a b", "--json")
    assert found.dtype == "half"


def test_what_has_a_field_goes_there_also_from_behind_two_dashes() -> None:
    found = asked("org/m", "--", "--seed", "1", "--port=82", "-tp", "2")
    assert (found.port, found.tensor_parallel_size, found.extra) == (82, 2, ("--seed", "1"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["org/m", "--", "--api-key", "sk-secret"], "--api-key would be visible in the process list"),
        (["org/m", "--", "--hf_token=hf_secret"], "--hf-token would be visible in the process list"),
        (["org/m", "--", "org/other"], "org/other follows --"),
        (["org/m", "--env", "sk-secret"], "--env takes NAME=VALUE"),
        (["org/m", "--env", "1A=sk-secret"], "--env takes NAME=VALUE"),
        (["org/m", "--max-model-len", "long"], "--max-model-len"),
        (["org/m", "-tp", "0"], "--tensor-parallel-size must be at least 1"),
        (["org/m", "--gpu-memory-utilization", "90"], "--gpu-memory-utilization is a ratio"),
        (["org/m", "--port", "70000"], "--port must be from 1 to 65535"),
        (["--preset", "nope"], "there is no preset nope"),
    ],
)
def test_what_cannot_be_asked_for(words: list[str], expected: str) -> None:
    with pytest.raises(LocalError) as caught:
        asked(*words)
    assert caught.value.message.startswith(expected)
    assert "secret" not in caught.value.message + caught.value.remedy


def test_a_preset_by_its_name_or_by_the_flag() -> None:
    expected = LaunchSpec("chat", "org/m", port=0, max_num_seqs=8, env={"A": "1"})
    assert asked("chat") == asked("--preset", "chat") == expected
    assert asked("org/other", "--preset", "chat") == replace(expected, model="org/other")
    over = asked("chat", "--max-num-seqs", "2", "--env", "B=2", "--", "--seed", "1")
    assert over == replace(expected, max_num_seqs=2, env={"A": "1", "B": "2"}, extra=("--seed", "1"))


def test_a_preset_takes_a_secret_from_the_environment() -> None:
    preset = Preset(model="m", env={"HF_TOKEN": FromEnvironment("MINE")})
    settings = Settings(local=LocalSettings(presets={"p": preset}))
    assert asked("p", settings=settings, environ={"MINE": "x"}).env == {"HF_TOKEN": "x"}
    with pytest.raises(LocalError, match="MINE, which is not set"):
        asked("p", settings=settings)


def test_a_restart_keeps_what_is_not_given() -> None:
    runs = LaunchSpec("n", "org/m", port=81, max_num_seqs=8, extra=("--seed", "1"))
    given = options("restart", "n", "--max-num-seqs", "16")
    assert with_flags(runs, given, given.extra) == replace(runs, max_num_seqs=16)
    given = options("restart", "n", "--", "--seed", "2")
    assert with_flags(runs, given, given.extra) == replace(runs, extra=("--seed", "2"))
    given = options("restart", "n", "--")
    assert with_flags(runs, given, given.extra) == replace(runs, extra=())


def test_a_name_and_a_port_of_its_own(unused_port: int) -> None:
    spec = LaunchSpec("", "meta-llama/Llama-3.1-8B", port=0)
    found = addressed(spec, "", {"llama-3.1-8b"}, unused_port, {unused_port})
    assert found.name == "llama-3.1-8b-2"
    assert found.port > unused_port
    assert addressed(replace(spec, port=81), "mine", (), unused_port, ()) == replace(spec, name="mine", port=81)
    assert addressed(replace(spec, name="chat"), "", {"chat"}, 1, ()).name == "chat-2"


@pytest.mark.parametrize(("name", "model", "words"), [("a/b", "m", "a/b cannot be"), ("", "", "no model given")])
def test_no_name_or_no_model(name: str, model: str, words: str) -> None:
    with pytest.raises(LocalError, match=words):
        addressed(LaunchSpec("", model), name, (), 8000, ())


def pod(namespace: str, **more: Any) -> Pod:
    container = Container("engine", "vllm/vllm-openai:v0.11.0", command=("vllm", "serve", "org/m", "--seed", "1"))
    return Pod(
        namespace, "chat-0", f"{namespace}-0", "1", 0.0, "Running", "Running", True, 0, containers=(container,), **more
    )


def test_the_same_as_a_pod() -> None:
    a, b = pod("a"), pod("b", version=ModelVersion(model="org/m"))
    snapshot = replace(make_snapshot(), pods={a.key: a, b.key: b})
    defaults = LaunchSpec("", "", port=8005)
    found = like_pod("b/chat-0", snapshot, "", defaults, gpus=0, version="0.32.0")
    assert found.spec == LaunchSpec("", "org/m", port=8005, extra=("--seed", "1"))
    assert ("vLLM", "0.11.0", "0.32.0") in [(d.what, d.there, d.here) for d in found.differences]
    assert like_pod("chat-0", snapshot, "a", defaults, 0, "").spec == found.spec
    with pytest.raises(LocalError, match="more than one pod: in a, b"):
        like_pod("chat-0", snapshot, "", defaults, 0, "")
    with pytest.raises(LocalError, match="there is no pod c/chat-0"):
        like_pod("c/chat-0", snapshot, "", defaults, 0, "")


def test_a_pod_that_is_no_vllm() -> None:
    other = replace(pod("a"), containers=(Container("x", "lmsysorg/sglang:1", command=("sglang",)),))
    snapshot = replace(make_snapshot(), pods={other.key: other})
    with pytest.raises(LocalError, match="runs SGLang"):
        like_pod("a/chat-0", snapshot, "", LaunchSpec("", ""), 0, "")


@pytest.fixture
def unused_port() -> int:
    from console.session.local.presets import free_port

    return free_port(20000)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["local"], "required: <what>"),
        (["local", "upp"], "did you mean up"),
        (["local", "up", "m", "--max-modl-len", "1"], "did you mean --max-model-len"),
        (["local", "ls", "--", "x"], "no arguments are accepted after --"),
        (["scale", "--", "deployment/chat", "4"], "required"),
        (["drain", "chat-0", "--", "chat-1"], "no arguments are accepted after --"),
        (["local", "entry", "n", "--for", "ngnix"], "did you mean nginx"),
    ],
)
def test_wrong_usage(words: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse("quarterdeck", words)
    assert caught.value.code == 2
    assert expected in capsys.readouterr().err
