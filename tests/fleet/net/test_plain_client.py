"""The small client: plain answers are taken, of all others nothing is believed."""

from __future__ import annotations

import asyncio
import gc
import gzip
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from fleet.guard import RefusedError
from fleet.net import plain_client
from fleet.net.bodies import Limit
from fleet.net.plain_client import PlainClient, PlainRequest
from tests.waiting import until

OK = b"HTTP/1.1 200 OK\r\n"
LIMIT = Limit(1000, "limits.other")


class Server:
    """Answers each request with the next of the texts, and remembers requests and connections."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = [*answers]
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""
        self.talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        talk = asyncio.current_task()
        assert talk is not None
        self.talks[talk] = writer
        try:
            while self.answers:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                for byte in (answer := self.answers.pop(0))[:40]:
                    # A head comes in pieces of any size.
                    writer.write(bytes((byte,)))
                    await writer.drain()
                writer.write(answer[40:])
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def serving(*answers: bytes) -> AsyncIterator[Server]:
    server = Server(*answers)
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for writer in server.talks.values():
            writer.close()
        await asyncio.gather(*server.talks)


@pytest.fixture
async def client() -> AsyncIterator[PlainClient]:
    asking = PlainClient()
    yield asking
    asking.close()


def get(url: str, *headers: tuple[str, str], seconds: float = 10.0) -> PlainRequest:
    return PlainRequest("GET", url, headers, LIMIT, seconds)


def plain(body: bytes, *headers: bytes) -> bytes:
    return OK + b"".join(h + b"\r\n" for h in headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def test_one_question_and_its_answer(client: PlainClient) -> None:
    async with serving(plain(b"{}", b"Content-Type: application/json", b"X-Two: a", b"X-Two: b")) as server:
        answer = await client.ask(get(f"{server.url}/api/v1/pods?limit=5", ("Accept", "*/*"), ("As", "a"), ("As", "b")))
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.headers["content-TYPE"] == "application/json"
    authority = server.url.removeprefix("http://").encode()
    assert server.requests == [
        b"GET /api/v1/pods?limit=5 HTTP/1.1\r\nHost: " + authority + b"\r\nAccept: */*\r\nAs: a\r\nAs: b\r\n\r\n"
    ]


async def test_a_review_has_a_body(client: PlainClient) -> None:
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    async with serving(plain(b"who")) as server:
        answer = await client.ask(PlainRequest("POST", server.url + path, (), LIMIT, 10.0, b"ask"))
    assert answer is not None
    assert b"Content-Length: 3\r\n" in server.requests[0]


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"
PLAIN: dict[str, tuple[bytes, bytes]] = {
    "a length": (plain(b"body"), b"body"),
    "no body": (plain(b""), b""),
    "chunks": (CHUNKED + b"\r\n3\r\nbod\r\n1\r\ny\r\n0\r\n\r\n", b"body"),
    "gzip": (plain(gzip.compress(b"body"), b"Content-Encoding: gzip"), b"body"),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 4\r\n\r\nbody", b"body"),
    "up to the limit": (plain(b"x" * 1000), b"x" * 1000),
}


@pytest.mark.parametrize("kind", PLAIN)
async def test_plain_answers_are_taken(client: PlainClient, kind: str) -> None:
    content, body = PLAIN[kind]
    async with serving(content) as server:
        answer = await client.ask(get(f"{server.url}/metrics"))
    assert answer is not None
    assert answer.body == body


async def test_a_refusal_is_an_answer(client: PlainClient) -> None:
    async with serving(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno") as server:
        answer = await client.ask(get(f"{server.url}/metrics"))
    assert answer is not None
    assert (answer.status, answer.body) == (403, b"no")


ODD = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "HTTP 1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody",
    "an interim answer": b"HTTP/1.1 100 Continue\r\n\r\n" + plain(b"body"),
    "without a body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "until it ends": OK + b"\r\nbody",
    "two lengths": OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
    "a length and chunks": CHUNKED + b"Content-Length: 4\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    "a length that is none": OK + b"Content-Length: +4\r\n\r\nbody",
    "another coding of the transfer": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a folded line": OK + b"X: a\r\n b\r\nContent-Length: 4\r\n\r\nbody",
    "a space before the colon": OK + b"Content-Length : 4\r\n\r\nbody",
    "a NUL": OK + b"X: \0\r\nContent-Length: 4\r\n\r\nbody",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 4\r\n\r\nbody",
    "a chunk without its size": CHUNKED + b"\r\n\r\nbody\r\n0\r\n\r\n",
    "a chunk that is longer than it says": CHUNKED + b"\r\n3\r\nbody\r\n0\r\n\r\n",
    "a chunk with a sign": CHUNKED + b"\r\n+4\r\nbody\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"\r\n4\r\nbody\r\n0\r\nX: y\r\n\r\n",
    "broken off in the head": OK + b"Content-Le",
    "broken off in the body": OK + b"Content-Length: 5\r\n\r\nbody",
    "broken off between chunks": CHUNKED + b"\r\n4\r\nbody\r\n",
    "larger than its limit": plain(b"x" * 1001),
    "larger once it is inflated": plain(gzip.compress(b"x" * 1001), b"Content-Encoding: gzip"),
    "larger in chunks": CHUNKED + b"\r\n3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n",
    "a coding that was not asked for": plain(b"body", b"Content-Encoding: br"),
    "no gzip": plain(b"body", b"Content-Encoding: gzip"),
    "a head without end": OK + b"X: " + b"x" * 2**19,
}


@pytest.mark.parametrize("kind", ODD)
async def test_odd_answers_are_left_to_the_client(client: PlainClient, kind: str) -> None:
    async with serving(ODD[kind]) as server:
        assert await client.ask(get(f"{server.url}/metrics")) is None


async def test_a_connection_is_used_again_unless_it_is_to_end(client: PlainClient) -> None:
    async with serving(plain(b"1"), plain(b"2"), plain(b"3", b"Connection: close"), plain(b"4")) as server:
        bodies = [await client.ask(get(f"{server.url}/metrics")) for _ in range(4)]
    assert [answer.body for answer in bodies if answer] == [b"1", b"2", b"3", b"4"]
    assert server.connections == 2


async def test_questions_at_once_are_asked_side_by_side(client: PlainClient) -> None:
    async with serving(*(plain(b"%d" % n) for n in range(5))) as server:
        answers = await asyncio.gather(*(client.ask(get(f"{server.url}/metrics")) for _ in range(5)))
    assert {answer.body for answer in answers if answer} == {b"0", b"1", b"2", b"3", b"4"}
    assert server.connections == 5


async def test_who_cannot_be_reached_is_said(client: PlainClient) -> None:
    async with serving() as server:
        pass
    with pytest.raises(ConnectionRefusedError):
        await client.ask(get(f"{server.url}/metrics"))


async def test_who_does_not_answer_in_time_is_said(client: PlainClient) -> None:
    async with serving(OK) as server:
        server.answers.append(b"never asked for")
        with pytest.raises(TimeoutError):
            await client.ask(get(f"{server.url}/metrics", seconds=0.05))


@pytest.mark.parametrize(
    "url", ["http://user@127.0.0.1:1/metrics", "https://127.0.0.1:1/metrics", "http://[fe80::1%25eth0]:1/metrics"]
)
async def test_special_addresses_are_left_to_the_client(client: PlainClient, url: str) -> None:
    try:
        assert await client.ask(get(url)) is None
    except RefusedError:
        assert "user@" in url


async def test_a_header_that_cannot_be_sent_is_left_to_the_client(client: PlainClient) -> None:
    async with serving() as server:
        assert await client.ask(get(f"{server.url}/metrics", ("Authorization", "a\r\nX: b"))) is None
    assert server.connections == 0


async def test_what_changes_something_is_refused(client: PlainClient) -> None:
    async with serving(plain(b"")) as server:
        with pytest.raises(RefusedError):
            await client.ask(PlainRequest("DELETE", f"{server.url}/api/v1/pods/a", (), LIMIT, 1.0))
    assert server.connections == 0


async def test_a_connection_that_ended_meanwhile_is_made_anew(client: PlainClient) -> None:
    async with serving(plain(b"1")) as server:
        first = await client.ask(get(f"{server.url}/metrics"))
        # The server ends it now; sometimes that is only seen when the next question is under way.
        server.answers.append(plain(b"2"))
        second = await client.ask(get(f"{server.url}/metrics"))
    assert [answer.body for answer in (first, second) if answer] == [b"1", b"2"]
    assert server.connections == 2


async def test_what_nobody_asked_for_ends_the_connection(client: PlainClient) -> None:
    async with serving(plain(b"1") + plain(b"more")) as server:
        assert await client.ask(get(f"{server.url}/metrics")) is None
    assert server.connections == 1


async def test_who_keeps_nothing_says_so(client: PlainClient) -> None:
    client.keeps = False
    async with serving(plain(b"1"), plain(b"2")) as server:
        for _ in range(2):
            await client.ask(get(f"{server.url}/metrics"))
    assert server.connections == 2
    assert all(b"Connection: close\r\n" in request for request in server.requests)


async def test_a_connection_that_nobody_uses_is_let_go(client: PlainClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_client, "_IDLE", 0.01)
    async with serving(plain(b"1"), plain(b"2"), plain(b"never asked for")) as server:
        for number in (1, 2):
            answer = await client.ask(get(f"{server.url}/metrics"))
            assert answer is not None
            assert answer.body == b"%d" % number
            await until(lambda: all(talk.done() for talk in server.talks))
    assert server.connections == 2


@pytest.mark.parametrize("expected", [plain(b"page"), ODD["trailers"]])
async def test_nothing_of_an_answer_is_held_once_it_is_read(
    client: PlainClient, monkeypatch: pytest.MonkeyPatch, expected: bytes
) -> None:
    read: list[weakref.ref[object]] = []

    class Reading(plain_client._Reading):
        def __init__(self, limit: Limit) -> None:
            super().__init__(limit)
            read.append(weakref.ref(self))

    monkeypatch.setattr(plain_client, "_Reading", Reading)
    gc.disable()
    try:
        async with serving(expected, plain(b"2")) as server:
            await client.ask(get(f"{server.url}/metrics"))
            await until(lambda: read[0]() is None)
    finally:
        gc.enable()


async def test_a_header_is_sent_in_utf_8_as_by_the_other_clients(client: PlainClient) -> None:
    async with serving(plain(b"")) as server:
        await client.ask(get(f"{server.url}/api", ("Impersonate-User", "jürgen")))
    assert "Impersonate-User: jürgen\r\n".encode() in server.requests[0]


async def test_a_connection_that_is_open_when_its_asker_goes_is_closed(client: PlainClient) -> None:
    async with serving(plain(b"never asked for")) as server:
        asking = asyncio.ensure_future(client.ask(get(f"{server.url}/metrics")))
        loop = asyncio.get_running_loop()
        connect = loop.create_connection

        async def connected(*args: Any, **options: Any) -> Any:
            await connect(*args, **options)
            # It is open now, and whoever waits for it is told to end in the same turn.
            asking.cancel()
            await asyncio.sleep(0)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "create_connection", connected)
            with pytest.raises(asyncio.CancelledError):
                await asking
        await until(lambda: server.connections == 1 and all(talk.done() for talk in server.talks))
    assert server.requests == []
