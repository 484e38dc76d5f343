"""The same server as a pod: adopted arguments, necessary differences with their reasons, and refused pods."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.local.same_as_pod import CannotCopyError, Same, same_as
from fleet.local.spec import LaunchSpec
from fleet.model.objects import Pod
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.pods import project_pod

DEFAULTS = LaunchSpec("", "", port=8003, gpu_memory_utilization=0.5)
IMAGE = "vllm/vllm-openai:v0.11.2"


def pod(
    args: list[str], command: list[str] | None = None, image: str = IMAGE, env: dict[str, str] | None = None
) -> Pod:
    container: dict[str, Any] = {"name": "engine", "image": image, "args": args}
    container["env"] = [{"name": name, "value": value} for name, value in (env or {}).items()]
    container["resources"] = {"limits": {"nvidia.com/gpu": "4"}}
    if command is not None:
        container["command"] = command
    sidecar = {"name": "proxy", "image": "envoy:1", "command": ["envoy"], "args": ["--port", "1"]}
    raw = {"metadata": {"name": "chat-0", "namespace": "serving"}, "spec": {"containers": [sidecar, container]}}
    return project_pod(raw, Interner())


def same(args: list[str], command: list[str] | None = None, **more: Any) -> Same:
    known = {name: more.pop(name) for name in ("image", "env") if name in more}
    return same_as(pod(args, command, **known), DEFAULTS, exists=more.pop("exists", lambda _: False), **more)


def differing(found: Same) -> dict[str, tuple[str, str]]:
    return {difference.what: (difference.there, difference.here) for difference in found.differences}


@pytest.mark.parametrize(
    ("command", "args"),
    [
        (["vllm", "serve", "org/m"], ["--max-model-len", "4096", "--seed=7"]),
        (["/usr/local/bin/vllm", "serve"], ["org/m", "--max-model-len=4096", "--seed=7"]),
        (
            ["python3", "-m", "vllm.entrypoints.openai.api_server"],
            ["--model", "org/m", "--max_model_len", "4K", "--seed=7"],
        ),
        (["python", "-m", "vllm.entrypoints.cli.main", "serve"], ["org/m", "--max-model-len", "4096", "--seed=7"]),
        (
            ["sh", "-c"],
            ["export A=1; ulimit -n 9; exec vllm serve org/m \\\n --max-model-len 4096 --seed=7 2>&1 | tee /log"],
        ),
        (["bash", "-lc", "vllm serve org/m --max-model-len 4096 --seed=7; sleep 9"], []),
        (None, ["org/m", "--max-model-len", "4096", "--seed=7"]),
        (None, ["--model", "org/m", "--max-model-len", "4096", "--seed=7"]),
    ],
)
def test_each_way_to_start_vllm(command: list[str] | None, args: list[str]) -> None:
    found = same(args, command)
    # Settings for new servers do not override the pod's.
    assert found.spec == LaunchSpec("", "org/m", port=8003, max_model_len=4096, extra=("--seed=7",))
    assert differing(found) == {
        "host": ("0.0.0.0", "127.0.0.1"),
        "port": ("8000", "8003"),
        "weights": ("from the hub", "from the cache of this machine"),
        "variables": ("not read", "none"),
    }


def test_secrets_and_peers_stay_there() -> None:
    found = same(
        [
            "org/m",
            "--api-key",
            "sk-secret",
            "--hf-token=hf_secret",
            "--ssl-keyfile",
            "/tls/key",
            "--data-parallel-size",
            "2",
            "-dp",
            "2",
            "--nnodes=2",
            "--node-rank",
            "1",
            "--headless",
            "--kv-transfer-config",
            '{"kv_connector": "NixlConnector"}',
            "--distributed-executor-backend",
            "ray",
            "--otlp-traces-endpoint",
            "grpc://otel:4317",
            "--disable-log-stats",
            "--shutdown-timeout",
            "50",
            "--enable-expert-parallel",
        ]
    )
    assert found.spec.extra == ("--enable-expert-parallel",)
    assert "secret" not in repr(found.spec)
    values = differing(found)
    assert "sk-secret" not in repr(values)
    assert "hf_secret" not in repr(values)
    assert values["--api-key"] == values["--hf-token"] == ("set", "left out")
    for flag in ("--data-parallel-size", "-dp", "--nnodes", "--node-rank", "--headless", "--kv-transfer-config"):
        assert values[flag][1] == "left out"
    assert {"--ssl-keyfile", "--distributed-executor-backend", "--otlp-traces-endpoint", "--disable-log-stats"} <= set(
        values
    )


def test_an_executor_of_this_machine_is_taken_over() -> None:
    assert same(["org/m", "--distributed-executor-backend", "mp"]).spec.extra == (
        "--distributed-executor-backend",
        "mp",
    )


@pytest.mark.parametrize("length", ["auto", "-1"])
def test_a_length_that_vllm_would_choose_is_left_to_the_model(length: str) -> None:
    found = same(["org/m", "--max-model-len", length])
    assert (found.spec.max_model_len, found.spec.extra) == (0, ())
    assert differing(found)["--max-model-len"] == (length, "left out")


def test_paths_of_the_container() -> None:
    args = ["/models/llama", "--chat-template", "/etc/a.jinja", "--tokenizer", "/models/tok", "--config", "/c.yaml"]
    found = same(args, exists=lambda path: path == "/models/tok")
    assert found.spec.model == "/models/llama"
    assert found.spec.extra == ("--tokenizer", "/models/tok")
    values = differing(found)
    assert values["model"] == ("/models/llama", "not there")
    assert values["--chat-template"] == ("/etc/a.jinja", "left out")
    assert values["--config"] == ("/c.yaml", "left out")
    assert "model" not in differing(same(args, exists=lambda _: True))


def test_variables_of_the_pod() -> None:
    found = same(
        ["--model", "$(MODEL_NAME)", "--max-model-len", "$(LEN)", "--hf-overrides", '{"a": "$x"}'],
        ["python3", "-m", "vllm.entrypoints.openai.api_server"],
        env={"MODEL_NAME": "org/m"},
    )
    assert found.spec.model == "org/m"
    assert found.spec.max_model_len == 0
    assert found.spec.extra == ("--hf-overrides", '{"a": "$x"}')
    assert differing(found)["--max-model-len"] == ("$(LEN)", "left out")


@pytest.mark.parametrize(
    ("there", "gpus", "here", "lacks"),
    [
        ((4, 1), 4, (4, 1), set()),
        ((4, 1), 3, (2, 1), {"tensor parallel"}),
        ((4, 2), 4, (4, 1), {"pipeline parallel"}),
        ((8, 2), 4, (4, 1), {"tensor parallel", "pipeline parallel"}),
        ((6, 1), 4, (3, 1), {"tensor parallel"}),
        ((2, 1), 0, (1, 1), {"tensor parallel"}),
        ((1, 1), 0, (1, 1), set()),
    ],
)
def test_as_many_gpus_as_there_are(there: tuple[int, int], gpus: int, here: tuple[int, int], lacks: set[str]) -> None:
    found = same(["org/m", "-tp", str(there[0]), "-pp", str(there[1])], gpus=gpus)
    assert (found.spec.tensor_parallel_size, found.spec.pipeline_parallel_size) == here
    assert set(differing(found)) & {"tensor parallel", "pipeline parallel"} == lacks


@pytest.mark.parametrize(
    ("image", "version", "expected"),
    [
        (IMAGE, "0.32.0", ("0.11.2", "0.32.0")),
        (IMAGE, "0.11.2+cpu", None),
        (IMAGE, "", None),
        ("vllm/vllm-openai:latest", "0.32.0", None),
        ("reg:5000/vllm/vllm-openai:v0.8.5.post1@sha256:ab", "0.32.0", ("0.8.5.post1", "0.32.0")),
    ],
)
def test_another_version(image: str, version: str, expected: tuple[str, str] | None) -> None:
    assert differing(same(["org/m"], image=image, version=version)).get("vLLM") == expected


def test_the_same_port_is_no_difference() -> None:
    assert "port" not in differing(same(["org/m", "--port", "8003"]))


def test_with_the_hub_nothing_is_said_of_the_cache() -> None:
    found = same_as(pod(["org/m"]), LaunchSpec("", "", hub=True))
    assert found.spec.hub
    assert "weights" not in differing(found)


@pytest.mark.parametrize(
    ("args", "command", "image", "words"),
    [
        (["--model-path", "m"], ["python3", "-m", "sglang.launch_server"], "lmsysorg/sglang:v0.5", "runs SGLang"),
        (
            ["--model-id", "m"],
            None,
            "ghcr.io/huggingface/text-generation-inference:3",
            "runs TGI",
        ),
        (["serve"], ["ollama"], "ollama/ollama", "runs Ollama"),
        ([], ["/start.sh"], IMAGE, "neither vLLM nor its arguments"),
        (["--model", "m"], ["python", "serve.py"], "corp/llm:1", "neither vLLM nor its arguments"),
        (["--seed", "1"], None, IMAGE, "does not name the model"),
    ],
)
def test_what_is_refused(args: list[str], command: list[str] | None, image: str, words: str) -> None:
    with pytest.raises(CannotCopyError, match=words):
        same(args, command, image=image)
