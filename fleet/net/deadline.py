"""Connections on which the head of an answer must be complete in time.

A socket timeout applies between two bytes: a head that comes a byte at a time never hits it, and would hold its thread
indefinitely.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse


class _Plain(HTTPConnection):
    patience: float

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3 itself has it
        """Return the head of the answer. Raises what a broken connection raises, also if it took too long."""
        with _Until(self, self.patience):
            return super().getresponse()


class _Tls(HTTPSConnection):
    patience: float

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3 itself has it
        """The same over TLS."""
        with _Until(self, self.patience):
            return super().getresponse()


class _Until:
    """Closes the connection if the block takes longer than ``seconds``, and raises TimeoutError at its end."""

    def __init__(self, connection: HTTPConnection, seconds: float) -> None:
        self._connection = connection
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._over = False

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._over:
            # A truncated head may look complete.
            raise TimeoutError

    def _cut(self) -> None:
        self._over = True
        sock = self._connection.sock
        # It may have ended just now.
        with suppress(OSError):
            if sock is not None:
                sock.shutdown(socket.SHUT_RDWR)


def bound(manager: PoolManager, patience: float) -> None:
    """Require every answer on connections of this manager to have its head within ``patience`` seconds."""
    plain = type("_PlainUntil", (_Plain,), {"patience": patience})
    tls = type("_TlsUntil", (_Tls,), {"patience": patience})
    manager.pool_classes_by_scheme = {
        "http": type("_PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("_TlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
    }
