"""Clients of an engine in a process of their own, so that the one that measures is not the one that loads.

``python -m tests.real.load URL MODEL CLIENTS TOKENS`` prints what each client saw, as JSON: seconds to its first chunk
and to its last.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import aiohttp


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


async def main(url: str, model: str, clients: int, tokens: int) -> list[tuple[float, float]]:
    """All clients at once."""
    connector = aiohttp.TCPConnector(limit=clients)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=300)) as session:
        return list(await asyncio.gather(*(ask(session, url, model, tokens) for _ in range(clients))))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))))
