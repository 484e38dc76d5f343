"""A session: one read-only process of this console, displayed in a browser."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from json import loads
from typing import Final

from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

_SESSION: Final = (sys.executable, "-P", "-m", "console.cli.web.session")
_ENDING: Final = 5.0
"""Seconds for a console to end by itself after its browser has disconnected."""
_TERMINAL: Final = {
    "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
    "TERM": "xterm-256color",
    "COLORTERM": "truecolor",
    "PYTHONIOENCODING": "utf-8",
}
"""The terminal environment of a browser, whatever terminal the server was started in."""


class Child(AppService):
    """The session of one browser. ``flags`` are those of the console."""

    def __init__(
        self,
        flags: Sequence[str],
        write: Callable[[bytes], Awaitable[None]],
        write_text: Callable[[str], Awaitable[None]],
        close: Callable[[], Awaitable[object]],
    ) -> None:
        async def closed() -> None:
            await close()

        super().__init__("", write_bytes=write, write_str=write_text, close=closed, download_manager=DownloadManager())
        self._flags = flags
        self.ended = asyncio.Event()
        """Set when its process has ended."""

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        size = {"COLUMNS": str(width), "ROWS": str(height)}
        environ = dict(os.environ) | _TERMINAL | size
        # In its own session: Ctrl-C in the server's terminal is for the server, which stops them all.
        process = await asyncio.create_subprocess_exec(
            *_SESSION, *self._flags, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environ, start_new_session=True
        )
        self._process, self._stdin = process, process.stdin
        return process

    async def on_meta(self, data: bytes) -> None:
        """Take that it has ended; files and addresses are opened in no browser."""
        if loads(data).get("type") == "exit":
            await self.remote_close()

    async def on_packed(self, payload: bytes) -> None:
        """Do nothing: a session delivers no files."""

    async def stop(self) -> None:
        """End the session, and return when it has ended; kill it if it does not end on request."""
        task, process = self._task, self._process
        if process is None:
            return
        if task is None:
            await self.ended.wait()
            return
        self._task = None
        try:
            await self.send_meta({"type": "quit"})
            with suppress(ConnectionError, TimeoutError):
                await asyncio.wait_for(process.wait(), _ENDING)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await task
            self.ended.set()
