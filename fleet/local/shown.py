"""The API key of a node, for whoever is about to send it."""

from __future__ import annotations

from fleet.local.errors import LocalError
from fleet.local.process import listens
from fleet.local.record import NodeRecord


def key_for(record: NodeRecord) -> str:
    """The key to send now; empty where the node asks for none. Blocks.

    Raises LocalError where it cannot be read, and where the node's own processes do not listen at its port: whoever
    listens there instead must not get it.
    """
    if not record.keyed:
        return ""
    try:
        key = record.key
    except OSError as error:
        raise LocalError(f"the API key of {record.name} cannot be read: {error.strerror or error}") from error
    if not listens(record.identity, record.spec.port):
        what = f"{record.name} does not answer: it does not take connections at {record.spec.url}"
        raise LocalError(what, "Is it still loading, or has it ended?")
    return key
