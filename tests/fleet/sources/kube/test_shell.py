"""The program that a container's command line runs, read through its shells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.sources.kube.project.serving import environment_of
from fleet.sources.kube.project.shell import commands

KSERVE = """# In some versions, ZMQ bind doesn't resolve the address through DNS
if [ "$KSERVE_INFER_ROCE" = "true" ]; then
  for d in /sys/class/infiniband/mlx5_*; do echo "found: $d"; done
fi
VLLM_VERSION=$(vllm --version 2>/dev/null | tail -1 | awk '{print $NF}')
eval "exec vllm serve /mnt/models \\
  --served-model-name "qwen3-8b" "publishers/llm" \\
  --port 8001 \\
  ${ACCESS_LOG_ARGS} \\
  $@"
"""


def last(*words: str, env: dict[str, str] | None = None) -> str:
    return " ".join(commands(words, (), env)[-1])


@pytest.mark.parametrize(
    ("words", "runs"),
    [
        (("vllm", "serve", "a/b"), "vllm serve a/b"),
        (("sh", "-c", "vllm serve a/b --port 1"), "vllm serve a/b --port 1"),
        (("/bin/bash", "-lc", "--", "cd /x && exec vllm serve a/b"), "exec vllm serve a/b"),
        (("bash", "-eu", "-o", "pipefail", "-c", "vllm serve a/b"), "vllm serve a/b"),
        (("bash", "-c", "sh -lc 'vllm serve a/b'"), "vllm serve a/b"),
        (("bash", "-c", 'bash -c "sh -c \\"vllm serve a/b\\""'), "vllm serve a/b"),
        (("bash", "-c", 'eval "exec vllm serve a/b"'), "exec vllm serve a/b"),
        (("tini", "--", "sh", "-c", "vllm serve a/b"), "vllm serve a/b"),
        (("sh", "-c", 'exec vllm serve "$@"', "--", "a/b", "--port", "1"), "exec vllm serve a/b --port 1"),
        (("sh", "-c", "P=81; export Q=1\nvllm serve a/b --port ${P}${Q}"), "vllm serve a/b --port 811"),
        (("sh", "-c", "vllm serve a/b --port ${P:-8001} > log 2>&1"), "vllm serve a/b --port 8001 > log 2>&1"),
        (("sh", "-c", "vllm serve a/b # --port 9"), "vllm serve a/b"),
        (("sh", "-c", "vllm serve 'a/b' \\\n  --port 1"), "vllm serve a/b --port 1"),
        (("sh", "-c", "vllm serve a/b --port $((8000 + I))"), "vllm serve a/b --port $((8000 + I))"),
        (("sh", "-c", "vllm serve 'unbalanced"), "vllm serve unbalanced"),
        (("python3", "train.py", "-c", "x"), "python3 train.py -c x"),
        (("bash", "start.sh"), "bash start.sh"),
    ],
)
def test_what_runs_in_the_end(words: tuple[str, ...], runs: str) -> None:
    assert last(*words) == runs


def test_a_script_of_many_lines_that_puts_its_command_together() -> None:
    found = commands(("/bin/bash", "-c", KSERVE, "--"), ("--max-model-len", "4096"))
    assert found[-1][:8] == (
        "exec", "vllm", "serve", "/mnt/models", "--served-model-name", "qwen3-8b", "publishers/llm", "--port",
    )  # fmt: skip
    assert found[-1][8:] == ("8001", "${ACCESS_LOG_ARGS}", "--max-model-len", "4096")


def test_each_command_of_a_script_stands_alone() -> None:
    script = "vllm serve a --port 1 & vllm serve b --port 2 & (sleep 1; wait)"
    assert commands(("sh", "-c", script), ()) == (
        ("vllm", "serve", "a", "--port", "1"),
        ("vllm", "serve", "b", "--port", "2"),
        ("sleep", "1"),
        ("wait",),
    )


def test_variables_of_the_template_are_put_in_and_others_stay() -> None:
    assert last("vllm", "serve", "$(M)", "$(X)", env={"M": "a/b"}) == "vllm serve a/b $(X)"
    assert last("sh", "-c", "vllm serve $M ${X}", env={"M": "a/b"}) == "vllm serve a/b ${X}"


DOUBLING = "\n".join(f"V{n + 1}=${{V{n}}}${{V{n}}}" for n in range(60))


@pytest.mark.parametrize(
    ("script", "parameters"),
    [
        (f"V0={'x' * 1000}\n{DOUBLING}\nvllm serve $V60", ()),
        ("$@ " * 50_000, ("x" * 100_000,)),
        ("P='echo " + "x" * 1000 + "'\n" + "eval $P;" * 30_000, ()),
        ("eval " * 10_000 + "vllm serve a/b", ()),
        ("$(" * 100_000, ()),
        ('"' * 100_001, ()),
    ],
)
def test_a_script_cannot_grow_without_end(script: str, parameters: tuple[str, ...]) -> None:
    found = commands(("sh", "-c", script, "--", *parameters), ())
    assert sum(len(word) for command in found for word in command) < 64 * 1024 * 1024


def test_variables_of_a_template_cannot_grow_without_end() -> None:
    env = [{"name": "V0", "value": "x" * 1000}]
    env += [{"name": f"V{n + 1}", "value": f"$(V{n})$(V{n})"} for n in range(60)]
    assert max(map(len, environment_of({"env": env}).values())) <= 512 * 1024


@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_script_has_commands(words: list[str]) -> None:
    found = commands(("sh", "-c", *words), ("eval", *words))
    assert all(isinstance(word, str) for command in found for word in command)
