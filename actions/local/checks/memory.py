"""Does the model fit? Every input with its source, the result, and what would make it fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil, floor

from actions.local.checks.kv_manager import managed
from actions.local.machine import Installed
from actions.planning.plan import Check, CheckTable, Verdict
from fleet.dataclass import dataclass
from fleet.local.fit.architecture import BYTES, Architecture
from fleet.local.fit.files import ModelFiles
from fleet.local.fit.kv_cache_groups import USUAL, Manager
from fleet.local.fit.memory import (
    GIB,
    HEADROOM,
    LEAST,
    OVERHEAD,
    Shape,
    Sizes,
    divisors,
    gib,
    kv_bytes,
    pool,
    sizes,
    weight_bytes,
)
from fleet.local.gpus import LocalGpu
from fleet.local.spec import LaunchSpec
from fleet.model.counting import count

ABOUT = "memory"
_HEAD = ("what", "value", "from")
_MOST = 0.95
"""Utilisation that is proposed at most."""
_ANYWAY = "VLLM_ALLOW_LONG_MAX_MODEL_LEN"
_SCALES = ("--hf-overrides", "--hf_overrides", "--rope-scaling", "--rope_scaling")
"""Arguments that change the length in config.json."""
_BLOCK = 16
"""Tokens of a block of vLLM's KV cache: lengths are proposed in whole ones."""


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """The needs of a model, with where they are known from."""

    arch: Architecture
    weights: float
    """Bytes in memory."""
    weights_from: str
    estimated: bool
    """The weights are not here: their size is worked out from the shape."""
    dtype: float
    """Bytes of one number of the model."""
    manager: Manager = USUAL
    """The manager of the KV cache."""
    unknown: str = ""
    """The reason why the KV cache cannot be worked out; empty where it can."""

    def sizes(self, spec: LaunchSpec, *, tp: int = 0, kv: str = "", weights: float = 0.0) -> Sizes:
        """Return the sizes on each GPU for ``spec``, with the given overrides."""
        dtype = kv_bytes(kv or spec.kv_cache_dtype, self.dtype)
        shape = Shape(tp or spec.tensor_parallel_size, spec.pipeline_parallel_size, dtype, self.manager)
        return sizes(self.arch, weights or self.weights, shape)

    def token_bytes(self, spec: LaunchSpec) -> float:
        """Bytes of one token in one layer, on one GPU."""
        heads = max(1, ceil(self.arch.kv_heads / spec.tensor_parallel_size))
        return (self.arch.latent or 2 * heads * self.arch.head_dim) * kv_bytes(spec.kv_cache_dtype, self.dtype)

    def holds(self, each: Sizes, pool: float, length: int) -> bool:
        """True if vLLM would start with sequences of ``length`` tokens; False if that is not certain."""
        certain = not self.unknown or (self.unknown == self.arch.attention.unknown and self.arch.attention.at_most)
        return certain and each.groups.needed(max(1, length)) <= pool


def need_of(arch: Architecture, files: ModelFiles | None, spec: LaunchSpec) -> MemoryNeed | None:
    """Return the memory needed; None if neither files nor shape show the size of the weights."""
    named = spec.dtype if spec.dtype not in ("", "auto") else arch.dtype
    # Models stored as float32 are served in half precision by default (vLLM, --dtype auto).
    auto = spec.dtype in ("", "auto") and named == "float32"
    dtype = 2.0 if auto else BYTES.get(named, 2.0)
    fly = spec.quantization if not arch.quantization else ""
    if files is not None and files.size:
        weights = weight_bytes(files.bytes_of, files.size, fly, dtype)
        source = "headers of the safetensors files" if files.bytes_of else "sizes of the files"
        source += f", {fly} while reading: assumed" if fly else ""
        return MemoryNeed(arch, weights, source, estimated=False, dtype=dtype)
    if not arch.parameters:
        return None
    source = f"estimated: {arch.parameters / 1e9:.1f}e9 parameters of config.json, {dtype:g} bytes each"
    return MemoryNeed(arch, arch.parameters * dtype, source, estimated=True, dtype=dtype)


def with_manager(
    need: MemoryNeed, spec: LaunchSpec, installed: Installed, environ: Mapping[str, str], gpus: Sequence[LocalGpu] = ()
) -> MemoryNeed:
    """Return the need with the manager of its KV cache; see ``managed``."""
    found = managed(spec, need.arch, installed, environ, gpus)
    return replace(need, manager=found.manager, unknown=found.unknown)


def needed_length(spec: LaunchSpec, arch: Architecture) -> tuple[int, str]:
    """Tokens that one sequence may have, and where that comes from."""
    if spec.max_model_len:
        return spec.max_model_len, "--max-model-len"
    return arch.longest, "config.json: max_position_embeddings"


