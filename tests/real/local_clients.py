"""Clients that stream from a server, and what its server says of their requests."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import httpx

from fleet.local.record import ServerRecord

PATIENCE = 120.0
"""Seconds for what takes a few on an idle machine."""


@dataclass
class Answer:
    """A client's result of one streamed request."""

    status: int = 0
    first: float = math.nan
    """Seconds to the first token."""
    tokens: int = 0
    """Number of tokens as the server counts them."""
    ended: str = ""
    """The finish reason."""
    whole: bool = False
    """The stream came to its end."""


@dataclass
class Clients:
    """Requests that are all sent at once to one server."""

    answers: list[Answer]
    tasks: list[asyncio.Task[None]]

    @property
    def outstanding(self) -> int:
        """Number of requests that have not ended."""
        return sum(not task.done() for task in self.tasks)

    async def done(self) -> None:
        """Wait until all have ended. Raises the error of the first that failed."""
        await asyncio.gather(*self.tasks)


def headers(record: ServerRecord) -> dict[str, str]:
    return {"Authorization": f"Bearer {record.key}"}


@asynccontextmanager
async def clients(record: ServerRecord, count: int, tokens: int) -> AsyncIterator[Clients]:
    connector, timeout = aiohttp.TCPConnector(limit=count), aiohttp.ClientTimeout(total=300)
    async with aiohttp.ClientSession(headers=headers(record), connector=connector, timeout=timeout) as client:
        answers = [Answer() for _ in range(count)]
        tasks = [asyncio.create_task(ask(client, record, answer, tokens)) for answer in answers]
        try:
            yield Clients(answers, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def ask(client: aiohttp.ClientSession, record: ServerRecord, answer: Answer, tokens: int) -> None:
    """One streamed completion."""
    body = {
        "model": record.spec.served,
        "prompt": "the quick brown fox",
        "max_tokens": tokens,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    begun = time.monotonic()
    last: deque[bytes] = deque(maxlen=3)
    async with client.post(f"{record.spec.url}/v1/completions", json=body) as response:
        answer.status = response.status
        async for line in response.content:
            if line.strip():
                last.append(line.strip())
                if math.isnan(answer.first):
                    answer.first = time.monotonic() - begun
    if answer.status == httpx.codes.OK:
        # The last token, the usage, the end: looked at when it is over, for a client that computes is late to read.
        final, usage = (json.loads(line.removeprefix(b"data: ")) for line in list(last)[:2])
        answer.ended = final["choices"][0]["finish_reason"]
        answer.tokens = usage["usage"]["completion_tokens"]
        answer.whole = last[2] == b"data: [DONE]"


@dataclass(frozen=True)
class Said:
    """A server's own numbers of its requests."""

    running: float
    waiting: float
    done: float
    ttft: list[tuple[float, float]]
    """Histogram since its start: (upper edge in seconds, cumulative count)."""


async def said(record: ServerRecord) -> Said:
    """Ask it."""
    async with aiohttp.ClientSession() as client, client.get(f"{record.spec.url}/metrics") as response:
        lines = (await response.text()).splitlines()

    def values(name: str) -> list[tuple[str, float]]:
        return [(line, float(line.rpartition(" ")[2])) for line in lines if line.startswith(f"vllm:{name}{{")]

    def total(name: str) -> float:
        return sum(value for _, value in values(name))

    edges = values("time_to_first_token_seconds_bucket")
    return Said(
        total("num_requests_running"),
        total("num_requests_waiting"),
        total("request_success_total"),
        [(float(line.split('le="')[1].partition('"')[0]), count) for line, count in edges],
    )


async def all_in(record: ServerRecord, before: Said, count: int) -> None:
    """Wait until the server has received all: from then on the number only falls."""
    async with asyncio.timeout(PATIENCE):
        while True:
            now = await said(record)
            if now.running + now.waiting + now.done - before.done == count:
                return
            # Its own account: there is nothing to await but the next one.
            await asyncio.sleep(0.05)
