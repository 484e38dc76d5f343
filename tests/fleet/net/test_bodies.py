"""No body costs more than its limit, for any client and encoding; and the excess is reported by name."""

from __future__ import annotations

import asyncio
import gzip
import sys
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable, Iterator
from functools import cache

import httpx
import pytest
import requests

from fleet.guard import reads_only
from fleet.model.problem import SourceProblem
from fleet.net import bodies
from fleet.net.bodies import MIB, PIECE, Body, BodyError, Inflating, Limit, Limits, TooLargeError
from fleet.net.http import client
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import NotKubernetesError, OversizedError
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.kube.reflector import _lines
from fleet.sources.kube.responses import decode
from fleet.sources.prometheus.session import Adapter
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.scrape.source import ScrapeLimits, ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget
from tests.fleet.raw import Say, wire

SMALL = Limits(*(Limit(MIB, f"limits.{name}") for name in ("scrape", "prometheus", "kubernetes_list", "other")))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
BOMB_OF = 200 * MIB


@pytest.fixture(autouse=True)
def small() -> Iterator[None]:
    before = bodies.limits()
    bodies.use(SMALL)
    yield
    bodies.use(before)


@cache
def bomb(wbits: int) -> bytes:
    """200 MiB of blanks, compressed a thousandfold."""
    packing = zlib.compressobj(9, zlib.DEFLATED, wbits)
    blank = b" " * MIB
    return b"".join(packing.compress(blank) for _ in range(BOMB_OF // MIB)) + packing.flush()


def compressed(encoding: str, wbits: int, *, chunked: bool) -> Say:
    async def say(writer: asyncio.StreamWriter) -> None:
        packed = bomb(wbits)
        length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(packed)
        writer.write(HEAD + b"Content-Encoding: %b\r\n%b\r\n\r\n" % (encoding.encode(), length))
        writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed) if chunked else packed)
        await writer.drain()

    return say


def endless(*headers: bytes, piece: bytes) -> Say:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"".join(header + b"\r\n" for header in headers) + b"\r\n")
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()

    return say


HOSTILE = {
    "gzip": compressed("gzip", 31, chunked=False),
    "gzip in chunks": compressed("gzip", 31, chunked=True),
    "deflate": compressed("deflate", 15, chunked=False),
    "bare deflate": compressed("deflate", -15, chunked=True),
    "plain without end": endless(piece=b" " * 65536),
    "chunks without end": endless(b"Transfer-Encoding: chunked", piece=b"10000\r\n" + b" " * 65536 + b"\r\n"),
    "a length that is a lie": endless(b"Content-Length: 99999999999", piece=b" " * 65536),
    "gzip twice": compressed("gzip, gzip", 31, chunked=False),
    "brotli": compressed("br", 31, chunked=False),
    "zstd": compressed("zstd", 31, chunked=False),
    "something": compressed("sdch", 31, chunked=False),
}

Ask = Callable[[str], Awaitable[str]]
"""A function that sends a request and returns the wording of its error."""


async def kube(base: str) -> str:
    asking = KubeClient(Access("c", "c", "u", "", base, {"server": base}, {}), environ={})
    try:
        await asking.get("/api/v1/nodes/a")
    except OversizedError as error:
        return error.message
    finally:
        await asking.close()
    return ""


async def scrape(base: str) -> str:
    source = ScrapeSource(ScrapeLimits(timeout=30.0))
    try:
        return (await source.measure([ScrapeTarget("a", "b", f"{base}/metrics")], 0.0)).unreachable["a/b"]
    finally:
        await source.close()


async def prometheus(base: str) -> str:
    def send() -> str:
        with requests.Session() as session:
            session.mount("http://", Adapter(PrometheusEndpoint(base, timeout=30.0), reads_only))
            try:
                session.get(f"{base}/api/v1/query", stream=True, timeout=30)
            except SourceProblem as problem:
                return problem.message
        return ""

    return await asyncio.to_thread(send)