def check_length(spec: LaunchSpec, arch: Architecture | None) -> Check | None:
    """Check for a longer sequence than the model supports, which vLLM refuses once torch is imported; None if it
    fits.
    """
    scaled = any(word.startswith(_SCALES) for word in spec.extra)
    if arch is None or scaled or not 0 < arch.bound < spec.max_model_len or spec.env.get(_ANYWAY) == "1":
        return None
    what = f"--max-model-len {spec.max_model_len:,} is more than the {arch.bound:,} tokens of the model's config.json"
    return Check(
        "context",
        Verdict.BLOCK,
        what,
        f"--max-model-len {arch.bound}, or, at the cost of answer quality, --env {_ANYWAY}=1",
    )


def check_heads(spec: LaunchSpec, heads: int, most: int) -> Check | None:
    """Check that heads can be shared out evenly; None where they are. ``most``: the largest parallelism proposed."""
    if heads % spec.tensor_parallel_size == 0:
        return None
    possible = ", ".join(map(str, divisors(heads, most)))
    what = f"tensor parallel size {spec.tensor_parallel_size} does not divide the {heads} attention heads"
    return Check("parallelism", Verdict.BLOCK, what, f"possible: {possible}")


def check_gpus(spec: LaunchSpec, gpus: Sequence[LocalGpu], heads: int) -> Check:
    """Check that there are enough GPUs, and that the heads can be divided among them."""
    about = "GPUs"
    if (uneven := check_heads(spec, heads, max(8, len(gpus)))) is not None:
        return uneven
    if spec.gpus > len(gpus):
        what = f"it asks for {count(spec.gpus, 'GPU')}, and there {'is' if len(gpus) == 1 else 'are'} {len(gpus)}"
        return Check(about, Verdict.BLOCK, what, "lower tensor or pipeline parallelism")
    taken = ", ".join(f"{gpu.index} {gpu.name}" for gpu in gpus[: spec.gpus])
    return Check(about, Verdict.PASS, f"{spec.gpus} of {len(gpus)}: {taken}")


def check_on_gpus(
    need: MemoryNeed, spec: LaunchSpec, gpus: Sequence[LocalGpu], installed: Installed
) -> tuple[Check, CheckTable]:
    """Check the memory on GPUs. ``gpus``: the visible ones, in vLLM's order; at least as many as needed."""
    taken = gpus[: spec.gpus]
    smallest = min(taken, key=lambda gpu: gpu.memory_total)
    utilization = spec.gpu_memory_utilization or installed.utilization
    length, length_from = needed_length(spec, need.arch)
    each = need.sizes(spec)
    space = pool(smallest.memory_total, utilization, each)
    rows = [
        *_model_rows(need, each, spec),
        ("GPU memory", f"{gib(smallest.memory_total)}, {gib(min(g.memory_free for g in taken))} free", "NVML"),
        (
            "share for vLLM",
            f"{utilization:g}: {gib(smallest.memory_total * utilization)}",
            "--gpu-memory-utilization" if spec.gpu_memory_utilization else f"default of vLLM {installed.version}",
        ),
        ("overhead", gib(OVERHEAD), "assumed: CUDA context, activations, graphs"),
        *_pool_rows(need, each, space, length, length_from),
    ]
    verdict = _on_gpus(need, taken, each, utilization, length)
    if verdict.verdict is not Verdict.PASS and not need.unknown:
        fixes = _advice(need, spec, gpus, utilization, length)
        verdict = replace(verdict, fix="; ".join([part for part in (verdict.fix, *fixes) if part]))
    return verdict, CheckTable("memory, on each GPU", _HEAD, tuple(rows))


def _on_gpus(need: MemoryNeed, taken: Sequence[LocalGpu], each: Sizes, utilization: float, length: int) -> Check:
    for gpu in taken:
        wanted = gpu.memory_total * utilization
        if gpu.memory_free < wanted:
            who = ", ".join(f"pid {process.pid} with {gib(process.memory)}" for process in gpu.processes) or "others"
            what = f"GPU {gpu.index} has {gib(gpu.memory_free)} free, and vLLM needs {gib(wanted)}: {who}"
            return Check(ABOUT, Verdict.BLOCK, what, "end the processes on it")
    total = min(gpu.memory_total for gpu in taken)
    sure = Verdict.WARN if need.estimated else Verdict.BLOCK
    if each.weights + LEAST > total * utilization:
        what = f"the weights alone take {gib(each.weights)} of the {gib(total * utilization)} that vLLM may use"
        return Check(ABOUT, sure, what)
    space = pool(total, utilization, each)
    if need.unknown:
        return _not_known(need, each, space, length)
    best, usual = (each.groups.longest(room) for room in (pool(total, utilization, each, LEAST), space))
    if length and best < length:
        what = f"one sequence of {length:,} tokens does not fit: one of about {usual:,} does, {best:,} at best"
        return Check(ABOUT, sure, what)
    return _close(each, space, length)


