"""SHA-256 of weights, checked where a checksum is stated."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final

import orjson

CHUNK: Final = 8 << 20
_AT_ONCE: Final = 8
"""Chunks between two points at which reading can be cancelled: some 0.1 s of a fast disk."""
_MANIFESTS: Final = ("SHA256SUMS", "SHA256SUMS.txt", "sha256sums.txt", "checksums.txt", "checksums.sha256")
_LINE: Final = re.compile(r"^([0-9a-fA-F]{64})[ \t]+\*?(?:\./)?(.+?)\s*$")
_BLOB: Final = re.compile(r"^[0-9a-f]{64}$")


def stated_checksums(weights: Iterable[Path]) -> dict[Path, str]:
    """Return file → stated checksum, from a manifest beside it or from the Hugging Face cache, which names blobs by
    checksum.
    """
    found: dict[Path, str] = {}
    manifests: dict[Path, Mapping[str, str]] = {}
    for path in weights:
        lines = manifests.setdefault(path.parent, _manifest(path.parent))
        own = _lines(path.with_name(f"{path.name}.sha256"))
        digest = lines.get(path.name) or own.get(path.name) or next(iter(own.values()), "")
        target = path.resolve()
        if not digest and target.parent.name == "blobs" and _BLOB.match(target.name):
            digest = target.name
        if digest:
            found[path] = digest.lower()
    return found


class Verified:
    """Files that were read and found right before: one is read again only when it has changed. Kept in ``file``."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, str] = {}
        with suppress(OSError, ValueError, TypeError):
            self._known = dict(orjson.loads(file.read_bytes()))

    def knows(self, path: Path, digest: str) -> bool:
        """True if the file, in its current state, was read and has this checksum."""
        return self._known.get(_identity(path)) == digest

    async def check(self, path: Path, digest: str, progress: Callable[[int], None] = lambda _: None) -> bool:
        """Read the file and compare its checksum. ``progress`` is called with the bytes read. Raises OSError.

        Large files take minutes: the caller may cancel, which takes effect at once.
        """
        summed = sha256()
        with path.open("rb") as file:
            while size := await asyncio.to_thread(_add, file, summed):
                progress(size)
        right = summed.hexdigest() == digest
        if right:
            self._known[_identity(path)] = digest
            # Without it the next start reads the file again, which must not prevent this one.
            with suppress(OSError):
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._file.write_bytes(orjson.dumps(self._known))
        return right


def _add(file: IO[bytes], summed: Any) -> int:
    """Add the next chunks to a checksum; how many bytes they had."""
    size = 0
    for _ in range(_AT_ONCE):
        chunk = file.read(CHUNK)
        summed.update(chunk)
        size += len(chunk)
    return size


def _identity(path: Path) -> str:
    status = path.stat()
    return f"{path.resolve()}:{status.st_size}:{status.st_mtime_ns}"


def _manifest(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _MANIFESTS:
        found |= _lines(folder / name)
    return found


def _lines(file: Path) -> dict[str, str]:
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return {}
    matches = (_LINE.match(line) for line in text.splitlines())
    found = {match[2]: match[1] for match in matches if match is not None}
    bare = text.strip()
    return found or ({file.name.removesuffix(".sha256"): bare} if _BLOB.match(bare.lower()) else {})
