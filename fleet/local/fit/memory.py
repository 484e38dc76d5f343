"""The memory that a model needs, and the number of tokens that its KV cache will hold.

KV per token and layer = 2 · KV heads · head dimension · bytes, with max(1, ⌈KV heads / TP⌉) heads on each GPU: if TP
exceeds the KV heads, they are replicated. MLA keeps (kv_lora_rank + qk_rope_head_dim) · bytes, on every GPU. Layers and
the tokens that they keep: fleet/local/fit/kv_cache_groups.py. vLLM's pool per GPU = utilisation · total − weights −
overhead. (vLLM, "Optimization and tuning"; kv_cache_utils.py.)
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Final

from fleet.dataclass import dataclass
from fleet.local.fit.architecture import BYTES, Architecture
from fleet.local.fit.kv_cache_groups import USUAL, KvCacheGroups, Manager, groups_of

GIB: Final = 1 << 30
OVERHEAD: Final = 3 * GIB
"""Bytes per GPU for CUDA's context, activations and graphs: 2 to 4 GB are usual."""
LEAST: Final = GIB
"""Smallest overhead in bytes: a model that does not fit with it certainly does not fit."""
HEADROOM: Final = 0.15
"""Ratio of the pool that should stay free: 10 to 20 % are advised."""
_FLY: Final = {"fp8": 1.0, "bitsandbytes": 0.55, "experts_int8": 1.0, "ptpc_fp8": 1.0, "int8": 1.0, "torchao": 1.0}
"""Bytes per parameter for methods that quantise while loading, scales included."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The needs of a model on one GPU."""

    weights: float
    """Bytes."""
    groups: KvCacheGroups
    """Groups of its KV cache; an upper bound, or of no use, where the architecture's attention is not known."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The parallelism and sizes that it is to be served with."""

    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    kv_bytes: float = 2.0
    """Bytes of one number of the KV cache."""
    manager: Manager = USUAL
    """The manager of its KV cache."""


def kv_bytes(kv_cache_dtype: str, dtype: float) -> float:
    """Bytes of one number: of ``--kv-cache-dtype``, ``auto`` being that of the model."""
    if kv_cache_dtype.startswith(("fp8", "int8")):
        return 1.0
    return BYTES.get(kv_cache_dtype, dtype)


def weight_bytes(bytes_of: Mapping[str, int], size: int, quantization: str, dtype: float) -> float:
    """Bytes of all weights in memory: float tensors are cast to the dtype, or quantised while they are read."""
    plain = {"F32": 4.0, "BF16": 2.0, "F16": 2.0, "F64": 8.0}
    if not bytes_of:
        return float(size)
    target = _FLY.get(quantization, dtype)
    return sum(count * target / plain[kind] if kind in plain else count for kind, count in bytes_of.items())


def sizes(arch: Architecture, weights: float, shape: Shape) -> Sizes:
    """Return what each GPU must hold; ``weights`` in bytes of the whole model."""
    heads = max(1, ceil(arch.kv_heads / shape.tensor_parallel))
    per_layer = arch.latent or 2 * heads * arch.head_dim
    return Sizes(
        weights / (shape.tensor_parallel * shape.pipeline_parallel),
        groups_of(arch.attention, per_layer * shape.kv_bytes, shape.pipeline_parallel, shape.manager),
    )


def pool(total: float, utilization: float, needed: Sizes, overhead: float = OVERHEAD) -> float:
    """Bytes of the KV cache on one GPU."""
    return total * utilization - needed.weights - overhead


def divisors(heads: int, most: int) -> list[int]:
    """The tensor-parallel sizes that divide the attention heads, up to ``most``."""
    return [size for size in range(1, most + 1) if heads % size == 0]


def gib(value: float) -> str:
    """``13.4 GiB``."""
    return f"{value / GIB:.1f} GiB" if value >= GIB / 10 else f"{value / (1 << 20):.0f} MiB"
