"""The simulated fleet as servers on loopback: API server, pods, and the files that lead to them."""

from __future__ import annotations

import asyncio
import resource
import ssl
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from aiohttp import web

from simulator.api import access, rbac
from simulator.api.access import Access
from simulator.api.listeners import Listeners, Prefix, claim_prefix
from simulator.api.server import ApiServer
from simulator.clock import Clock
from simulator.interfaces import World
from simulator.objects import ENGINE_PORT
from simulator.store import Store

SCHEMA = "quarterdeck/simulator/v1"
TICK = 0.2
"""Real seconds between two steps of the world, where the machine keeps up."""
STEP_COST = 0.1
"""Real seconds that one step of the world may take: nobody is answered meanwhile."""
LISTEN_EVERY = 1.0
"""Real seconds between two looks at which pods have come and gone."""

WorldFactory = Callable[[Store, str], World]
"""Makes the world from its store and the first two octets of its pods' addresses."""


def say(text: str) -> None:
    """Tell the person: stdout belongs to the one line of JSON."""
    print(f"simulator: {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Running:
    """A simulated fleet that is being served."""

    api: ApiServer
    store: Store
    world: World
    server: str
    files: Access
    listeners: Listeners | None

    def describe(self) -> dict[str, object]:
        """What the console needs to know, as the line of JSON on stdout."""
        return {
            "schema": SCHEMA,
            "server": self.server,
            "kubeconfig": str(self.files.kubeconfig),
            "contexts": list(access.CONTEXTS),
            "prometheus_config": str(self.files.prometheus),
            "prometheus_kubernetes_config": str(self.files.prometheus_kubernetes),
            "pods": len(self.store.table("v1", "Pod").entries),
            "endpoints": Counter(endpoint.job for endpoint in self.world.endpoints()),
            "pod_network": self.listeners is not None,
        }


@asynccontextmanager
async def serving(
    make_world: WorldFactory, clock: Clock, *, port: int = 0, directory: Path | None = None
) -> AsyncIterator[Running]:
    """Serve a world until the block ends. Raises OSError if the port or the directory cannot be used."""
    _raise_file_limit()
    with _claimed() as prefix, _private(directory) as place:
        store = Store(clock.now)
        began = clock.now()
        world = make_world(store, prefix.text)
        world.start()
        namespace = _first_namespace(world)
        for obj in rbac.objects(namespace):
            store.put(obj)
        tokens = access.new_tokens()
        api = ApiServer(store, world, tokens)
        ca = trustme.CA()
        runner = web.AppRunner(api.app(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        listeners = Listeners(world, say) if prefix.usable else None
        if listeners is None:
            say("pods cannot have addresses of their own here; the API server's proxy reaches them")
        try:
            await web.TCPSite(runner, "127.0.0.1", port, ssl_context=_tls(ca)).start()
            server = f"https://127.0.0.1:{runner.addresses[0][1]}"
            files = access.write(place, server, ca.cert_pem.bytes(), tokens, namespace)
            try:
                async with asyncio.TaskGroup() as group:
                    if listeners is not None:
                        await listeners.follow()
                    advancing = group.create_task(_advance(world, began, listeners))
                    yield Running(api, store, world, server, files, listeners)
                    advancing.cancel()
            finally:
                for path in files.paths:
                    path.unlink(missing_ok=True)
        finally:
            if listeners is not None:
                await listeners.close()
            await runner.cleanup()


async def _advance(world: World, reached: float, listeners: Listeners | None) -> None:
    """Move the world on with its clock from where it is, leaving at least half of the time to those who ask.

    A machine that is too slow for the fleet gets a fleet that lags behind its clock, in steps as short as ever.
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
    """Where the first engine is: the namespace that a person will look at first."""
    engines = (endpoint.namespace for endpoint in world.endpoints() if endpoint.port == ENGINE_PORT)
    return next(engines, "default")


@contextmanager
def _claimed() -> Iterator[Prefix]:
    prefix = claim_prefix(ENGINE_PORT)
    try:
        yield prefix
    finally:
        prefix.release()


@contextmanager
def _private(directory: Path | None) -> Iterator[Path]:
    """A directory for files with secrets: the given one, or one that is gone afterwards."""
    if directory is None:
        with tempfile.TemporaryDirectory(prefix="quarterdeck-simulator-") as made:
            yield Path(made)
        return
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    yield directory.resolve()


def _tls(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


def _raise_file_limit() -> None:
    """Each pod needs a socket, and each of its clients another; the soft limit is often 1,024 or 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
