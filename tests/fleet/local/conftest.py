"""A folder of servers that is watched, servers for their ports, and processes that live or have ended."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from fleet.local.process import Identity, identify
from fleet.local.watch import Watcher
from tests.fleet.local.watched import Clock, Endpoint, Serve, Servers


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    clock = Clock()
    watcher = Watcher(tmp_path / "local", clock)
    yield Servers(tmp_path / "local", watcher, clock)
    await watcher.close()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server in this very process."""
    async with AsyncExitStack() as stack:

        async def start(endpoint: Endpoint) -> Endpoint:
            app = web.Application()
            app.router.add_get("/{path:.*}", endpoint.answer)
            runner = web.AppRunner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            endpoint.port = runner.addresses[0][1]
            return endpoint

        yield start


@pytest.fixture
def other() -> Iterator[Identity]:
    """A process that lives and listens nowhere, in a session of its own."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield identify(process.pid)
    process.kill()
    process.wait()


@pytest.fixture
def gone() -> Identity:
    """A process that has ended."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    identity = identify(process.pid)
    process.kill()
    process.wait()
    return identity
