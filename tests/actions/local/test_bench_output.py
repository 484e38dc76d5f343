"""What the benchmark tool writes: its progress, its numbers, its end."""

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
    assert "SIGKILL" in why_ended(-9, Output(), "python").message