def _not_known(need: MemoryNeed, each: Sizes, space: float, length: int) -> Check:
    """Check a model with an unknown KV cache layout: it only passes if it certainly fits."""
    if need.holds(each, space * (1 - HEADROOM), length):
        return Check(ABOUT, Verdict.PASS, "fits, even if every layer keeps every token")
    what = f"whether the KV cache fits is not known: {need.unknown}. {gib(max(0.0, space))} are left for it"
    return Check(ABOUT, Verdict.WARN, what, "vLLM reports it in its first minute: watch it load")


def _close(each: Sizes, space: float, length: int) -> Check:
    """Check a model that fits for certain, or nearly."""
    tokens = each.groups.tokens(space, length)
    if length and each.groups.needed(length) > space * (1 - HEADROOM):
        what = f"close: room for about {tokens:,} tokens, and one sequence may have {length:,}"
        return Check(ABOUT, Verdict.WARN, what)
    many = f", {count(tokens // length, 'sequence')} of {length:,}" if length else ""
    return Check(ABOUT, Verdict.PASS, f"fits: a KV cache of about {tokens:,} tokens{many}")


def _share_that_is_free(gpus: Sequence[LocalGpu]) -> float:
    """The ratio of their memory that vLLM may take of each of them now, in whole hundredths."""
    return min((floor(100 * gpu.memory_free / gpu.memory_total) / 100 for gpu in gpus if gpu.memory_total), default=1.0)


def check_on_cpu(
    need: MemoryNeed, spec: LaunchSpec, available: int, space: int, space_from: str
) -> tuple[Check, CheckTable]:
    """Check the memory on a CPU: ``available`` bytes of this machine's, of which ``space`` are for the KV cache."""
    length, length_from = needed_length(spec, need.arch)
    alone = replace(spec, tensor_parallel_size=1, pipeline_parallel_size=1)
    each = need.sizes(alone)
    rows = (
        *_model_rows(need, each, alone),
        ("memory available", gib(available), "this machine"),
        ("for the KV cache", gib(space), space_from),
        *_pool_rows(need, each, space, length, length_from),
    )
    table = CheckTable("memory, on the CPU", _HEAD, tuple(rows))
    if each.weights + space > available:
        what = f"{gib(each.weights)} of weights and {gib(space)} of KV cache, and {gib(available)} are available"
        fix = "a smaller model, or less: --env VLLM_CPU_KVCACHE_SPACE=GiB"
        return Check(ABOUT, Verdict.WARN if need.estimated else Verdict.BLOCK, what, fix), table
    if need.unknown:
        return _not_known(need, each, space, length), table
    if length and each.groups.needed(length) > space:
        longest = each.groups.longest(space, length)
        needed = gib(each.groups.needed(length))
        what = f"one sequence of {length:,} tokens needs {needed} of KV cache, and there are {gib(space)}"
        shorter = f"--max-model-len {longest // _BLOCK * _BLOCK}, or " if longest >= _BLOCK else ""
        fix = f"{shorter}--env VLLM_CPU_KVCACHE_SPACE={_space_for(each, length)}"
        return Check(ABOUT, Verdict.BLOCK, what, fix), table
    return _close(each, space, length), table


