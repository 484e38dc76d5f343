"""The command that measures a server, and its environment."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from actions.audit.redaction_marks import MARK
from actions.local.bench import Tool, command, environment_for
from actions.local.environment import SERVER_ID, to_keep
from actions.local.store import keep_environment
from tests.actions.local.engine import record


@pytest.mark.parametrize(("revision", "there"), [("c0ffee", True), ("v2", True), ("other", False), ("", False)])
def test_a_revision_is_that_of_the_hubs_cache(tmp_path: Path, revision: str, there: bool) -> None:
    cache = tmp_path / "hub" / "models--org--name"
    (cache / "snapshots" / "c0ffee").mkdir(parents=True)
    (cache / "refs").mkdir()
    (cache / "refs" / "v2").write_text("c0ffee")
    server = record(tmp_path / "n1", 1, model="org/name", revision=revision, env={"HF_HOME": str(tmp_path)})
    argv = command(Tool("vllm", server, "tiny", 8, 8, 60.0), 1, 8, 1, tmp_path, environment_for(server, {}, ""))
    model = argv[argv.index("--model") + 1]
    assert model == (str(cache / "snapshots" / "c0ffee") if there else "org/name")


@pytest.mark.parametrize(
    ("version", "expected"),
    [("0.8.5.post1+cpu", False), ("0.9.0", False), ("0.9.1", True), ("0.32.0+cpu", True), ("", True)],
)
def test_greedy_decoding_is_asked_for_where_there_is_an_argument_for_it(
    tmp_path: Path, version: str, expected: bool
) -> None:
    """vLLM 0.8.5 and 0.9.0 end with "unrecognized arguments: --temperature 0"."""
    server = replace(record(tmp_path, 8000), version=version)
    argv = command(Tool("vllm", server, "tiny", 8, 8, 60.0), 1, 8, 1, tmp_path, {})
    assert ("--temperature" in argv) is expected


def test_it_gets_the_environment_that_up_gave_the_server_and_not_that_of_this_shell(tmp_path: Path) -> None:
    folder = tmp_path / "n1"
    folder.mkdir()
    given = {"VLLM_TARGET_DEVICE": "cpu", "ATEN_CPU_CAPABILITY": MARK, "MY_PLUGIN": "on", "HF_TOKEN": MARK}
    shell = {"ONEDNN_MAX_CPU_ISA": "AVX2", "AWS_SECRET_ACCESS_KEY": "aws", "PATH": "/then", "EDITOR": "vi"}
    secrets = {"ATEN_CPU_CAPABILITY": "avx2", "HF_TOKEN": "hf_secret"}
    keep_environment(folder, to_keep({**shell, **given, **secrets, "VLLM_API_KEY": "k", SERVER_ID: "id"}, given))
    (folder / "secrets.json").write_text(json.dumps(secrets))
    (folder / "key").write_text("k")
    now = {"PATH": "/now", "LD_PRELOAD": "/lib/of/this/shell.so", "ATEN_CPU_CAPABILITY": "avx512", "TERM": "xterm"}
    env = environment_for(record(folder, 1), now, "k")
    assert env["VLLM_TARGET_DEVICE"] == "cpu"
    assert env["ATEN_CPU_CAPABILITY"] == "avx2"
    assert env["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert env["MY_PLUGIN"] == "on"
    assert env["PATH"] == "/then"
    assert env["TERM"] == "xterm"
    assert not {"LD_PRELOAD", "HF_TOKEN", "VLLM_API_KEY", "AWS_SECRET_ACCESS_KEY", "EDITOR", SERVER_ID} & set(env)
    written = (folder / "environment.json").read_text()
    assert "aws" not in written
    assert "hf_secret" not in written
    assert (folder / "environment.json").stat().st_mode & 0o777 == 0o600


def test_of_a_server_of_an_earlier_version_it_gets_what_its_record_says(tmp_path: Path) -> None:
    server = replace(record(tmp_path, 1, env={"ATEN_CPU_CAPABILITY": "avx2"}), cpu=True)
    env = environment_for(server, {"PATH": "/now"}, "")
    assert (env["VLLM_TARGET_DEVICE"], env["ATEN_CPU_CAPABILITY"], env["PATH"]) == ("cpu", "avx2", "/now")


def test_a_key_is_never_another_services(tmp_path: Path) -> None:
    server = record(tmp_path, 1, keyed=False, env={"HF_TOKEN": MARK, "HF_HOME": "/hub"}, hub=True, usage_stats=True)
    env = environment_for(server, {"OPENAI_API_KEY": "sk-mine", "HF_TOKEN": "hf_x", "QUARTERDECK_NODE": "id"}, "")
    assert not {"OPENAI_API_KEY", "HF_TOKEN", "QUARTERDECK_NODE"} & set(env)
    assert (env["HF_HOME"], env["HF_HUB_OFFLINE"], env["DO_NOT_TRACK"]) == ("/hub", "1", "1")
