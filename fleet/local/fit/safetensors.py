"""The header of a safetensors file: its contents, and the expected file length.

Format: 8 bytes, the length N of the header (little-endian), N bytes of JSON (name → dtype, shape, data_offsets), data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson

from fleet.dataclass import dataclass

LARGEST: Final = 100 << 20
"""Largest header in bytes: the limit of the format's own readers."""


@dataclass(frozen=True, slots=True)
class SafetensorsHeader:
    """The header of a safetensors file."""

    bytes_of: Mapping[str, int]
    """dtype (``BF16``, ``F8_E4M3`` …) → bytes of its tensors."""
    expected: int
    """Bytes that the file must have."""
    size: int
    """Bytes that it has."""

    @property
    def whole(self) -> bool:
        """True if the file is not truncated."""
        return self.size >= self.expected


def read_header(path: Path) -> SafetensorsHeader:
    """Return the header. Raises ValueError if it is truncated or the file is not a safetensors file; OSError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= LARGEST:
            raise ValueError("it is not a safetensors file, or its beginning is damaged")
        raw = file.read(length)
    if len(raw) < length:
        raise ValueError(f"it is truncated in its header: it has {size:,} bytes")
    document = orjson.loads(raw)
    if not isinstance(document, dict):
        raise ValueError("its header is not a JSON object")  # noqa: TRY004 - of the file, not of an argument
    found: Counter[str] = Counter()
    end = 0
    for name, tensor in document.items():
        if name == "__metadata__":
            continue
        try:
            first, last = tensor["data_offsets"]
            found[str(tensor["dtype"])] += int(last) - int(first)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"its header does not say where {name} is") from error
        end = max(end, int(last))
    return SafetensorsHeader(dict(found), 8 + length + end, size)
