"""``python -m tests.benchmarks.fleet.server``: serves the fleet until stdin closes.

One line of JSON on stdout says where: ``api`` (URL), ``engines`` (ports, one per pod) and ``exporters`` (node → port).
``GET /scrapes`` on the API server says how many engine pages were asked for so far, and ``?of=PORT`` of one of them.
A large fleet's engines are served by several processes, because none may have so many files open; they are asked as the
others are, but not counted. ``GET /touch`` makes the first pod restart, a moment later: with ``--still`` nothing else
changes.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import resource
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterable

import orjson
from aiohttp import web

from tests.benchmarks.fleet import pages
from tests.benchmarks.fleet.objects import Engine, collections, touched

BACKLOG = 16
PER_PROCESS = 2_500
"""Engines: a file for each that listens, and one for each connection that a reader keeps; a process may have 20,000."""
TOUCH_EVERY = 1.0
"""Seconds between changes of a pod: a large fleet is never quite still."""
TOUCH_AFTER = 0.2
"""Seconds from the answer to ``/touch`` to the change: the caller has time to get ready."""


class Exporter:
    """One port that answers every GET with its page."""

    def __init__(self, template: pages.Template, offset: int) -> None:
        self.template = template
        self.answered = 0
        self._offset = offset

    def answer(self) -> bytes:
        body = self.template.render(self._offset + self.answered)
        self.answered += 1
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
        )
        return head % len(body) + body


class _Connection(asyncio.Protocol):
    """HTTP/1.1 as far as a scrape goes: a request without a body ends with an empty line."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._rest = (self._rest + data).split(b"\r\n\r\n")
        assert self._transport is not None
        for request in requests:
            self._transport.write(self._exporter.answer())
            if b"connection: close" in request.lower():
                self._transport.close()


async def listen(exporter: Exporter) -> int:
    """Open a port for it."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(exporter), "127.0.0.1", 0, backlog=BACKLOG)
    port: int = server.sockets[0].getsockname()[1]
    return port


class Api:
    """The API server: lists in pages, and watches in which a pod changes occasionally, or on request."""

    def __init__(self, objects: dict[str, list[bytes]], exporters: dict[int, Exporter], *, still: bool) -> None:
        self._objects = objects
        self._still = still
        self._touched = 0
        self._touch = asyncio.Event()
        self._exporters = exporters

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path == "/scrapes":
            of = request.query.get("of")
            asked = [self._exporters[int(of)]] if of else self._exporters.values()
            return web.json_response(sum(exporter.answered for exporter in asked))
        if path == "/touch":
            asyncio.get_running_loop().call_later(TOUCH_AFTER, self._touch.set)
            return web.json_response(self._touched)
        if path == "/version":
            return web.json_response({"gitVersion": "v1.36.0"})
        if path.startswith("/apis/leaderworkerset"):
            missing = {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "message": "not found"}
            return web.json_response(missing, status=404)
        if request.query.get("watch") == "1":
            return await self._watch(request)
        items = self._objects.get(path, [])
        start = int(request.query.get("continue", 0))
        end = start + (int(request.query.get("limit", 0)) or len(items))
        more = b',"continue":"%d"' % end if end < len(items) else b""
        head = b'{"kind":"List","metadata":{"resourceVersion":"1"%s},"items":[' % more
        return web.Response(body=head + b",".join(items[start:end]) + b"]}", content_type="application/json")

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if request.path != "/api/v1/pods":
            await asyncio.Event().wait()
        pods = self._objects[request.path]
        while self._still:
            await self._touch.wait()
            self._touch.clear()
            self._touched += 1
            await response.write(touched(pods[0], 1 + self._touched, restarts=self._touched))
        for version, pod in enumerate(itertools.cycle(pods), 2):
            await asyncio.sleep(TOUCH_EVERY)
            await response.write(touched(pod, version))
        return response

    async def listen(self) -> str:
        """Open a port; gives the URL."""
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self.handle)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def serve_engines(numbers: Iterable[int], *, slim: bool) -> dict[int, Exporter]:
    """Open a port for each of these engines."""
    asked: dict[int, Exporter] = {}
    for engine in map(Engine, numbers):
        exporter = Exporter(pages.engine(engine.workload, slim=slim), engine.number)
        asked[await listen(exporter)] = exporter
    return asked


async def elsewhere(first: int, count: int, *, slim: bool) -> tuple[Process, list[int]]:
    """A process that serves these engines until it is let go of, and their ports."""
    flags = ["--first", str(first), "--pods", str(count), *(["--slim"] if slim else [])]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.fleet.server", *flags, stdin=PIPE, stdout=PIPE, limit=1 << 20
    )
    assert process.stdout is not None
    return process, orjson.loads(await process.stdout.readline())["engines"]


async def serve_alone(numbers: Iterable[int], *, slim: bool, say: Callable[[dict[str, object]], None]) -> None:
    """Serve engines without an API server until cancelled."""
    say({"engines": list(await serve_engines(numbers, slim=slim))})
    await asyncio.Event().wait()


async def serve(
    pods: int, per_process: int, *, slim: bool, gpus: bool, still: bool, say: Callable[[dict[str, object]], None]
) -> None:
    """Serve until cancelled; ``say`` gets the addresses."""
    engines = [Engine(number) for number in range(pods)]
    asked = await serve_engines(range(min(pods, per_process)), slim=slim)
    others = [
        await elsewhere(first, min(per_process, pods - first), slim=slim)
        for first in range(per_process, pods, per_process)
    ]
    exporters: dict[str, int] = {}
    if gpus:
        for number, (node, group) in enumerate(itertools.groupby(engines, lambda engine: engine.node)):
            page = pages.gpus(node, [(engine.namespace, engine.pod) for engine in group])
            exporters[node] = await listen(Exporter(page, number))
    ports = [*asked, *(port for _, theirs in others for port in theirs)]
    api = Api(collections(engines, ports, exporters), asked, still=still)
    say({"api": await api.listen(), "engines": ports, "exporters": exporters})
    try:
        await asyncio.Event().wait()
    finally:
        for process, _ in others:
            # It ends with its stdin.
            assert process.stdin is not None
            process.stdin.close()
        await asyncio.gather(*(process.wait() for process, _ in others))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pods", type=int, required=True)
    parser.add_argument("--first", type=int, help="serve engines alone, from this number on, and no API server")
    parser.add_argument("--per-process", type=int, default=PER_PROCESS, help="engines that one process serves")
    parser.add_argument("--slim", action="store_true", help="engines with fewer series")
    parser.add_argument("--gpus", action="store_true", help="a GPU exporter on every node")
    parser.add_argument("--still", action="store_true", help="pods that change only when GET /touch says so")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    async def run() -> None:
        numbers = range(options.first or 0, (options.first or 0) + options.pods)
        serving = asyncio.ensure_future(
            serve(
                options.pods, options.per_process, slim=options.slim, gpus=options.gpus, still=options.still, say=_say
            )
            if options.first is None
            else serve_alone(numbers, slim=options.slim, say=_say)
        )
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _end_with_stdin, serving)
        await asyncio.wait({serving})
        if not serving.cancelled():
            serving.result()

    asyncio.run(run())


def _say(where: dict[str, object]) -> None:
    sys.stdout.buffer.write(orjson.dumps(where) + b"\n")
    sys.stdout.flush()


def _end_with_stdin(serving: asyncio.Future[None]) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        serving.cancel()


if __name__ == "__main__":
    main()
