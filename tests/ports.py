"""Ports on loopback."""

from __future__ import annotations

import os
import secrets
import socket

FIRST, LAST = 26_000, 32_000
"""Range below the ports that a system hands out by itself (Linux from 32768, macOS from 49152): nobody gets one of
these by chance between the check and the use.
"""


def _own() -> range:
    """Return the ports of this process: with several workers, none takes a port that another has found and not yet
    used.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    each = (LAST - FIRST) // workers
    return range(FIRST + number * each, FIRST + (number + 1) * each)


def free_port() -> int:
    """Return a port without a listener at this moment. Raises OSError if there is none."""
    own = _own()
    start = secrets.randbelow(len(own))
    for number in range(len(own)):
        port = own[(start + number) % len(own)]
        with socket.socket() as probe:
            # As a server binds it: connections of a former one may linger.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no port from {own.start} to {own.stop} is free")
