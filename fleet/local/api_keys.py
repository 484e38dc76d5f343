"""The API key of a server, for a request that is about to be sent."""

from __future__ import annotations

from fleet.local.errors import LocalError
from fleet.local.process import listens
from fleet.local.record import ServerRecord


def key_for(record: ServerRecord) -> str:
    """Return the key to send now; empty if the server requires none. Blocks.

    Raises LocalError if it cannot be read, or if the server's own processes do not listen at its port: a foreign
    process there must not get it.
    """
    if not record.keyed:
        return ""
    try:
        key = record.key
    except OSError as error:
        raise LocalError(f"the API key of {record.name} cannot be read: {error.strerror or error}") from error
    if not listens(record.identity, record.spec.port):
        what = f"{record.name} does not answer: it does not accept connections at {record.spec.url}"
        raise LocalError(what, "Is it still loading, or has it ended?")
    return key