def space_on_cpu(need: MemoryNeed | None, spec: LaunchSpec, available: int) -> int:
    """Return bytes for the KV cache: what one long sequence needs, 4 GiB if possible, at most half of what is left."""
    weights = need.weights if need is not None else 0.0
    room = max(GIB, int((available - weights - 2 * GIB) / 2))
    wanted = 4 * GIB
    if need is not None:
        length, _ = needed_length(spec, need.arch)
        alone = replace(spec, tensor_parallel_size=1, pipeline_parallel_size=1)
        wanted = max(wanted, _space_for(need.sizes(alone), length) * GIB)
    return max(1, min(wanted, room) // GIB) * GIB


def _space_for(each: Sizes, length: int) -> int:
    """Return whole GiB for one sequence."""
    return ceil(each.groups.needed(max(1, length)) / GIB)


def _model_rows(need: MemoryNeed, each: Sizes, spec: LaunchSpec) -> list[tuple[str, str, str]]:
    arch, tp, pp = need.arch, spec.tensor_parallel_size, spec.pipeline_parallel_size
    rows = [("distributed over", f"TP {tp} x PP {pp}", "flags")] if tp * pp > 1 else []
    rows.append(("weights", gib(each.weights), need.weights_from))
    if need.unknown:
        return [*rows, ("KV cache per token", "not known", need.unknown)]
    kinds, groups = arch.attention, each.groups
    # Groups of other layers have the same size as that of full attention, so this is the size of a block.
    layers = round(groups.token_bytes / need.token_bytes(spec))
    if arch.latent:
        formula = f"{count(layers, 'layer')} x {arch.latent} latent (MLA)"
    else:
        formula = f"2 x {count(layers, 'layer')} x {max(1, -(-arch.kv_heads // tp))} KV heads x {arch.head_dim}"
    formula += f" x {kv_bytes(spec.kv_cache_dtype, need.dtype):g} bytes, config.json"
    rows.append(("KV cache per token", f"{groups.token_bytes / 1024:.1f} KiB", formula))
    for some, keeps, words in (
        (kinds.sliding, kinds.window, "sliding window"),
        (kinds.chunked, kinds.chunk, "chunks"),
    ):
        if not some:
            continue
        if groups.bounded:
            at_once = f"and the {need.manager.in_flight:,} that are computed at once"
            also = f"{count(some, 'layer')} of {keeps:,} tokens, {at_once}"
        else:
            also = f"{count(some, 'layer')} for every token: this vLLM does not separate them"
        rows.append((words, also, "config.json"))
    return rows


def _pool_rows(
    need: MemoryNeed, each: Sizes, space: float, length: int, length_from: str
) -> list[tuple[str, str, str]]:
    if need.unknown:
        rows = [("KV cache", gib(max(0.0, space)), "what is left")]
        return [*rows, ("longest sequence", f"{length:,} tokens", length_from)] if length else rows
    tokens = each.groups.tokens(space, length)
    rows = [("KV cache", f"{tokens:,} tokens", "what is left, as vLLM distributes it")]
    if length:
        rows.append(("longest sequence", f"{length:,} tokens", length_from))
        rows.append(("such sequences", f"{tokens / length:.1f} at once", "their ratio"))
    return rows


def _advice(need: MemoryNeed, spec: LaunchSpec, gpus: Sequence[LocalGpu], utilization: float, length: int) -> list[str]:
    """Return changes that would make it fit, each verified."""
    wanted = max(1, length)

    def room(tp: int = 0, kv: str = "", share: float = 0.0, weights: float = 0.0, of: Sequence[LocalGpu] = gpus) -> int:
        parallel = tp or spec.tensor_parallel_size
        taken = of[: parallel * spec.pipeline_parallel_size]
        each = need.sizes(spec, tp=tp, kv=kv, weights=weights)
        share = share or utilization
        if any(gpu.memory_free < gpu.memory_total * share for gpu in taken):
            return 0
        space = pool(min(gpu.memory_total for gpu in taken), share, each)
        longest = each.groups.longest(space)
        return longest if longest < wanted else max(wanted, each.groups.tokens(space, wanted))

    found = []
    if _BLOCK <= room() < wanted:
        found.append(f"--max-model-len {room() // _BLOCK * _BLOCK}")
    if (share := _share_that_is_free(gpus[: spec.gpus])) < utilization and (tokens := room(share=share)) >= _BLOCK:
        shorter = f" --max-model-len {tokens // _BLOCK * _BLOCK}" if tokens < wanted else ""
        found.append(f"--gpu-memory-utilization {share:g}{shorter} ({tokens:,} tokens)")
    if not spec.kv_cache_dtype.startswith("fp8") and (tokens := room(kv="fp8")) >= wanted:
        found.append(f"--kv-cache-dtype fp8 ({tokens:,} tokens)")
    larger = [tp for tp in divisors(need.arch.heads, len(gpus)) if tp > spec.tensor_parallel_size]
    for tp in larger:
        if tp * spec.pipeline_parallel_size <= len(gpus) and (tokens := room(tp=tp)) >= wanted:
            found.append(f"--tensor-parallel-size {tp} ({tokens:,} tokens)")
            break
    if not need.arch.quantization and not spec.quantization:
        tokens = room(weights=need.weights / need.dtype)
        if tokens >= wanted:
            found.append(f"--quantization fp8 ({tokens:,} tokens)")
    if utilization < _MOST and (tokens := room(share=_MOST)) >= wanted:
        found.append(f"--gpu-memory-utilization {_MOST} ({tokens:,} tokens)")
    freest = sorted(gpus, key=lambda gpu: -gpu.memory_free)
    if freest[: spec.gpus] != list(gpus[: spec.gpus]) and (tokens := room(of=freest)) >= wanted:
        chosen = ",".join(str(gpu.index) for gpu in freest[: spec.gpus])
        found.append(f"--env CUDA_VISIBLE_DEVICES={chosen} ({tokens:,} tokens)")
    return found
