"""Bodies of answers, bounded: the limit applies after decompression, to any server and any encoding.

A body may come with a length or without, in chunks, compressed a thousandfold, or without an end. It is read from the
wire as it comes, inflated a piece at a time, and abandoned as soon as it exceeds the limit. Only gzip and deflate are
read, each once: other encodings were not requested.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Final

from fleet.dataclass import dataclass
from fleet.explained_error import ExplainedError

MIB: Final = 2**20
PIECE: Final = 256 * 1024
"""Bytes that are inflated at once."""
_MEMBERS: Final = 1000
"""Largest number of members in a gzip body: real ones have one, and each costs a check of the next header."""


class BodyError(ExplainedError):
    """A body that is not read any further; the text says why, and follows the name of the server."""


class TooLargeError(BodyError):
    """Raised when a body is larger than its limit."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Largest size of a body in bytes after decompression, and the name of the setting for it."""

    bytes: int
    setting: str

    def exceeded(self) -> TooLargeError:
        """The error for a body beyond it."""
        size = f"{self.bytes / MIB:g} MiB"
        return TooLargeError(
            f"answers more than {size} (the limit {self.setting}), so it was not read to its end",
            f"if that is really what it answers, raise {self.setting} in the configuration (MiB)",
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of all requests."""

    scrape: Limit = Limit(64 * MIB, "limits.scrape")
    """One page of /metrics; pages of 22 MB exist."""
    prometheus: Limit = Limit(256 * MIB, "limits.prometheus")
    """The answer to one query; the buckets of every engine of 5,000 pods are about 75 MB."""
    kubernetes_list: Limit = Limit(64 * MIB, "limits.kubernetes_list")
    """One page of a list."""
    other: Limit = Limit(4 * MIB, "limits.other")
    """Anything else: one object, one event of a watch, an engine's list of models."""
    alerts: Limit = Limit(32 * MIB, "limits.alerts")
    """All alerts or all rules at once; a thousand alerts with their annotations are about 2 MB."""


_limits = Limits()


def limits() -> Limits:
    """Return the limits of this process."""
    return _limits


def use(chosen: Limits) -> None:
    """The limits of this process from now on: called once, when the settings are known."""
    global _limits
    _limits = chosen


class Inflating:
    """Decodes a Content-Encoding as it comes. Raises BodyError for one that is not known."""

    def __init__(self, encoding: str) -> None:
        named = [name for part in encoding.lower().split(",") if (name := part.strip()) not in ("", "identity")]
        if len(named) > 1 or (named and named[0] not in ("gzip", "x-gzip", "deflate")):
            raise BodyError(
                f"answers in the encoding {encoding[:40]!r}, which was not asked for",
                "check what is in between: a proxy may compress what it should not",
            )
        self.kind = named[0].removeprefix("x-") if named else ""
        """gzip or deflate; empty for an unencoded body."""
        self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS) if self.kind == "gzip" else None
        self._members = 1
        self._begun = False

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """Yield the decoded bytes, in pieces of at most PIECE bytes. Raises BodyError for an invalid encoding."""
        if not self.kind:
            if raw:
                yield raw
            return
        if raw and self._inflate is None:
            # RFC 9110 defines deflate as zlib's format; some servers send the raw stream.
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS if raw[0] & 0x0F == 8 else -zlib.MAX_WBITS)
        while raw and self._inflate is not None:
            self._begun = True
            if self._inflate.eof:
                self._next_member()
            try:
                piece = self._inflate.decompress(raw, PIECE)
            except zlib.error as error:
                raise BodyError(f"answers what is no {self.kind}") from error
            if piece:
                yield piece
            raw = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail

    def finish(self) -> None:
        """Check the end of the body. Raises BodyError where the encoding is not at its end."""
        if self._begun and self._inflate is not None and not self._inflate.eof:
            raise BodyError("its answer broke off in the middle")

    def _next_member(self) -> None:
        self._members += 1
        if self.kind != "gzip" or self._members > _MEMBERS:
            raise BodyError(f"answers what is no {self.kind}")
        self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)


class Body:
    """A body that is kept until it is whole, or exceeds its limit."""

    def __init__(self, encoding: str, limit: Limit) -> None:
        self._inflating = Inflating(encoding)
        self._limit = limit
        self._first = b""
        """All of it while it has come in one piece, as most bodies do: that is not copied."""
        self._kept: BytesIO | None = None
        """All of it, from the second piece on."""
        self._size = 0

    @property
    def encoded(self) -> bool:
        """True if the encoding itself marks the end of the body."""
        return bool(self._inflating.kind)

    def add(self, raw: bytes) -> None:
        """Add bytes from the wire. Raises TooLargeError and BodyError."""
        for piece in self._inflating.feed(raw):
            self._size += len(piece)
            if self._size > self._limit.bytes:
                self._first, self._kept = b"", None
                raise self._limit.exceeded()
            if self._kept is None and not self._first:
                self._first = piece
                continue
            if self._kept is None:
                self._kept = BytesIO()
                self._kept.write(self._first)
                self._first = b""
            self._kept.write(piece)

    def whole(self) -> bytes:
        """The body, decoded. Raises BodyError where it broke off."""
        self._inflating.finish()
        # Shared with the buffer, not copied.
        return self._first if self._kept is None else self._kept.getvalue()
