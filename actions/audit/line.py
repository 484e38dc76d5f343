"""One line of the log: a record as canonical JSON, its own hash, and the hash of the previous line.

Canonical is the output of ``json.dumps(record, sort_keys=True, separators=(",", ":"))``: keys sorted, no blanks, ASCII.
So a line is plain ASCII whatever a name or an error contains, and each record has exactly one form: a line that differs
by a byte from the canonical form of its values was edited.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from fleet.dataclass import dataclass

SCHEMA: Final = "quarterdeck/audit/v1"
GENESIS: Final = "0" * 64
"""``prev`` of the first line of a log."""
FIRST_BYTES: Final = b'{"action":"'
"""First bytes of every line: ``action`` is the first of the keys. Distinguishes a truncated write from other bytes."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line. ``digest`` is the SHA-256 of its exact bytes without the line break: ``prev`` of the next one."""

    seq: int
    """1 for the first line of the log; one more from line to line, over all files."""
    event: str
    action: str
    """Id of the action that it belongs to; empty for the log's own records."""
    at: float
    """Unix time."""
    who: Mapping[str, Any]
    process: Mapping[str, Any]
    content: Mapping[str, Any]
    prev: str
    hash: str
    """SHA-256 of the canonical bytes of all other fields."""
    digest: str


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return the canonical form of a document. Raises ValueError for values without a JSON form (NaN, infinity)."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def seal(document: Mapping[str, Any]) -> bytes:
    """The line of a record that has no ``hash`` yet, without the line break."""
    return canonical({**document, "hash": digest(canonical(document))})


_LARGEST: Final = (1 << 63) - 1
_DECODER: Final = json.JSONDecoder()
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "schema": (str,),
    "seq": (int,),
    "event": (str,),
    "action": (str,),
    "at": (int, float),
    "time": (str,),
    "who": (dict,),
    "process": (dict,),
    "content": (dict,),
    "prev": (str,),
    "hash": (str,),
}


def parse(line: bytes) -> Record | None:
    """Return the record of a line (without its line break); None unless it is exactly as written."""
    document = _document(line)
    if document is None:
        return None
    unsealed = {name: value for name, value in document.items() if name != "hash"}
    if canonical(document) != line or digest(canonical(unsealed)) != document["hash"]:
        return None
    return _record(document, line)


def legible(line: bytes) -> Record | None:
    """Return the record of a line even if its hash does not fit: to show an edited log. None where it is no record."""
    document = _document(line)
    return None if document is None else _record(document, line)


def _document(line: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(line, parse_int=_integer)
        if not isinstance(document, dict) or document.keys() != _TYPES.keys() or document["schema"] != SCHEMA:
            return None
        canonical(document)
    except (ValueError, RecursionError):
        return None
    fits = all(isinstance(document[name], types) for name, types in _TYPES.items())
    return document if fits and not isinstance(document["seq"], bool) else None


def _integer(text: str) -> int:
    """Parse an integer. Raises ValueError outside of 64 bits: no version writes one, and no number or time is made of
    it.
    """
    number = int(text)
    if not -_LARGEST <= number <= _LARGEST:
        raise ValueError("an integer of more than 64 bits")
    return number


def _record(document: Mapping[str, Any], line: bytes) -> Record:
    return Record(
        seq=document["seq"],
        event=document["event"],
        action=document["action"],
        at=float(document["at"]),
        who=document["who"],
        process=document["process"],
        content=document["content"],
        prev=document["prev"],
        hash=document["hash"],
        digest=digest(line),
    )


def looks_torn(line: bytes) -> bool:
    """True if bytes are the truncated write of a record: its beginning, but not all of it."""
    if not line.startswith(FIRST_BYTES):
        return FIRST_BYTES.startswith(line)
    try:
        _DECODER.raw_decode(line.decode("ascii"))
    except ValueError:
        return True
    return False
