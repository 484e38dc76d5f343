"""The simulated fleet as servers on loopback: API server, pods, and the files for reaching them."""

from __future__ import annotations

import asyncio
import resource
import shutil
import ssl
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from aiohttp import web

from simulator.api import access, rbac
from simulator.api.access import Access
from simulator.api.listeners import Listeners, claim_prefix
from simulator.api.server import ApiServer
from simulator.clock import Clock
from simulator.interfaces import World
from simulator.objects import ENGINE_PORT
from simulator.store import Store

SCHEMA = "quarterdeck/simulator/v1"
TICK = 0.2
"""Real seconds between two steps of the world, where the machine keeps up."""
STEP_COST = 0.1
"""Real seconds that one step of the world may take: no request is answered meanwhile."""
LISTEN_EVERY = 1.0
"""Real seconds between two updates of the pods' listeners."""

WorldFactory = Callable[[Store, str], World]
"""Makes the world from its store and the first two octets of its pods' addresses."""


def say(text: str) -> None:
    """Print a message on stderr: stdout is reserved for the one line of JSON."""
    print(f"simulator: {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Running:
    """A simulated fleet that is being served."""

    store: Store
    world: World
    server: str
    files: Access
    pod_network: bool
    """True if the pods listen on addresses of their own."""

    def describe(self) -> dict[str, object]:
        """Return the information for the console, printed as a line of JSON on stdout."""
        return {
            "schema": SCHEMA,
            "server": self.server,
            "kubeconfig": str(self.files.kubeconfig),
            "contexts": list(access.CONTEXTS),
            "prometheus_config": str(self.files.prometheus),
            "pods": len(self.store.table("v1", "Pod").entries),
            "endpoints": Counter(endpoint.job for endpoint in self.world.endpoints()),
            "pod_network": self.pod_network,
        }


@asynccontextmanager
async def serving(
    make_world: WorldFactory, clock: Clock, *, port: int = 0, folder: Path | None = None
) -> AsyncIterator[Running]:
    """Serve a world until the block ends. Its files are in ``folder``, which is then removed.

    Raises OSError if the port cannot be used.
    """
    _raise_file_limit()
    async with AsyncExitStack() as stack:
        directory = folder or Path(tempfile.mkdtemp(prefix="quarterdeck-simulator-"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        prefix = claim_prefix(ENGINE_PORT)
        stack.callback(prefix.release)
        store, began = Store(clock.now), clock.now()
        world = make_world(store, prefix.text)
        world.start()
        namespace = _first_namespace(world)
        for obj in rbac.objects(namespace):
            store.put(obj)
        tokens, ca = access.new_tokens(), trustme.CA()
        app = ApiServer(store, world, tokens).app()
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=_tls(ca)).start()
        server = f"https://127.0.0.1:{runner.addresses[0][1]}"
        files = access.write(directory, server, ca.cert_pem.bytes(), tokens, namespace)
        listeners = None
        if prefix.usable:
            listeners = Listeners(world, say)
            stack.push_async_callback(listeners.close)
            await listeners.follow()
        else:
            say("pods cannot have their own addresses here; the API server's proxy reaches them")
        group = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(group.create_task(_advance(world, began, listeners)).cancel)
        yield Running(store, world, server, files, pod_network=prefix.usable)


async def _advance(world: World, reached: float, listeners: Listeners | None) -> None:
    """Advance the world with its clock, leaving at least half of the time for requests.

    On a machine that is too slow, the fleet lags behind its clock, in steps as short as ever.
    """
    looked = time.monotonic()
    longest = 2 * TICK * world.clock.speed
    step = longest
    while True:
        started = time.monotonic()
        reached = min(world.clock.now(), reached + step)
        world.advance(reached)
        spent = time.monotonic() - started
        step = min(longest, step * min(2.0, STEP_COST / max(spent, 1e-6)))
        if listeners is not None and started - looked >= LISTEN_EVERY:
            looked = started
            await listeners.follow()
        await asyncio.sleep(max(TICK - spent, spent))


def _first_namespace(world: World) -> str:
    """Return the namespace with most engines: a person will look there first."""
    engines = Counter(endpoint.namespace for endpoint in world.endpoints() if endpoint.port == ENGINE_PORT)
    return max(engines, key=engines.__getitem__, default="default")


def _tls(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


def _raise_file_limit() -> None:
    """Raise the file limit: each pod needs a socket, and each of its clients another; the soft limit is often 1,024 or
    256.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
