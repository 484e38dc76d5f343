"""The process of a credential plugin, which ends with everything that it started.

It leads its own process group, detached from the terminal. Its output is complete when it ends: a child that outlives
it may hold the pipe for ever.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

AFTERWARDS = 0.5
"""Seconds allowed for the rest of the output after the plugin has ended, if another process holds the pipes open."""
KILLED = 5.0
"""Seconds allowed for a killed process to end: only one that hangs inside the kernel needs them."""
OUTPUT_LIMIT = 1 << 20
"""Bytes that are kept of each of its streams: an ExecCredential with certificates has a few thousand."""


class PluginResult(NamedTuple):
    """Exit code and output of a plugin."""

    code: int
    stdout: bytes
    stderr: bytes


async def run_to_end(command: str, arguments: Sequence[str], env: Mapping[str, str], seconds: float) -> PluginResult:
    """Run it without stdin. Raises OSError if it cannot be started, TimeoutError if it takes longer.

    However the wait ends, its process group is then killed, unless it ended normally and closed the pipes.
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
        return PluginResult(-1 if code is None else code, bytes(listener.output[1]), bytes(listener.output[2]))
    finally:
        if not listener.exited.is_set() or not listener.silent.is_set():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        try:
            # Leaving early would leave a zombie process.
            with suppress(TimeoutError):
                async with asyncio.timeout(KILLED):
                    await listener.exited.wait()
        finally:
            transport.close()


class _Listener(asyncio.SubprocessProtocol):
    """Collects the output of the process, and tracks its end separately from that of its pipes."""

    def __init__(self) -> None:
        self.exited = asyncio.Event()
        self.silent = asyncio.Event()
        """Set once no process can write into its pipes."""
        self.output = {1: bytearray(), 2: bytearray()}
        self._open = {1, 2}

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Keep it, up to the limit; the rest is read and dropped, so that the plugin does not wait for us."""
        self.output[fd] += data[: OUTPUT_LIMIT - len(self.output[fd])]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """One of the pipes is closed on the other side."""
        del exc
        self._open.discard(fd)
        if not self._open:
            self.silent.set()

    def process_exited(self) -> None:
        """The plugin itself has ended."""
        self.exited.set()
