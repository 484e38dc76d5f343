"""The head: sequence number and digest of the last record, in a file beside the log.

A chain alone cannot show that its last lines were cut off. The head can, unless it was changed along with them: it
reveals an accident or a careless edit, and proves nothing against someone who may write both files.
"""

from __future__ import annotations

import json

from actions.audit.line import GENESIS, canonical, digest
from fleet.dataclass import dataclass

SCHEMA = "quarterdeck/audit-head/v1"


@dataclass(frozen=True, slots=True)
class Head:
    """``digest`` is the SHA-256 of the exact bytes of line ``seq`` of the log."""

    seq: int = 0
    digest: str = GENESIS

    def to_bytes(self) -> bytes:
        """The content of the file."""
        fields = {"schema": SCHEMA, "seq": self.seq, "digest": self.digest}
        return canonical({**fields, "hash": digest(canonical(fields))}) + b"\n"


def parse_head(data: bytes) -> Head | None:
    """Return the head in a file's content; None unless it is exactly as written."""
    try:
        document = json.loads(data)
        head = Head(int(document["seq"]), str(document["digest"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return head if head.to_bytes() == data else None
