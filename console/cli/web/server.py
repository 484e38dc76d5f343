"""The server of the pages, with a session for each of them, for holders of the token.

The token comes once, in the address that the user opens, and stays in a cookie that no script reads and no other site
sends. A session is always a console in read-only mode.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import textual_serve
from aiohttp import WSMessage, WSMsgType, web

from console.cli.web.child import Child

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HERE: Final = Path(__file__).parent
_STATIC: Final = Path(textual_serve.__file__).parent / "static"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    # The first address contains the token.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The headers of every answer. The terminal in the page sets inline styles."""
_LONGEST: Final = 65_536
"""Bytes of a message of a browser: a long text that was pasted."""
_SIZES: Final = (20, 500)
_LOCKED: Final = (
    "This needs the token: open the address that `quarterdeck web` printed where it was started, as it stands there.\n"
)


class WebConsole:
    """``flags`` are those of each session's console; at most ``most`` run at a time."""

    def __init__(self, token: str, flags: Sequence[str] = (), most: int = 8, *, secure: bool = False) -> None:
        self._token = token
        self._flags = flags
        self._most = most
        self._secure = secure
        self._sessions: dict[web.WebSocketResponse, Child | None] = {}

    def app(self) -> web.Application:
        """The application, for a runner of aiohttp."""
        app = web.Application(middlewares=[self._guarded], client_max_size=1024)
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/page.js", _file("page.js")),
                web.get("/page.css", _file("page.css")),
                web.get("/ws", self._session),
                web.static("/static", _STATIC),
            ]
        )
        app.on_response_prepare.append(_add_headers)
        app.on_shutdown.append(self._end)
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse requests without the token: in the address, which becomes a cookie, or in the cookie."""
        given = request.query.get("token")
        if given is not None and self._is_token(given):
            # The address that stays in the browser does not contain the token.
            rest = {name: value for name, value in request.query.items() if name != "token"}
            answer = web.HTTPSeeOther(request.rel_url.with_query(rest))
            answer.set_cookie(self._cookie(request), self._token, httponly=True, samesite="Strict", secure=self._secure)
            raise answer
        if not self._is_token(request.cookies.get(self._cookie(request), "")):
            return web.Response(status=401, text=_LOCKED)
        return await handler(request)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    @staticmethod
    def _cookie(request: web.Request) -> str:
        # Cookies are not separated by port, so each server has its own cookie name.
        _, _, port = request.host.rpartition(":")
        return f"quarterdeck-{port if port.isdigit() else 'web'}"

    async def _page(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.FileResponse(_HERE / "page.html")

    async def _session(self, request: web.Request) -> web.StreamResponse:
        if urlsplit(request.headers.get("Origin", "")).netloc != request.host:
            return web.Response(status=403, text="A session is opened by the page of this server alone.\n")
        if len(self._sessions) >= self._most:
            return web.Response(status=503, text=f"Every session is taken ({self._most}): close another page first.\n")
        socket = web.WebSocketResponse(heartbeat=15, max_msg_size=_LONGEST)
        # Counted before it starts, so that simultaneous connections count as two.
        self._sessions[socket] = None
        try:
            await socket.prepare(request)
            child = self._sessions[socket] = Child(self._flags, socket.send_bytes, socket.send_str, socket.close)
            await child.start(*_size(request.query))
            try:
                async for message in socket:
                    if not await _hand_on(message, child, socket):
                        break
            finally:
                await child.stop()
        finally:
            del self._sessions[socket]
            with suppress(ConnectionError):
                await socket.close()
        return socket

    async def _end(self, app: web.Application) -> None:
        del app
        children = [child for child in self._sessions.values() if child is not None]
        await asyncio.gather(*(child.stop() for child in children))


def _file(name: str) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        del request
        return web.FileResponse(_HERE / name)

    return handler


async def _add_headers(request: web.Request, answer: web.StreamResponse) -> None:
    del request
    answer.headers.update(_HEADERS)


def _size(given: Mapping[str, object]) -> tuple[int, int]:
    return _cells(given.get("width"), 80), _cells(given.get("height"), 24)


def _cells(value: object, default: int) -> int:
    """Return a plausible terminal width or height."""
    least, most = _SIZES
    try:
        number = int(str(value))
    except ValueError:
        return default
    return min(max(number, least), most)


async def _hand_on(message: WSMessage, child: Child, socket: web.WebSocketResponse) -> bool:
    """Pass a message from a browser on to its console. False for one that our pages never send."""
    if message.type is not WSMsgType.TEXT:
        return False
    try:
        content = json.loads(message.data)
    except ValueError:
        return False
    match content:
        case ["stdin", str(text)]:
            await child.send_bytes(text.encode("utf-8", "replace"))
        case ["resize", {"width": width, "height": height}]:
            await child.set_terminal_size(*_size({"width": width, "height": height}))
        case ["ping", asked]:
            await socket.send_json(["pong", asked])
        case ["blur" | "focus" as what, *_]:
            await child.send_meta({"type": what})
        case _:
            return False
    return True
