"""The process of a credential plugin, which ends with all that it started.

It leads a process group of its own, away from the terminal. What it says is complete when it ends: a child that it
leaves behind may hold the pipe for ever.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

AFTERWARDS = 0.5
"""Seconds for what is still in the pipes once the plugin has ended, if somebody else holds them open."""
KILLED = 5.0
"""Seconds until a process that was killed has ended: all but one that hangs inside the kernel needs none of them."""
OUTPUT_LIMIT = 1 << 20
"""Bytes that are kept of each of its streams: an ExecCredential with certificates has a few thousand."""


class PluginResult(NamedTuple):
    """The end of a plugin, and its output."""

    code: int
    output: bytes
    talk: bytes


async def run_to_end(command: str, arguments: Sequence[str], env: Mapping[str, str], seconds: float) -> PluginResult:
    """Run it without stdin. Raises OSError where it cannot be started, TimeoutError where it takes longer.

    Whatever ends the wait, its process group is gone then, unless it ended well and let go of the pipes.
    """
    loop = asyncio.get_running_loop()
    transport, listener = await loop.subprocess_exec(
        _Listener, command, *arguments, env=dict(env), stdin=asyncio.subprocess.DEVNULL, start_new_session=True
    )
    pid = transport.get_pid()
    try:
        async with asyncio.timeout(seconds):
            await listener.exited.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(AFTERWARDS):
                await listener.silent.wait()
        code = transport.get_returncode()
        return PluginResult(-1 if code is None else code, bytes(listener.said[1]), bytes(listener.said[2]))
    finally:
        if not listener.exited.is_set() or not listener.silent.is_set():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        try:
            # Whoever leaves first leaves a process that nobody waits for.
            with suppress(TimeoutError):
                async with asyncio.timeout(KILLED):
                    await listener.exited.wait()
        finally:
            transport.close()


class _Listener(asyncio.SubprocessProtocol):
    """Keeps what the process says, and notes its end and that of its pipes apart from each other."""

    def __init__(self) -> None:
        self.exited = asyncio.Event()
        self.silent = asyncio.Event()
        """Set when nobody can write into its pipes any more."""
        self.said = {1: bytearray(), 2: bytearray()}
        self._open = {1, 2}

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Keep it, up to the limit; the rest is read and dropped, so that the plugin does not wait for us."""
        self.said[fd] += data[: OUTPUT_LIMIT - len(self.said[fd])]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """One of the pipes is closed on the other side."""
        del exc
        self._open.discard(fd)
        if not self._open:
            self.silent.set()

    def process_exited(self) -> None:
        """The plugin itself has ended."""
        self.exited.set()
