"""The console in a browser: access, abilities of a session, and its end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pyte
import pytest
from aiohttp.test_utils import TestClient, TestServer

from console import main
from console.cli import exit_codes
from console.cli.parser import parse
from console.cli.web import server
from console.cli.web.child import Child
from console.cli.web.command import flags_of
from tests.real.browser import browser
from tests.simulator.api_process import Process, simulator
from tests.waiting import until

TOKEN = "x" * 43
Client = TestClient[aiohttp.web.Request, aiohttp.web.Application]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    with simulator("--seed", "1") as running:
        yield running


class Recorded(Child):
    """The sessions that were begun."""

    begun: list[Recorded] = []  # noqa: RUF012 - cleared for each test
    drawn = b""

    async def start(self, width: int, height: int) -> None:
        self.begun.append(self)
        await super().start(width, height)

    async def on_data(self, payload: bytes) -> None:
        self.drawn += payload
        await super().on_data(payload)

    @property
    def is_there(self) -> bool:
        return self._process is not None and self._process.returncode is None


@pytest.fixture
async def client(fleet: Process, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    Recorded.begun.clear()
    monkeypatch.setattr(server, "Child", Recorded)
    served = server.WebConsole(TOKEN, (f"--kubeconfig={fleet.kubeconfig}",), most=1)
    async with TestClient(TestServer(served.app()), cookie_jar=aiohttp.CookieJar(unsafe=True)) as found:
        yield found


def origin(client: Client) -> dict[str, str]:
    return {"Origin": str(client.make_url("/").origin())}


async def test_without_the_token_there_is_nothing_and_with_it_the_address_forgets_it(client: Client) -> None:
    for path in ("/", "/ws", "/page.js", "/static/js/textual.js", "/nothing", "/?token=wrong", "/?token="):
        answer = await client.get(path, headers=origin(client))
        assert answer.status == 401
        assert "the address that `quarterdeck web` printed" in await answer.text()
    assert Recorded.begun == []
    answer = await client.get("/", params={"token": TOKEN, "fontsize": "20"}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/?fontsize=20")
    message = answer.headers["Set-Cookie"]
    assert "HttpOnly" in message
    assert "SameSite=Strict" in message
    page = await client.get("/")
    text = await page.text()
    assert page.status == 200
    assert TOKEN not in text
    assert "http://" not in text
    assert "https://" not in text, "nothing is loaded from elsewhere"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


async def test_a_session_is_read_only_hears_keys_and_ends_with_its_page(client: Client) -> None:
    await client.get("/", params={"token": TOKEN})
    elsewhere = await client.get("/ws", headers={"Origin": "http://evil.example"})
    assert elsewhere.status == 403
    screen = pyte.Screen(120, 40)
    drawn = pyte.ByteStream(screen)

    def shown(text: str) -> bool:
        return any(text in line for line in screen.display)

    async with client.ws_connect("/ws?width=120&height=40", headers=origin(client)) as ws:

        async def draw() -> None:
            async for message in ws:
                if message.type is aiohttp.WSMsgType.BINARY:
                    drawn.feed(message.data)

        drawing = asyncio.create_task(draw())
        await until(lambda: shown("READ-ONLY") and shown("llama-3.3-70b"))
        full = await client.get("/ws", headers=origin(client))
        assert (full.status, await full.text()) == (
            503,
            "Every session is taken (1): close another page first.\n",
        )
        await ws.send_json(["stdin", ":scale chat-70b 1\r"])
        await until(lambda: shown("read-only"))
        # Who watches writes nothing where the server runs.
        await ws.send_json(["stdin", "!"])
        await until(lambda: shown("this console writes no files"))
        await ws.send_json(["resize", {"width": 9999, "height": "x"}])
        await ws.send_json(["ping", 7])
        drawing.cancel()
    (session,) = Recorded.begun
    await until(lambda: not session.is_there)


async def test_what_no_page_would_say_ends_the_session(client: Client) -> None:
    await client.get("/", params={"token": TOKEN})
    async with client.ws_connect("/ws", headers=origin(client)) as ws:
        await ws.send_str("[[[")
        async for _ in ws:
            pass
    (session,) = Recorded.begun
    await until(lambda: not session.is_there)


@pytest.mark.real("chromium")
async def test_a_real_browser_shows_it_and_hands_on_what_is_typed(client: Client, tmp_path: Path) -> None:
    async with browser(tmp_path) as page:
        await page.open(f"{client.make_url('/')}?token={TOKEN}")
        await page.until("document.body?.classList.contains('-first-byte')")
        (session,) = Recorded.begun
        await until(lambda: b"llama-3.3-70b" in session.drawn)
        await page.until("document.activeElement?.classList.contains('xterm-helper-textarea')")
        assert TOKEN not in await page.value("location.href + document.cookie")
        assert page.complaints == []
        await page.type(":q")
        await page.enter()
        # The console ends with its command, and the page says so.
        await page.until("document.body.classList.contains('-closed')")
        assert "has ended" in await page.value("document.body.innerText")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--host", "0.0.0.0"], "without TLS anybody on the way could read the token"),
        (["--key", "key.pem"], "--key without --cert"),
        (["--cert", "/nothing.pem", "--host", "0.0.0.0"], "the certificate cannot be used"),
        (["--config", "/nothing.toml"], "/nothing.toml"),
    ],
)
def test_what_cannot_be_served_is_said_before_anything_is(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["web", *arguments]) == exit_codes.USAGE
    assert expected in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main.main(["web", "--port", str(port)]) == exit_codes.USAGE
    assert f"127.0.0.1 port {port} cannot be listened on" in capsys.readouterr().err


def test_the_flags_of_every_command_are_those_of_the_sessions_and_none_of_them_acts() -> None:
    given = ["--context", "eu", "-n", "llm", "web", "--config", "a b.toml", "--no-color", "--refresh", "2"]
    assert flags_of(parse("quarterdeck", given)) == (
        "--context=eu",
        "--namespace=llm",
        "--refresh=2.0",
        "--no-color",
        "--config=a b.toml",
    )
