"""A real browser without a window (Debian's chromium), controlled over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from tests.waiting import PATIENCE

_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
)  # fmt: skip


class Page:
    """One page. Its complaints (errors of scripts, violations of its policy) are kept."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.complaints: list[str] = []

    async def read(self) -> None:
        """Take what the browser says, until it ends."""
        async for message in self._socket:
            text = message.json()
            if (asked := self._answers.pop(text.get("id", 0), None)) is not None:
                asked.set_result(text)
            elif text.get("method") == "Log.entryAdded":
                self.complaints.append(text["params"]["entry"]["text"])
            elif text.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(str(text["params"]["exceptionDetails"]))

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """Raises AssertionError where the browser refuses."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        text = await asyncio.wait_for(answer, PATIENCE)
        assert "error" not in text, text
        found: dict[str, Any] = text["result"]
        return found

    async def value(self, script: str) -> Any:
        """The value of an expression in the page."""
        return (await self.call("Runtime.evaluate", expression=script, returnByValue=True))["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait for an expression in the page to be true. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while not await self.value(script):  # noqa: ASYNC110 - in another process, which tells of nothing
                await asyncio.sleep(0.05)

    async def open(self, url: str) -> None:
        """Go there."""
        await self.call("Page.navigate", url=url)

    async def type(self, text: str) -> None:
        """Type into what has the focus."""
        await self.call("Input.insertText", text=text)

    async def enter(self) -> None:
        """Press the key."""
        for kind in ("keyDown", "keyUp"):
            key = {"key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13}
            await self.call("Input.dispatchKeyEvent", type=kind, **key)

    async def picture(self) -> bytes:
        """Return a screenshot (PNG)."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])


@asynccontextmanager
async def browser(folder: Path, size: tuple[int, int] = (1280, 800)) -> AsyncIterator[Page]:
    """A page of a browser of its own, closed at the end."""
    flags = (*_FLAGS, f"--user-data-dir={folder}", f"--window-size={size[0]},{size[1]}", "about:blank")
    process = await asyncio.create_subprocess_exec(
        "chromium", *flags, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, start_new_session=True
    )
    assert process.stderr is not None
    try:
        address = ""
        while not address and (line := await process.stderr.readline()):
            address = line.decode().partition("DevTools listening on ")[2].strip()
        assert address, "the browser did not start"
        draining = asyncio.create_task(process.stderr.read())
        async with aiohttp.ClientSession() as client:
            at = address.partition("://")[2].partition("/")[0]
            async with client.get(f"http://{at}/json/list") as answer:
                (target,) = [one for one in await answer.json() if one["type"] == "page"]
            async with client.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = Page(socket)
                reading = asyncio.create_task(page.read())
                for domain in ("Page", "Runtime", "Log"):
                    await page.call(f"{domain}.enable")
                yield page
                reading.cancel()
        draining.cancel()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
