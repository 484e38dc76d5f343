"""A person without a plan at a read-only console: random keys and random commands, through a proxy that writes down
every request.

``python -m tests.console.read_only_fuzz --minutes 60 --seed 1`` goes on for as long as one likes and prints what was
asked of the cluster. The identity may do everything: what keeps the console from it is the console alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import ssl
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml
from aiohttp import web
from textual.pilot import Pilot

from console.app.app import QuarterdeckApp
from console.commands.k9s_hints import HABITS
from console.commands.table import TABLE
from console.config.options import Options
from console.config.settings import ClusterSettings, Settings
from console.wiring.demo import Simulation, simulated
from console.wiring.session import session_of
from fleet import guard
from tests.simulator.api_process import Process
from tests.waiting import PATIENCE

REVIEWS = ("/selfsubjectreviews", "/selfsubjectaccessreviews", "/selfsubjectrulesreviews")
NEVER = ("/secrets", "/exec", "/attach", "/portforward", "/proxy/", "/log")
ACTIONS = ("scale", "drain", "rollback", "restart", "pause", "resume", "unblock", "cordon", "uncordon", "undo")
WORDS = ("3", "0", "-1", "chat-8b", "deployment/chat-70b", "all", "serving", "gpu-h100-0", "--yes", "; DROP", "é", "")
PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
NAMED = (
    "enter",
    "escape",
    "tab",
    "shift+tab",
    "space",
    "up",
    "down",
    "left",
    "right",
    "home",
    "end",
    "pageup",
    "pagedown",
    "backspace",
    "delete",
    "colon",
    "slash",
    "question_mark",
    "plus",
    "minus",
    *(f"ctrl+{letter}" for letter in "abdefklnoprstuwxy"),
    *(f"f{number}" for number in range(1, 13)),
)
LEAVES = frozenset({"console.quit", "console.suspend"})


@dataclass
class Recorded:
    """Every request that reached the proxy."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)

    def mutating(self) -> list[tuple[str, str]]:
        """The requests that are neither reads nor access reviews of the current user."""
        return [
            (method, path)
            for method, path in self.requests
            if method not in ("GET", "HEAD") and not (method == "POST" and path.endswith(REVIEWS))
        ]

    def private(self) -> list[tuple[str, str]]:
        """Reads that an auditor does without."""
        return [(method, path) for method, path in self.requests if any(part in f"{path}/" for part in NEVER)]


@asynccontextmanager
async def proxied(fleet: Simulation | Process, folder: Path) -> AsyncIterator[tuple[Path, Recorded]]:
    """A kubeconfig that leads through a proxy to the fleet, as its administrator."""
    recorded = Recorded()
    document = yaml.safe_load(fleet.kubeconfig.read_text())
    users = {user["name"]: user["user"] for user in document["users"]}
    contexts = {context["name"]: context["context"] for context in document["contexts"]}
    token = users[contexts[fleet.contexts[0]]["user"]]["token"]
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    connector = aiohttp.TCPConnector(ssl=unverified, limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:

        async def forward(request: web.Request) -> web.StreamResponse:
            recorded.requests[request.method, request.path] += 1
            headers = {name: request.headers[name] for name in ("Accept", "Content-Type") if name in request.headers}
            headers["Authorization"] = f"Bearer {token}"
            async with session.request(
                request.method, f"{fleet.server}{request.path_qs}", headers=headers, data=await request.read()
            ) as answer:
                response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                return response

        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(
            json.dumps(
                {
                    "current-context": "proxied",
                    "contexts": [{"name": "proxied", "context": {"cluster": "c", "user": "u", "namespace": "serving"}}],
                    "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                    "users": [{"name": "u", "user": {}}],
                }
            )
        )
        try:
            yield kubeconfig, recorded
        finally:
            await runner.cleanup()


def keys(rng: random.Random) -> list[str]:
    """Something that a person might press: a key, or a command that is typed and entered."""
    leaving = {key for command in TABLE if command.id in LEAVES for key in command.keys}
    chance = rng.random()
    if chance < 0.25:
        names = [*(n for c in TABLE if c.id not in LEAVES for n in c.names), *ACTIONS, *ACTIONS, *HABITS]
        text = f"{rng.choice(names)} {rng.choice(WORDS)} {rng.choice(WORDS)}".strip()
        return ["escape", "colon", *(_key(char) for char in text), "enter"]
    pool = NAMED if chance < 0.6 else tuple(PLAIN)
    return [key for key in rng.choices(pool, k=rng.randint(1, 6)) if key not in leaving]


def _key(char: str) -> str:
    return {" ": "space", "/": "slash", "-": "minus", ";": "semicolon"}.get(char, char)


async def fuzz(seed: int, *, steps: int = 0, seconds: float = 0.0) -> Recorded:
    """Press for ``steps`` rounds, or for as long; the requests that reached the cluster meanwhile.

    Raises whatever ends the console: nothing that is pressed may.
    """
    guard.lock()
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, simulated(["--pods", "8", "--seed", str(seed % 100)]) as fleet:
        async with proxied(fleet, Path(folder)) as (kubeconfig, recorded):
            settings = Settings(read_only=True, cluster=ClusterSettings(kubeconfig=str(kubeconfig)))
            app = QuarterdeckApp(session_of(settings), Options(read_only=True, audit=Path(folder)))
            async with app.run_test(size=(120, 40)) as pilot:
                await _shown(app, pilot)
                until = time.monotonic() + seconds
                done = 0
                while done < steps or time.monotonic() < until:
                    await pilot.press(*keys(rng))
                    done += 1
                    if done % 50 == 0:
                        await pilot.resize_terminal(rng.randint(20, 200), rng.randint(6, 60))
            return recorded


async def _shown(app: QuarterdeckApp, pilot: Pilot[None]) -> None:
    async with asyncio.timeout(PATIENCE):
        while app.desk is None or app.desk.snapshot is None or not app.desk.snapshot.pods:
            await pilot.pause(0.1)


def main() -> int:
    """Exit 1 if anything reached the cluster that should not have."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    recorded = asyncio.run(fuzz(options.seed, seconds=60 * options.minutes))
    for (method, path), times in sorted(recorded.requests.items()):
        print(f"{times:6} {method} {path}")
    wrong = recorded.mutating() + recorded.private()
    print(f"{sum(recorded.requests.values())} requests, {len(wrong)} of them wrong: {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
