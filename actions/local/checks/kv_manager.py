"""The KV cache manager of the vLLM that would be started: by its version, its arguments, the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from actions.local.machine import Installed
from fleet.local.arguments import arguments_of
from fleet.local.fit.architecture import Architecture
from fleet.local.fit.kv_cache_groups import Manager
from fleet.local.fit.memory import GIB
from fleet.local.gpus import LocalGpu
from fleet.local.spec import LaunchSpec
from fleet.local.vllm_arguments import length

_CHUNKED_APART: Final = "VLLM_ALLOW_CHUNKED_LOCAL_ATTN_WITH_HYBRID_KV_CACHE"
_MLA_OFF: Final = "VLLM_MLA_DISABLE"
_TOGETHER: Final = "--disable-hybrid-kv-cache-manager"
_UNKNOWN: Final[Mapping[str, str]] = {
    "--speculative-config": "a draft model has its own KV cache",
    "--hf-overrides": "the model's shape differs from config.json",
    "--kv-transfer-config": "it decides how the KV cache is managed",
    "--kv-offloading-size": "it decides how the KV cache is managed",
    "--decode-context-parallel-size": "the KV cache is distributed over GPUs",
    "-dcp": "the KV cache is distributed over GPUs",
    "--prefill-context-parallel-size": "the KV cache is distributed over GPUs",
    "--num-gpu-blocks-override": "it sets the size of the KV cache",
    "--kv-cache-memory-bytes": "it sets the size of the KV cache",
    "--kv-cache-dtype-skip-layers": "layers differ in their KV cache",
    "--cpu-offload-gb": "part of the weights is elsewhere",
    "--disable-sliding-window": "the longest sequence differs from config.json",
    "--config": "that file is not read",
    "--load-format": "the resulting size of the weights is not known",
}
"""Arguments that invalidate the numbers computed here."""
_WIDTHS: Final = frozenset(
    {"", "auto", "float16", "half", "bfloat16", "float32", "fp8", "fp8_e4m3", "fp8_e5m2", "fp8_inc"}
)
"""KV cache dtypes without additional data."""
_BLOCK: Final = 16
_CPU_BLOCK: Final = 128
_ON: Final = frozenset({"", "true", "1"})


class Managed(NamedTuple):
    """The KV cache manager, as far as it is known."""

    manager: Manager
    unknown: str
    """The reason why its KV cache cannot be worked out; empty where it can."""


def managed(
    spec: LaunchSpec,
    arch: Architecture,
    installed: Installed,
    environ: Mapping[str, str],
    gpus: Sequence[LocalGpu] = (),
) -> Managed:
    """Return the manager. ``gpus``: those that it uses; none for a CPU build. ``environ``: the server's environment."""
    flags = {found.flag: (found.values or ("",))[-1] for found in arguments_of(spec.extra) if found.flag}
    block = _block(flags, arch, cpu=not gpus)
    manager = Manager(
        _hybrid(arch, installed, flags, environ, cpu=not gpus),
        block,
        _in_flight(spec, arch, installed, flags, gpus),
        spare=1 if installed.kv.spare else 0,
    )
    return Managed(manager, _unknown(spec, arch, flags, environ))


def _unknown(spec: LaunchSpec, arch: Architecture, flags: Mapping[str, str], environ: Mapping[str, str]) -> str:
    flag = next((flag for flag in flags if flag in _UNKNOWN or flag.startswith("--speculative-config.")), "")
    if flag:
        return f"with {flag} {_UNKNOWN.get(flag, _UNKNOWN['--speculative-config'])}"
    if spec.kv_cache_dtype not in _WIDTHS:
        return f"the size of {spec.kv_cache_dtype} in bytes"
    if arch.latent and environ.get(_MLA_OFF, "0").lower() in ("1", "true"):
        return f"with {_MLA_OFF} the latent is not what is cached"
    return arch.attention.unknown


def _hybrid(
    arch: Architecture, installed: Installed, flags: Mapping[str, str], environ: Mapping[str, str], *, cpu: bool
) -> bool:
    if not (installed.kv.hybrid_on_cpu if cpu else installed.kv.hybrid):
        return False
    if flags.get(_TOGETHER, "false").lower() in _ON:
        return False
    # It is slower with chunked attention: versions differ in whether they disable it then (config/vllm.py, envs.py).
    default = "1" if installed.kv.chunked else "0"
    return not arch.attention.chunked or environ.get(_CHUNKED_APART, default).strip() != "0"


def _block(flags: Mapping[str, str], arch: Architecture, *, cpu: bool) -> int:
    """Return the tokens of a block. On a CPU, MLA always has blocks of 16 (platforms/cpu.py)."""
    if cpu and arch.latent:
        return _BLOCK
    given = flags.get("--block-size", "")
    return int(given) if given.isdigit() and int(given) else (_CPU_BLOCK if cpu else _BLOCK)


def _in_flight(
    spec: LaunchSpec, arch: Architecture, installed: Installed, flags: Mapping[str, str], gpus: Sequence[LocalGpu]
) -> int:
    """Tokens of the batches that are under way at once (config/vllm.py: max_in_flight_tokens)."""
    batches = 1
    if installed.kv.in_flight:
        # With asynchronous scheduling one batch is prepared while the others are computed.
        waits = not gpus or "--no-async-scheduling" in flags or flags.get("--async-scheduling", "") == "false"
        batches = spec.pipeline_parallel_size + (not waits)
    return batches * _batch(spec, arch, flags, gpus)


def _batch(spec: LaunchSpec, arch: Architecture, flags: Mapping[str, str], gpus: Sequence[LocalGpu]) -> int:
    """``--max-num-batched-tokens``, or its default (engine/arg_utils.py: get_batch_defaults)."""
    if given := flags.get("--max-num-batched-tokens"):
        try:
            return length(given)
        except ValueError:
            # vLLM will reject it with a message.
            return 2048
    longest = spec.max_model_len or arch.longest
    memory = min((gpu.memory_total for gpu in gpus), default=0)
    tokens = 2048 * (spec.gpus if not gpus else 1)
    if memory >= 160 * GIB:
        tokens = 16384
    elif memory >= 70 * GIB and "a100" not in gpus[0].name.lower():
        tokens = 8192
    if flags.get("--performance-mode") == "throughput":
        tokens *= 2
    if "--no-enable-chunked-prefill" in flags or flags.get("--enable-chunked-prefill", "").lower() == "false":
        tokens = max(tokens, longest)
    return min(tokens, spec.max_num_seqs * longest) if spec.max_num_seqs and longest else tokens
