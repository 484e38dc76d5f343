"""Ports on loopback."""

from __future__ import annotations

import secrets
import socket

FIRST, LAST = 26_000, 32_000
"""Below those that a system hands out to whoever asks for any (Linux from 32768, macOS from 49152): of these, nobody
gets one by chance between the look and the use."""


def free_port() -> int:
    """A port that nobody listens on, at this moment. Raises OSError where there is none."""
    start = secrets.randbelow(LAST - FIRST)
    for number in range(LAST - FIRST):
        port = FIRST + (start + number) % (LAST - FIRST)
        with socket.socket() as probe:
            # As a server takes it: connections of one that has ended may linger there.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no port from {FIRST} to {LAST} is free")