async def engine(base: str) -> str:
    async with client(30.0) as asking:
        try:
            await asking.get(f"{base}/v1/models")
        except httpx.HTTPError as error:
            return str(error)
    return ""


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("ask", [kube, scrape, prometheus, engine])
async def test_a_hostile_body_costs_its_limit_and_is_named(ask: Ask, hostile: str) -> None:
    async with wire(HOSTILE[hostile]) as server:
        tracemalloc.start()
        try:
            text = await ask(server.url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert "answers more than 1 MiB (the limit limits." in text or "which was not asked for" in text, text
    if hostile in ("plain without end", "chunks without end", "a length that is a lie"):
        assert "answers more than 1 MiB" in text
    # What is imported for the first request is in it.
    assert peak < 48 * MIB, "of 200 MiB and more that it would have been"


async def test_a_line_of_a_watch_without_end_is_given_up() -> None:
    async with wire(endless(b"Transfer-Encoding: chunked", piece=b"10000\r\n" + b"x" * 65536 + b"\r\n")) as server:
        asking = KubeClient(Access("c", "c", "u", "", server.url, {"server": server.url}, {}), environ={})
        async with asking.stream("/api/v1/pods", {"watch": "1"}) as chunks:
            with pytest.raises(
                OversizedError, match=r"line that does not end: it answers more than 1 MiB .*limits\.other"
            ):
                await anext(_lines(chunks))
        await asking.close()


async def test_a_compressed_watch_comes_in_small_pieces() -> None:
    async with wire(compressed("gzip", 31, chunked=True)) as server:
        asking = KubeClient(Access("c", "c", "u", "", server.url, {"server": server.url}, {}), environ={})
        sizes = []
        async with asking.stream("/api/v1/pods", {"watch": "1"}) as chunks:
            async for chunk in chunks:
                sizes.append(len(chunk))
                if len(sizes) == 20:
                    break
        await asking.close()
    assert max(sizes) <= PIECE


async def test_an_answer_of_an_engine_that_trickles_is_given_up() -> None:
    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with wire(trickle) as server, client(0.2) as asking:
        with pytest.raises(httpx.ReadTimeout, match="does not finish its answer"):
            await asking.get(server.url)


async def test_a_head_that_trickles_is_given_up() -> None:
    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with wire(trickle) as server, client(0.2) as asking:
        with pytest.raises(httpx.ReadTimeout, match="does not finish its answer"):
            await asking.get(server.url)


PAGE = b"a line\n" * 10_000


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("", PAGE),
        ("identity", PAGE),
        ("gzip", gzip.compress(PAGE)),
        ("x-gzip", gzip.compress(PAGE)),
        ("GZIP", gzip.compress(PAGE[:7]) + gzip.compress(PAGE[7:])),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", zlib.compress(PAGE)[2:-4]),
    ],
)
@pytest.mark.parametrize("size", [1, 1000, sys.maxsize])
def test_a_body_is_what_was_packed_however_it_is_cut(encoding: str, packed: bytes, size: int) -> None:
    body = Body(encoding, Limit(MIB, "limits.x"))
    for begin in range(0, len(packed), min(size, len(packed))):
        body.add(packed[begin : begin + size])
    assert body.whole() == PAGE


def test_a_body_may_have_exactly_its_limit() -> None:
    body = Body("gzip", Limit(len(PAGE), "limits.x"))
    body.add(gzip.compress(PAGE))
    assert body.whole() == PAGE
    with pytest.raises(TooLargeError, match=r"limits\.x"):
        Body("gzip", Limit(len(PAGE) - 1, "limits.x")).add(gzip.compress(PAGE))


def _read(encoding: str, packed: bytes) -> bytes:
    body = Body(encoding, Limit(MIB, "limits.x"))
    body.add(packed)
    return body.whole()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(PAGE)[:-3]),
        ("gzip", b"no gzip at all"),
        ("deflate", zlib.compress(PAGE) + b"more"),
        ("gzip", gzip.compress(b"") * 5000),
    ],
    ids=["cut off", "something else", "something behind it", "thousands of members"],
)
def test_what_is_not_what_it_says_is_refused(encoding: str, packed: bytes) -> None:
    with pytest.raises(BodyError):
        _read(encoding, packed)


def test_pieces_are_small_however_much_comes_at_once() -> None:
    assert max(map(len, Inflating("gzip").feed(bomb(31)))) <= PIECE


def test_json_of_brackets_alone_is_not_made_into_objects() -> None:
    with pytest.raises(NotKubernetesError, match="brackets and commas"):
        decode(b'{"items":[' + b"{}," * (2 * MIB) + b"{}]}")
    dense = b'{"f:metadata":{"f:labels":{"f:app":{},"f:pod-template-hash":{}}},"f:spec":{"f:a":{}}},'
    assert len(decode(b'{"items":[' + dense * 60_000 + b"{}]}")["items"]) == 60_001


async def test_a_head_of_prometheus_that_trickles_is_given_up() -> None:
    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    def send(base: str) -> None:
        with requests.Session() as session:
            session.mount("http://", Adapter(PrometheusEndpoint(base, timeout=0.2), reads_only))
            session.get(f"{base}/api/v1/query", timeout=0.2)

    async with wire(trickle) as server:
        with pytest.raises(SourceProblem, match="does not answer within"):
            await asyncio.to_thread(send, server.url)
