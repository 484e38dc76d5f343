"""The output of the benchmark tool: its progress, its numbers, its end."""

from __future__ import annotations

import pytest

from actions.local.bench_output import Output, level_of, why_ended
from fleet.local.errors import LocalError


def test_what_earlier_versions_leave_out_is_not_made_up() -> None:
    level = level_of({"completed": 6, "duration": 2.0, "p50_ttft_ms": 10.0, "p95_itl_ms": 0}, 1, 8)
    assert (level.failed, level.ttft_p50, level.itl_p95, level.e2e_p99) == (2, 0.01, None, None)
    with pytest.raises(LocalError, match="cannot be read"):
        level_of({"duration": 2.0}, 1, 8)


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_its_output_may_be_cut_anywhere(size: int) -> None:
    bars = "\r  0%|          | 0/8 [00:00<?, ?it/s]\r 62%|██████▎   | 5/8 [00:12<01:07,  2.41s/it]"
    text = f"Namespace(x)\nstarting\r\n{bars}"
    output, wire = Output(), text.encode()
    for start in range(0, len(wire), size):
        output.feed(wire[start : start + size])
    assert (output.done, output.total, output.left, output.lines) == (5, 8, 67.0, ["starting"])


def test_being_killed_is_told_by_its_signal() -> None:
    killed = why_ended(-9, Output(), "python")
    assert "SIGKILL" in killed.message
    assert "memory" in killed.message


@pytest.mark.parametrize("code", [-4, 132])
def test_an_instruction_that_the_cpu_lacks_is_named_as_that_and_memory_is_not_blamed(code: int) -> None:
    output = Output()
    output.feed(
        b"Fatal Python error: Illegal instruction\n\nCurrent thread 0x1 (most recent call first):\n"
        b'  File "/venv/torch/nn/functional.py", line 2 in linear\n  File "/venv/vllm/x.py", line 3 in f\n'
    )
    ended = why_ended(code, output, "python")
    assert "SIGILL" in ended.message
    assert "an instruction" in ended.message
    assert "functional.py" in ended.message
    assert "ATEN_CPU_CAPABILITY" in ended.remedy
    assert "memory" not in f"{ended.message} {ended.remedy}"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-11, "crashed in compiled code"),
        (-7, "had mapped was truncated"),
        (-15, "terminated by somebody"),
        (139, "SIGSEGV"),
    ],
)
def test_each_signal_says_what_it_means(code: int, words: str) -> None:
    assert words in why_ended(code, Output(), "python").message


def test_an_exit_code_of_its_own_is_no_signal() -> None:
    assert "failed with 2" in why_ended(2, Output(), "python").message
    assert "failed with 255" in why_ended(255, Output(), "python").message
