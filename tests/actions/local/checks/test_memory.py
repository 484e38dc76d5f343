"""A model fits the GPUs or the machine or does not, and the changes that would make it fit."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from actions.local.checks.launch import visible
from actions.local.checks.memory import (
    MemoryNeed,
    check_gpus,
    check_length,
    check_on_cpu,
    check_on_gpus,
    need_of,
    space_on_cpu,
)
from actions.local.machine import Installed
from actions.planning.plan import Verdict
from fleet.local.fit.architecture import architecture
from fleet.local.fit.memory import GIB
from fleet.local.gpus import GpuProcess, LocalGpu
from fleet.local.spec import LaunchSpec
from tests.fleet.local.fit.models import LLAMA_8B, LLAMA_70B

GB = 10**9
INSTALLED = Installed("vllm", "0.32.0", utilization=0.9)
SPEC = LaunchSpec("n", "m", max_model_len=4096)


def gpu(index: int, total: int = 80 * GB, free: int | None = None, pid: int = 0) -> LocalGpu:
    left = total if free is None else free
    held = (GpuProcess(pid, total - left),) if pid else ()
    return LocalGpu(index, f"GPU-{index}{index}", "H100", total, total - left, left, processes=held)


def need(large: bool = True, *, estimated: bool = False) -> MemoryNeed:
    arch = architecture(LLAMA_70B if large else LLAMA_8B)
    assert arch is not None
    return MemoryNeed(arch, (141 if large else 16) * GB, "headers of the safetensors files", estimated, 2.0)


def test_one_that_fits_says_how_much_it_holds_and_where_each_number_is_from() -> None:
    check, table = check_on_gpus(need(large=False), SPEC, [gpu(0)], INSTALLED)
    assert check.verdict is Verdict.PASS
    assert "sequences of 4,096" in check.text
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["weights"] == ("14.9 GiB", "headers of the safetensors files")
    assert rows["KV cache per token"] == (
        "128.0 KiB",
        "2 x 32 layers x 8 KV heads x 128 x 2 bytes, config.json",
    )
    assert rows["share for vLLM"][1] == "default of vLLM 0.32.0"
    assert rows["longest sequence"] == ("4,096 tokens", "--max-model-len")


def test_weights_that_do_not_fit_block_and_the_next_parallelism_that_does_is_named() -> None:
    check, _ = check_on_gpus(need(), SPEC, [gpu(index) for index in range(4)], INSTALLED)
    assert check.verdict is Verdict.BLOCK
    assert "weights alone take 131.3 GiB of the 67.1 GiB" in check.text
    assert "--tensor-parallel-size 4 (" in check.fix
    assert "--tensor-parallel-size 2 (" not in check.fix
    alone, _ = check_on_gpus(need(), SPEC, [gpu(0)], INSTALLED)
    assert "--tensor-parallel-size" not in alone.fix


def test_what_is_estimated_warns_where_it_would_block() -> None:
    check, _ = check_on_gpus(need(estimated=True), SPEC, [gpu(0)], INSTALLED)
    assert check.verdict is Verdict.WARN


def test_a_context_that_does_not_fit_names_one_that_does() -> None:
    spec = replace(SPEC, max_model_len=600_000)
    check, _ = check_on_gpus(need(large=False), spec, [gpu(0)], INSTALLED)
    assert check.verdict is Verdict.BLOCK
    proposed = re.search(r"--max-model-len (\d+)", check.fix)
    assert proposed is not None
    again, _ = check_on_gpus(need(large=False), replace(spec, max_model_len=int(proposed[1])), [gpu(0)], INSTALLED)
    assert again.verdict is not Verdict.BLOCK
    assert "--kv-cache-dtype fp8" in check.fix
    smaller, _ = check_on_gpus(need(large=False), replace(spec, kv_cache_dtype="fp8"), [gpu(0)], INSTALLED)
    assert smaller.verdict is not Verdict.BLOCK


def test_a_gpu_that_others_fill_is_named_with_them_and_a_free_one_proposed() -> None:
    gpus = [gpu(0, free=10 * GB, pid=4321), gpu(1)]
    check, _ = check_on_gpus(need(large=False), SPEC, gpus, INSTALLED)
    assert check.verdict is Verdict.BLOCK
    assert "GPU 0" in check.text
    assert "pid 4321" in check.text
    assert "--env CUDA_VISIBLE_DEVICES=1 (" in check.fix


def test_beside_others_a_smaller_share_is_proposed_that_is_taken() -> None:
    half = [gpu(0, free=40 * GB, pid=4321)]
    check, _ = check_on_gpus(need(large=False), SPEC, half, INSTALLED)
    proposed = re.search(r"--gpu-memory-utilization (0\.\d+) \(", check.fix)
    assert proposed is not None
    smaller = replace(SPEC, gpu_memory_utilization=float(proposed[1]))
    assert check_on_gpus(need(large=False), smaller, half, INSTALLED)[0].verdict is Verdict.PASS
    check, _ = check_on_gpus(need(large=False), replace(SPEC, max_model_len=200_000), half, INSTALLED)
    assert re.search(r"--gpu-memory-utilization 0\.5 --max-model-len \d+ \(", check.fix)


def test_what_is_said_to_fit_fits() -> None:
    check, _ = check_on_gpus(need(large=False), replace(SPEC, max_model_len=600_000), [gpu(0)], INSTALLED)
    match = re.search(r"one of about ([\d,]+) does", check.text)
    assert match is not None
    tokens = int(match[1].replace(",", ""))
    again, _ = check_on_gpus(need(large=False), replace(SPEC, max_model_len=tokens), [gpu(0)], INSTALLED)
    assert again.verdict is Verdict.WARN
    assert again.text.startswith("close")


def test_a_longer_sequence_than_the_model_knows() -> None:
    arch = architecture(LLAMA_8B)
    assert arch is not None
    assert check_length(replace(SPEC, max_model_len=arch.bound), arch) is None
    long = replace(SPEC, max_model_len=arch.bound + 1)
    check = check_length(long, arch)
    assert check is not None
    assert (check.verdict, f"--max-model-len {arch.bound}" in check.fix) == (Verdict.BLOCK, True)
    assert check_length(replace(long, env={"VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"}), arch) is None
    assert check_length(replace(long, extra=("--hf-overrides", "{}")), arch) is None
    assert check_length(long, None) is None


@pytest.mark.parametrize(("parallel", "verdict"), [(1, Verdict.PASS), (4, Verdict.PASS), (3, Verdict.BLOCK)])
def test_heads_are_shared_out_evenly(parallel: int, verdict: Verdict) -> None:
    check = check_gpus(replace(SPEC, tensor_parallel_size=parallel), [gpu(index) for index in range(4)], 32)
    assert check.verdict is verdict
    if verdict is Verdict.BLOCK:
        assert check.fix == "possible: 1, 2, 4, 8"


def test_more_gpus_than_there_are() -> None:
    check = check_gpus(replace(SPEC, tensor_parallel_size=2, pipeline_parallel_size=2), [gpu(0), gpu(1)], 32)
    assert check.verdict is Verdict.BLOCK
    assert "asks for 4 GPUs, and there are 2" in check.text


def test_which_gpus_a_process_sees() -> None:
    gpus = [gpu(0), gpu(1), gpu(2)]
    assert [g.index for g in visible(gpus, None)] == [0, 1, 2]
    assert [g.index for g in visible(gpus, "2,0")] == [2, 0]
    assert [g.index for g in visible(gpus, "GPU-1")] == [1]
    assert [g.index for g in visible(gpus, "0,9,1")] == [0]
    assert visible(gpus, "") == ()


def test_on_the_cpu() -> None:
    check, _ = check_on_cpu(need(large=False), SPEC, 64 * GIB, 4 * GIB, "chosen")
    assert check.verdict is Verdict.PASS
    check, _ = check_on_cpu(need(large=False), SPEC, 16 * GIB, 4 * GIB, "chosen")
    assert check.verdict is Verdict.BLOCK
    long = replace(SPEC, max_model_len=100_000)
    check, _ = check_on_cpu(need(large=False), long, 64 * GIB, 0, "chosen")
    assert check.fix == "--env VLLM_CPU_KVCACHE_SPACE=13"
    check, _ = check_on_cpu(need(large=False), long, 64 * GIB, 4 * GIB, "chosen")
    assert check.verdict is Verdict.BLOCK
    assert check.fix == "--max-model-len 32752, or --env VLLM_CPU_KVCACHE_SPACE=13"
    assert space_on_cpu(need(large=False), long, 64 * GIB) == 13 * GIB
    assert space_on_cpu(need(large=False), long, 20 * GIB) < 4 * GIB


def test_weights_without_files_are_estimated_and_say_so() -> None:
    arch = architecture(LLAMA_8B)
    assert arch is not None
    found = need_of(arch, None, SPEC)
    assert found is not None
    assert found.estimated
    assert found.weights == pytest.approx(16e9, rel=0.01)
    assert "estimated" in found.weights_from
