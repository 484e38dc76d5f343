"""The layout of vLLM's KV cache: groups of layers that take their blocks from one pool.

Layers of one kind are one group. With several kinds, each is split into groups of equally many layers (the fewest of
any kind; the most, if that is less than 1.5 times as many), so that all blocks have the same size. A sequence takes
blocks in each group: for all its tokens with full attention, for its window plus the tokens computed at once with a
sliding window. (vLLM, v1/core/kv_cache_utils.py: get_kv_cache_groups, _get_kv_cache_groups_uniform_page_size;
v1/kv_cache_interface.py: max_admission_blocks_per_request.)
"""

from __future__ import annotations

from math import ceil
from typing import Final

from fleet.dataclass import dataclass
from fleet.local.fit.attention import Attention

_PADDED: Final = 1.5
"""Ratio of the most layers of a kind to the fewest below which groups are as large as the most."""
_LONGEST: Final = 1 << 40
"""Tokens: longer than any sequence."""


@dataclass(frozen=True, slots=True)
class Manager:
    """The KV cache manager of a vLLM."""

    hybrid: bool = True
    """True if it separates kinds of layers; otherwise each layer gets the room of a full one."""
    block: int = 16
    """Tokens of a block."""
    in_flight: int = 2048
    """Tokens that may be computed and not yet be settled: of all batches that are under way at once."""
    spare: int = 1
    """Blocks that no sequence may use: the null block."""


USUAL: Final = Manager()


@dataclass(frozen=True, slots=True)
class KvCacheGroups:
    """The KV cache on one GPU."""

    block_bytes: float
    """Bytes of one block."""
    block: int
    spare: int
    full: int = 0
    """Groups of layers that keep every token."""
    bounded: tuple[tuple[int, int, int], ...] = ()
    """Bounded groups: their number, the most tokens that a sequence keeps in them, and extra blocks."""

    @property
    def token_bytes(self) -> float:
        """Bytes that each further token of a sequence takes, for as long as it is kept."""
        groups = self.full or sum(groups for groups, _, _ in self.bounded)
        return self.block_bytes * groups / self.block

    def blocks(self, length: int) -> int:
        """Blocks of one sequence of ``length`` tokens."""
        found = self.full * ceil(length / self.block)
        for groups, most, beyond in self.bounded:
            found += groups * (ceil(min(length, most) / self.block) + beyond)
        return found

    def needed(self, length: int) -> float:
        """Bytes without which vLLM refuses to start with sequences of ``length`` tokens."""
        return self.block_bytes * (self.blocks(length) + self.spare)

    def tokens(self, pool: float, length: int) -> int:
        """Return the tokens that a pool of ``pool`` bytes holds in sequences of ``length``: the number in vLLM's
        log.
        """
        blocks = int(pool // self.block_bytes) if pool > 0 and self.block_bytes > 0 else 0
        length = length or self.block
        return int(blocks / self.blocks(length) * length)

    def longest(self, pool: float, most: int = _LONGEST) -> int:
        """Tokens of the longest sequence for which vLLM would start, up to ``most``; 0 for none."""
        if self.block_bytes <= 0 or self.needed(1) > pool:
            return 0
        if self.needed(most) <= pool:
            return most
        fits, too_long = 1, most
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            fits, too_long = (middle, too_long) if self.needed(middle) <= pool else (fits, middle)
        return fits


def groups_of(attention: Attention, token_bytes: float, pipeline: int, manager: Manager) -> KvCacheGroups:
    """``token_bytes``: of one token in one layer, on one GPU. ``pipeline``: GPUs among which the layers are shared."""
    kinds = _kinds(attention, manager)
    counts = [layers for layers, _, _ in kinds]
    size = min(counts)
    if max(counts) < size * _PADDED:
        size = max(counts)
    shared = [(ceil(layers / size), most, beyond) for layers, most, beyond in kinds]
    return KvCacheGroups(
        block_bytes=ceil(size / pipeline) * token_bytes * manager.block,
        block=manager.block,
        spare=manager.spare,
        full=sum(groups for groups, most, _ in shared if not most),
        bounded=tuple(each for each in shared if each[1]),
    )


def _kinds(attention: Attention, manager: Manager) -> list[tuple[int, int, int]]:
    """Return, for each kind, its layers, the most tokens that they keep (0: all), and extra blocks."""
    kinds = [
        (attention.full, 0, 0),
        # A window need not start at a block boundary.
        (attention.sliding, attention.window - 1 + manager.in_flight, 1),
        (attention.chunked, attention.chunk + manager.in_flight, 0),
    ]
    kinds = [kind for kind in kinds if kind[0]]
    # Layers that are all of one kind are left as they are.
    return kinds if manager.hybrid or len(kinds) == 1 else [(attention.layers, 0, 0)]
