"""The entries for nginx and HAProxy in a real nginx and a real HAProxy: a stream through them, with its key."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from fleet.local.entries import entries, variable
from fleet.local.record import ServerRecord
from tests import plain
from tests.fleet.local.servers import record
from tests.ports import free_port
from tests.waiting import PATIENCE

KEY = "qd-key-of-the-node"


class Engine(ThreadingHTTPServer):
    """Streams two events, the second one when the test has read the first: a gateway that buffers never sends it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.go_on = threading.Event()
        self.authorised: list[str] = []

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Engine

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.authorised.append(self.headers.get("Authorization", ""))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._chunk(b"data: first\n\n")
        self.server.go_on.wait(PATIENCE)
        self._chunk(b"data: second\n\n")
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    serving = threading.Thread(target=made.serve_forever)
    serving.start()
    yield made
    made.go_on.set()
    made.shutdown()
    serving.join()
    made.server_close()


@asynccontextmanager
async def running(command: list[str], folder: Path, port: int, **environ: str) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway in the foreground, and a client of it; it is ended by SIGTERM."""
    with (folder / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env={**os.environ, **environ}, stdout=output, stderr=output
        )
    try:
        async with plain.client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            async with asyncio.timeout(PATIENCE):
                while True:
                    assert process.returncode is None, (folder / "output").read_text()
                    try:
                        await client.get("/")
                    except httpx.TransportError:
                        await asyncio.sleep(0.05)
                    else:
                        break
            yield client
    finally:
        process.terminate()
        await process.wait()


def recorded(engine: Engine, folder: Path, *, keyed: bool) -> ServerRecord:
    """The engine as a server on this machine."""
    return replace(record("qwen3-8b", port=engine.port), folder=str(folder), keyed=keyed)


async def streamed(client: httpx.AsyncClient, engine: Engine) -> list[str]:
    """Return the streamed lines, each received before the engine may continue."""
    lines = []
    async with client.stream("POST", "/v1/chat/completions", json={"stream": True}) as response:
        assert response.status_code == 200
        async for line in response.aiter_lines():
            if line:
                lines.append(line)
                engine.go_on.set()
    return lines


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.real("nginx")
@pytest.mark.real("envsubst")
async def test_nginx_streams_with_the_key(engine: Engine, tmp_path: Path, keyed: bool) -> None:
    at, port = recorded(engine, tmp_path, keyed=keyed), free_port()
    upstream, block = entries(at, "nginx").split("# nginx: into the server block\n")
    template = f"""
        daemon off; pid nginx.pid; error_log stderr; events {{}}
        http {{
            access_log off;
            client_body_temp_path .; proxy_temp_path .; fastcgi_temp_path .; uwsgi_temp_path .; scgi_temp_path .;
            {upstream}
            server {{ listen 127.0.0.1:{port}; {block} }}
        }}"""
    # As its image does with templates: variables that are set, and no other dollar sign.
    known = await asyncio.to_thread(
        subprocess.run,
        ["envsubst", f"${{{variable(at)}}}"],
        input=template,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, variable(at): KEY},
    )
    (tmp_path / "nginx.conf").write_text(known.stdout)
    command = ["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    async with running(command, tmp_path, port) as client:
        assert await streamed(client, engine) == ["data: first", "data: second"]
    assert engine.authorised == [f"Bearer {KEY}" if keyed else ""]


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.real("haproxy")
async def test_haproxy_streams_with_the_key(engine: Engine, tmp_path: Path, keyed: bool) -> None:
    at, port = recorded(engine, tmp_path, keyed=keyed), free_port()
    (tmp_path / "haproxy.cfg").write_text(
        f"""
defaults
    timeout connect 5s
    timeout client 30s
frontend all
    mode http
    bind 127.0.0.1:{port}
    default_backend {at.name}
{entries(at, "haproxy")}"""
    )
    command = ["haproxy", "-db", "-f", str(tmp_path / "haproxy.cfg")]
    async with running(command, tmp_path, port, **({variable(at): KEY} if keyed else {})) as client:
        assert await streamed(client, engine) == ["data: first", "data: second"]
    assert engine.authorised == [f"Bearer {KEY}" if keyed else ""]
