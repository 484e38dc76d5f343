"""Reasons for the death of a server: at least one crash of each class, in the wording of several versions of vLLM.

These logs are put together, not recorded: the relevant lines are worded as in vLLM's source and public reports, the
frames around them are shortened. Recorded logs are in test_real_logs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.local.server_log import reason_of
from fleet.local.tail import Tail
from fleet.model.log_reasons import REASONS, STOPPED

LOGS = Path(__file__).with_name("logs")
CRASHES = sorted((LOGS / "crash").glob("*.log"))
HEALTHY = sorted((LOGS / "healthy").glob("*.log"))
ROOTS = {
    "not-trusted.0.32": "self-signed certificate in certificate chain",
    "rate-limited.0.32": "429 Client Error",
    "storage-denied.0.32": "ListObjectsV2 operation: Access Denied",
    "group-not-reached.0.32": "(chat-0.chat.serving, 29500)",
    "server-not-reached.0.32": "mirror.example.com",
    "fabric-not-ready.0.32": "Error 802",
    "gpu-unsupported.0.32": "no kernel image",
    "gpu-fault.0.32": "uncorrectable ECC",
    "reads-fail.0.32": "Stale file handle",
    "limits.0.32": "can't start new thread",
    "environment.0.32": "HF_TOKEN",
    "command.0.32": "vllm: command not found",
    "kv-transfer.0.32": "NIXL_ERR_BACKEND",
    "tokenizer.0.32": "untagged enum ModelWrapper",
    "chat-template.0.32": "failed to be opened",
    "adapter.0.32": "LoRA rank 64",
    "file.0.32": "'/certs/tls.crt'",
    "compiler.0.32": "Failed to find C compiler",
    "architecture.0.11": "Model architectures ['OwnForCausalLM'] are not supported",
    "architecture.0.8": "does not recognize this architecture",
    "arguments.0.19": "unrecognized arguments: --max-model-length 4096",
    "arguments.0.8": "argument --dtype: invalid choice: 'float12'",
    "context-too-long.0.10": "the estimated maximum model length is 45936",
    "context-too-long.0.6": "max seq len (29000) is larger than",
    "cpu-memory.0.32": "Available memory on node 0 (3.5/21.21 GiB)",
    "cuda-oom.0.19": "Tried to allocate 448.00 MiB",
    "cuda-oom.0.6": "Tried to allocate 224.00 MiB",
    "disk-full.0.11": "No space left on device: '/home/user/.cache",
    "cpu-feature.0.32": "FP8 KV cache on CPU requires x86 with AVX-512 or AMX",
    "driver-too-old.0.25": "found version 12080",
    "driver-too-old.0.8": "found version 12020",
    "dtype.0.8": "Your Tesla T4 GPU has compute capability 7.5",
    "engine-died.0.19": "Worker proc VllmWorker-2 died unexpectedly",
    "engine-died.0.8": "EngineDeadError",
    "exec-format.0.32": "exec format error",
    "gated.0.11": "meta-llama/Llama-3.2-1B-Instruct",
    "gpu-not-free.0.11": "(3.22/4.0 GiB)",
    "gpu-not-free.0.32": "cuda:0 (59.32/79.15 GiB)",
    "host-oom.0.32": "you tried to allocate 34359738368 bytes",
    "installation.0.6": "libcudart.so.12",
    "max-model-len.0.11": "User-specified max_model_len (65536)",
    "model-not-found.0.11": "org/modle is not a local folder",
    "model-not-found.0.6": "No supported config format found in /models/empty",
    "name-resolution.0.32": "Failed to resolve 'minio.storage.svc'",
    "nccl.0.19": "NCCL error: unhandled system error",
    "nccl.0.6": "NCCL error: unhandled system error",
    "no-gpu.0.11": "Failed to infer device type",
    "no-gpu.0.19": "No CUDA GPUs are available",
    "no-kv-room.0.32": "No available memory for the cache blocks",
    "no-kv-room.0.8": "No available memory for the cache blocks",
    "offline.0.11": "We couldn't connect to 'https://huggingface.co'",
    "permission.0.11": "Permission denied: '/models/llama/config.json'",
    "port-taken.0.6": "Address already in use",
    "process-killed.0.11": "{'EngineCore_DP0': -9}",
    "process-killed.0.19": "Worker proc VllmWorker-2 died unexpectedly (exit code: -9)",
    "quantization.0.11": "Minimum capability: 80. Current capability: 75.",
    "quantization.0.6": "Unknown quantization method: awg",
    "remote-code.0.11": "`trust_remote_code=True`",
    "segfault.0.11": "Segfault encountered",
    "illegal-instruction.0.32": "Illegal instruction",
    "shard-broken.0.6": "MetadataIncompleteBuffer",
    "shard-missing.0.10": "model-00002-of-00004.safetensors",
    "shard-missing.0.19": "were not initialized from checkpoint: {'model.layers.7.mlp.down_proj.weight'",
    "shard-missing.0.32": "referenced in index but missing: {'models/cut/model-00004-of-00011.safetensors'}",
    "shard-missing.0.8": "Cannot find any model weights with `/models/llama`",
    "shared-memory.0.19": "No space left on device: '/psm_a1b2c3d4'",
    "tokenizer-missing.0.32": "Couldn't instantiate the backend tokenizer",
    "tensor-parallel.0.11": "attention heads (32) must be divisible by tensor parallel size (3)",
    "token.0.11": "Invalid credentials in Authorization header",
    "too-few-gpus.0.32": "World size (4) is larger than the number of available GPUs (1)",
    "too-few-gpus.0.7": "world_size (2) is less than than max local gpu count (1)",
    "too-few-gpus.0.8": "CUDA error: invalid device ordinal",
    "unknown.0.11": "duplicate template name",
    "unknown.0.6": "loaded_weight.shape == param.shape",
    "value.0.11": "gpu_memory_utilization: Input should be less than or equal to 1",
}
"""The quoted line of each log: the root cause, not its consequences."""
REFUSED = (
    "ERROR 05-12 19:01:18 [serving_chat.py:200] ValueError: This model's maximum context length is 1024 tokens.",
    '(APIServer pid=7) INFO:     127.0.0.1:42776 - "GET /v1/models HTTP/1.1" 401 Unauthorized',
    'INFO:     127.0.0.1:42776 - "GET /v1/models HTTP/1.1" 401 Unauthorized',
    "ERROR 05-12 19:01:18 [serving_chat.py:200] requests.exceptions.HTTPError: 403 Client Error: Forbidden for url: x",
    "ERROR 05-12 19:01:18 [serving_chat.py:200] requests.exceptions.HTTPError: 404 Client Error: Not Found for url: x",
    "ERROR 05-12 19:01:18 [serving_chat.py:200] pydantic_core.ValidationError: 1 validation error for Request",
)
"""Lines of a server that refuses requests and continues."""
READY = "INFO:     Application startup complete."
END = "(APIServer pid=7) INFO 11-21 08:27:33 [launcher.py:254] [shutdown] API server: shutdown triggered"


def lines_of(path: Path) -> list[str]:
    tail = Tail(path)
    lines = []
    while read := tail.read():
        lines += read
    return lines


def kind(path: Path) -> str:
    return path.stem.partition(".")[0]


def test_there_is_a_crash_of_every_class() -> None:
    assert {kind(path) for path in CRASHES} == {cause.id for cause in REASONS} | {"unknown"}
    assert {path.stem for path in CRASHES} == ROOTS.keys()


@pytest.mark.parametrize("path", CRASHES, ids=lambda path: path.stem)
def test_a_crash_gives_its_root_and_what_to_do_about_it(path: Path) -> None:
    reason = reason_of(lines_of(path), was_ready=kind(path) == "engine-died")
    assert reason.id == kind(path), reason
    assert ROOTS[path.stem] in reason.line
    # Without who speaks, the colour and the stamp.
    assert not reason.line.startswith(("(", "ERROR", "\x1b"))
    assert reason.text
    assert reason.remedy


def test_each_class_has_one_name_and_its_own_words() -> None:
    assert len({cause.id for cause in REASONS}) == len({cause.text for cause in REASONS}) == len(REASONS)
    assert not {"unknown", "killed", "stopped"} & {cause.id for cause in REASONS}


@pytest.mark.parametrize("was_ready", [True, False])
@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: path.stem)
def test_of_a_healthy_log_nothing_is_blamed(path: Path, was_ready: bool) -> None:
    reason = reason_of(lines_of(path), was_ready=was_ready)
    assert reason.id == "killed"
    assert reason.line == ""
    assert "dmesg" in reason.remedy


@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: path.stem)
def test_one_that_dies_while_it_loads_without_a_word_was_killed(path: Path) -> None:
    lines = lines_of(path)
    for length in range(0, len(lines), 5):
        assert reason_of(lines[:length]).id == "killed"


def test_no_log_at_all_is_no_word() -> None:
    assert reason_of([]).id == "killed"
    assert reason_of(["", "\x00\x00", "�" * 100]).id == "killed"


def test_who_is_asked_to_end_has_not_failed_whatever_is_said_on_the_way() -> None:
    lines = ["torch.OutOfMemoryError: CUDA out of memory.", "Traceback (most recent call last):", "CancelledError: x"]
    assert reason_of([READY, END, *lines], was_ready=True) == STOPPED
    assert reason_of([END, *lines]) == STOPPED


@pytest.mark.parametrize("line", REFUSED)
def test_a_refused_request_is_no_reason_to_die(line: str) -> None:
    answered = 'INFO:     127.0.0.1:42776 - "POST /v1/chat/completions HTTP/1.1" 400 Bad Request'
    assert reason_of([READY, line, answered], was_ready=True).id == "killed"
    assert reason_of([READY, line, END], was_ready=True) == STOPPED


def test_what_happened_while_it_loaded_is_no_reason_for_one_that_has_served() -> None:
    lines = ["huggingface_hub.errors.HfHubHTTPError: 403 Client Error", "PermissionError: [Errno 13] x", READY]
    assert reason_of(lines, was_ready=True).id == "killed"


def test_an_error_that_nothing_follows_is_quoted_though_it_is_of_no_class() -> None:
    lines = [READY, "Traceback (most recent call last):", '  File "/x.py", line 1, in x', "KeyError: 'x'"]
    reason = reason_of(lines, was_ready=True)
    assert (reason.id, reason.line) == ("unknown", "KeyError: 'x'")


def test_a_gpu_that_is_full_kills_one_that_has_served_also() -> None:
    lines = [
        READY,
        "(EngineCore_DP0 pid=9) torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 MiB.",
        "(APIServer pid=7) vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue.",
        "(APIServer pid=7) INFO:     Shutting down",
    ]
    assert reason_of(lines, was_ready=True).id == "cuda-oom"


def test_a_line_of_any_length_is_read_at_once() -> None:
    lines = ["max seq len " * 20_000, "User-specified max_model_len " * 20_000, "(" * 200_000, "x" * 1_000_000]
    assert reason_of([*lines, "OSError: [Errno 98] Address already in use"]).id == "port-taken"


def test_what_only_follows_is_not_quoted() -> None:
    lines = [
        "(Worker pid=3) KeyError: 'layers.9.weight'",
        "ERROR 11-21 12:03:00 [core.py:1510] Exception: WorkerProc failed. See stack trace for root cause.",
        "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
    ]
    assert reason_of(lines).line == "KeyError: 'layers.9.weight'"


@pytest.mark.parametrize(
    ("below", "line"),
    [
        (
            [
                "  Value error, fp8 needs a newer CPU [type=value_error, input_value=ArgsKwargs((), {}), input_type=x]",
                "    For further information visit https://errors.pydantic.dev/2.11/v/value_error",
            ],
            "Value error, fp8 needs a newer CPU",
        ),
        (
            [
                "kv_cache.block_size",
                "  Input should be 1, 8 or 16 [type=literal_error, input_value=7, input_type=int]",
                "    For further information visit https://errors.pydantic.dev/2.11/v/literal_error",
            ],
            "kv_cache.block_size: Input should be 1, 8 or 16",
        ),
        ([], "pydantic_core._pydantic_core.ValidationError: 1 validation error for VllmConfig"),
    ],
)
def test_of_pydantic_what_is_wrong_is_quoted_and_not_how_often(below: list[str], line: str) -> None:
    first = "pydantic_core._pydantic_core.ValidationError: 1 validation error for VllmConfig"
    lines = [f"(APIServer pid=7) {each}" for each in ("Traceback (most recent call last):", first, *below)]
    reason = reason_of(lines)
    assert (reason.id, reason.line) == ("value", line)


def test_of_exceptions_that_came_of_each_other_the_first_is_quoted() -> None:
    chained = ["", "The above exception was the direct cause of the following exception:", ""]
    lines = [
        "Traceback (most recent call last):",
        "KeyError: 'rope_theta'",
        *chained,
        "Traceback (most recent call last):",
        "RuntimeError: the layers could not be built",
    ]
    assert reason_of(lines).line == "KeyError: 'rope_theta'"
    handled = "During handling of the above exception, another exception occurred:"
    lines = ["ValueError: no such scale", handled, "ValueError: it cannot be loaded"]
    assert reason_of(lines).line == "ValueError: no such scale"
    apart = ["KeyError: 'of a request'", handled, "TypeError: x", "RuntimeError: something else"]
    assert reason_of(apart).line == "RuntimeError: something else"


def test_what_the_engine_says_that_a_worker_said_is_not_quoted() -> None:
    lines = [
        "(Worker pid=2) ERROR 11-28 20:39:48 [multiproc_executor.py:1063] NotImplementedError: no such kernel for it",
        "(EngineCore pid=1) RuntimeError: Worker failed with error 'x', please check the stack trace above for it",
        "(APIServer pid=0) RuntimeError: Engine core initialization failed. See root cause above.",
    ]
    assert reason_of(lines).line == "NotImplementedError: no such kernel for it"


@pytest.mark.parametrize(
    ("line", "id"),
    [
        ("NotImplementedError: FP8 KV cache on CPU requires x86 with AVX-512 or AMX.", "cpu-feature"),
        ("RuntimeError: this build needs AVX2", "cpu-feature"),
        ("OSError: [Errno 28] No space left on device: '/root/.cache/vllm/x'", "disk-full"),
        ("OSError: [Errno 122] Disk quota exceeded", "disk-full"),
        ("sqlite3.OperationalError: database or disk is full", "disk-full"),
        ("RuntimeError: unable to write to file </torch_123_4>: No space left on device (28)", "shared-memory"),
        ("OSError: [Errno 28] No space left on device: '/dev/shm/psm_1'", "shared-memory"),
        ("triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 163840", "gpu-unsupported"),
        ("RuntimeError: FlashAttention only supports Ampere GPUs or newer.", "gpu-unsupported"),
        ("RuntimeError: CUDA error: all CUDA-capable devices are busy or unavailable", "gpu-not-free"),
        ("AssertionError: Error in memory profiling. Initial free memory 60.1 GiB, current 70.2 GiB.", "gpu-not-free"),
        ("ValueError: The number of required GPUs exceeds the total number of available GPUs", "too-few-gpus"),
        ("ValueError: Quantization method specified in the model config (awq) does not match (gptq).", "quantization"),
        ("redis.exceptions.ConnectionError: Error 111 connecting to redis:6379.", "server-not-reached"),
        ("requests.exceptions.HTTPError: 504 Server Error: Gateway Time-out for url: https://x", "server-not-reached"),
        ("RuntimeError: Failed core proc(s): {'EngineCore_DP0': -7}", "shared-memory"),
        ("RuntimeError: Failed core proc(s): {'EngineCore_DP0': -4}", "illegal-instruction"),
        ("RuntimeError: Worker proc VllmWorker-0 died unexpectedly (exit code: -4)", "illegal-instruction"),
    ],
)
def test_what_there_was_no_room_for_and_what_the_cpu_lacks(line: str, id: str) -> None:  # noqa: A002 - the reason's
    assert reason_of([line]).id == id
