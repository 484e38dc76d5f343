"""The API key of a server, for whoever is about to send it."""

from __future__ import annotations

from fleet.local.errors import LocalError
from fleet.local.process import listens
from fleet.local.record import ServerRecord


def key_for(record: ServerRecord) -> str:
    """The key to send now; empty where the server asks for none. Blocks.

    Raises LocalError where it cannot be read, and where the server's own processes do not listen at its port: whoever
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
