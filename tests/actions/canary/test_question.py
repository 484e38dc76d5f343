"""One request on the wire: its content, the classification of each answer, and the closed guard that stops it."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
import trustme

from actions.canary.question import CHAT, PLAIN, USER, CanaryTarget, ask_one_token
from fleet import guard
from fleet.model.canary import CanaryOutcome
from fleet.net import http
from tests.ports import free_port


@dataclass
class Server:
    """A server on loopback that answers what a test says."""

    url: str = ""
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    holds: threading.Event = field(default_factory=threading.Event)
    """Set: answers come at once."""


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    found.holds.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.seen.append((self.path, dict(self.headers), body))
            found.holds.wait(20)
            status, document = found.answers.get(self.path, (404, {}))
            data = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Not on the terminal of the tests."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{running.server_address[1]}"
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.holds.set()
    running.shutdown()
    running.server_close()
    thread.join()


COMPLETION = {"choices": [{"text": " 7"}]}


async def test_it_asks_for_one_greedy_token_and_says_who_asks(server: Server) -> None:
    server.answers[PLAIN] = 200, COMPLETION
    heard = await ask_one_token(CanaryTarget(server.url, "llama", "k3y"), "1 2 3", 5.0)
    assert (heard.outcome, heard.text) == (CanaryOutcome.ANSWERED, " 7")
    assert heard.seconds is not None
    ((path, headers, body),) = server.seen
    assert path == PLAIN
    assert (headers["User-Agent"], headers["Authorization"]) == (USER, "Bearer k3y")
    assert (body["model"], body["prompt"], body["user"], body["stream"]) == ("llama", "1 2 3", USER, False)
    assert (body["max_tokens"], body["temperature"], body["seed"]) == (1, 0, 0)


async def test_a_server_that_speaks_chat_alone_gets_a_message(server: Server) -> None:
    server.answers[CHAT] = 200, {"choices": [{"message": {"content": "7"}}]}
    heard = await ask_one_token(CanaryTarget(server.url, "llama"), "1 2 3", 5.0)
    assert (heard.outcome, heard.text) == (CanaryOutcome.ANSWERED, "7")
    assert server.seen[-1][2]["messages"] == [{"role": "user", "content": "1 2 3"}]
    assert "Authorization" not in server.seen[-1][1]


@pytest.mark.parametrize(
    ("status", "document", "outcome", "words"),
    [
        (500, {}, CanaryOutcome.FAILED, "answers HTTP 500"),
        (502, {}, CanaryOutcome.FAILED, "answers HTTP 502"),
        (503, {}, CanaryOutcome.REFUSED, "answers HTTP 503"),
        (429, {}, CanaryOutcome.REFUSED, "answers HTTP 429"),
        (401, {}, CanaryOutcome.REFUSED, "it requires a key"),
        (400, {}, CanaryOutcome.REFUSED, "answers HTTP 400"),
        (200, {"choices": []}, CanaryOutcome.FAILED, "not a completion"),
        (200, b"<html>", CanaryOutcome.FAILED, "not a completion"),
        (200, [1], CanaryOutcome.FAILED, "not a completion"),
        (200, {"choices": [{"message": {"content": None}}]}, CanaryOutcome.ANSWERED, ""),
    ],
)
async def test_what_is_no_answer_is_told_from_what_turns_it_away(
    server: Server, status: int, document: Any, outcome: CanaryOutcome, words: str
) -> None:
    server.answers[PLAIN] = status, document
    heard = await ask_one_token(CanaryTarget(server.url, "llama"), "1", 5.0)
    assert heard.outcome is outcome
    assert words in heard.problem


async def test_one_that_hangs_and_one_that_is_not_there(server: Server) -> None:
    server.holds.clear()
    heard = await ask_one_token(CanaryTarget(server.url, "llama"), "1", 0.2)
    assert (heard.outcome, heard.problem) == (CanaryOutcome.SILENT, "no answer within 0.2 s")
    nobody = await ask_one_token(CanaryTarget(f"http://127.0.0.1:{free_port()}", "llama"), "1", 2.0)
    assert nobody.outcome is CanaryOutcome.FAILED


async def test_in_read_only_mode_nothing_is_sent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers[PLAIN] = 200, COMPLETION
    monkeypatch.setattr(guard, "_allowed", frozenset())
    heard = await ask_one_token(CanaryTarget(server.url, "llama"), "1", 2.0)
    assert heard.outcome is CanaryOutcome.REFUSED
    assert "read-only" in heard.problem
    assert server.seen == []


def _issued(*, trusted: bool, expired: bool) -> tuple[ssl.SSLContext, trustme.CA | None]:
    issuer = trustme.CA()
    ended = datetime.now(UTC) - timedelta(days=1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert("127.0.0.1", not_after=ended if expired else None).configure_cert(context)
    return context, issuer if trusted else None


@pytest.mark.parametrize(
    ("trusted", "expired", "outcome", "problem"),
    [
        (False, False, CanaryOutcome.REFUSED, "nothing was sent, its certificate is not trusted here: "),
        (True, True, CanaryOutcome.FAILED, "its certificate has expired"),
    ],
    ids=["its own issuer", "expired"],
)
async def test_an_issuer_that_only_this_console_does_not_know_is_no_failure_of_the_route(
    monkeypatch: pytest.MonkeyPatch, trusted: bool, expired: bool, outcome: CanaryOutcome, problem: str
) -> None:
    context, issuer = _issued(trusted=trusted, expired=expired)
    if issuer is not None:
        known = httpx.create_ssl_context(trust_env=False)
        issuer.configure_trust(known)
        monkeypatch.setattr(http, "_authorities", lambda: known)
    serving = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    async with serving:
        port = serving.sockets[0].getsockname()[1]
        heard = await ask_one_token(CanaryTarget(f"https://127.0.0.1:{port}", "llama", "k3y"), "1", 5.0)
    assert heard.outcome is outcome
    assert heard.problem.startswith(problem)
