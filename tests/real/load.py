"""Clients of an engine in a process of their own, so that the one that measures is not the one that loads.

``python -m tests.real.load URL MODEL CLIENTS TOKENS PAUSE`` has that many clients send requests until its standard
input is closed, at least one each, of that many tokens on average, and wait PAUSE seconds after each. It prints what
each request saw, as JSON: seconds to its first chunk and to its last. The server's key is in the variable KEY names.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import suppress

import aiohttp

KEY = "KEY_OF_THE_ENGINE"


async def ask(session: aiohttp.ClientSession, url: str, model: str, tokens: int) -> tuple[float, float]:
    """One streamed completion: seconds to the first and to the last chunk. Raises on any failure."""
    body = {"model": model, "prompt": "the quick brown fox", "max_tokens": tokens, "ignore_eos": True, "stream": True}
    begun = time.monotonic()
    first = 0.0
    async with session.post(f"{url}/v1/completions", json=body) as answer:
        answer.raise_for_status()
        async for _ in answer.content.iter_any():
            first = first or time.monotonic() - begun
    return first, time.monotonic() - begun


async def main(url: str, model: str, clients: int, tokens: int, pause: float) -> list[tuple[float, float]]:
    """All clients send one request, and more while standard input is open."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def closed() -> None:
        loop.remove_reader(sys.stdin)
        over.set()

    loop.add_reader(sys.stdin, closed)
    seen: list[tuple[float, float]] = []

    async def client(session: aiohttp.ClientSession, number: int) -> None:
        # Of different lengths, so that they do not all end together.
        length = tokens // 2 + tokens * number // clients
        while True:
            seen.append(await ask(session, url, model, length))
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), pause)
            if over.is_set():
                return

    # Each request on a connection of its own: the server closes one that has been idle for 5 s, and on a busy machine a
    # client comes to its next request that late.
    connector = aiohttp.TCPConnector(limit=clients, force_close=True)
    headers = {"Authorization": f"Bearer {os.environ[KEY]}"}
    timeout = aiohttp.ClientTimeout(total=300)
    async with (
        aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as session,
        asyncio.TaskGroup() as group,
    ):
        for number in range(clients):
            group.create_task(client(session, number))
    return seen


if __name__ == "__main__":
    url, model, clients, tokens, pause = sys.argv[1:]
    print(json.dumps(asyncio.run(main(url, model, int(clients), int(tokens), float(pause)))))
