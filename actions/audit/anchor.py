"""Anchors: one line that records the state of a log, to be kept out of reach of the log's writer.

Chain and head can be rewritten together, or both be rolled back. A digest kept elsewhere (in an Event of the cluster, a
terminal's scrollback, a ticket) reveals that: the log must still have the record with that digest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from actions.audit.head import Head, parse_head
from actions.audit.line import digest, parse
from actions.audit.reading import LogSnapshot, lines
from fleet.dataclass import dataclass

LABEL: Final = "audit log at"
"""Text before an anchor in a message."""
_ANCHOR: Final = re.compile(r"(?<![\w:])(?P<seq>\d{1,18}):(?P<digest>[0-9a-f]{64})(?![0-9a-f])")
_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}")
_LARGEST: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Anchor:
    """``digest``: SHA-256 of the line of a record. ``seq``: its number, 0 where only the digest is known."""

    digest: str
    seq: int = 0

    def __str__(self) -> str:
        return f"{self.seq}:{self.digest}" if self.seq else self.digest


@dataclass(frozen=True, slots=True)
class Anchored:
    """An anchor, and the log that has its record; None where none has."""

    anchor: Anchor
    place: Path | None


def anchor_of(head: Head) -> str:
    """Return the anchor as it is written into Events, on stderr, into ``--json``: ``12:3fa8…``."""
    return f"{head.seq}:{head.digest}"


def read_anchors(given: str) -> tuple[Anchor, ...]:
    """Read ``--anchor``: a digest, one with its number, or a file with any of these in it (Events, a log, head.json).

    Raises ValueError where there is none, and OSError where a file cannot be read.
    """
    text = given.strip()
    if _DIGEST.fullmatch(text):
        return (Anchor(text.lower()),)
    if _ANCHOR.fullmatch(text):
        return _anchors_in(text)
    with Path(given).open("rb") as file:
        data = file.read(_LARGEST)
    head = parse_head(data)
    if head is not None:
        return (Anchor(head.digest, head.seq),)
    text = data.decode("utf-8", "replace")
    found = _anchors_in(text) or tuple(Anchor(line.strip().lower()) for line in text.splitlines() if _is_digest(line))
    if not found:
        raise ValueError(f"{given}: it contains no digest of an audit log (12:3fa8…, or 64 hexadecimal digits)")
    return found


def _anchors_in(text: str) -> tuple[Anchor, ...]:
    return tuple(dict.fromkeys(Anchor(match["digest"], int(match["seq"])) for match in _ANCHOR.finditer(text)))


def _is_digest(line: str) -> bool:
    return _DIGEST.fullmatch(line.strip()) is not None


def find_anchors(anchors: Sequence[Anchor], looks: Iterable[tuple[Path, LogSnapshot]]) -> tuple[Anchored, ...]:
    """Return, for each anchor, the log that has its record. Raises OSError."""
    wanted = {anchor.digest for anchor in anchors}
    places: dict[str, tuple[int, Path | None]] = {}
    for place, look in looks:
        for line in lines(look):
            sealed = digest(line.data)
            if sealed in wanted and (record := parse(line.data)) is not None:
                places.setdefault(sealed, (record.seq, place))
    found = []
    for anchor in anchors:
        seq, there = places.get(anchor.digest, (0, None))
        found.append(Anchored(anchor, there if anchor.seq in {0, seq} else None))
    return tuple(found)


def anchors_json(anchored: Sequence[Anchored]) -> list[dict[str, object]]:
    """Return the JSON of ``verify --json``."""
    return [
        {
            "anchor": str(one.anchor),
            "contained": one.place is not None,
            "log": str(one.place) if one.place is not None else None,
        }
        for one in anchored
    ]
