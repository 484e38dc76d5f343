"""The queries of a tick: side by side once it is known what there is, and asked again where that has changed."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from fleet.metrics.expressions import PRESENT
from fleet.metrics.promql import TAG
from fleet.model.quantity import Quantity
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.fleet.metrics.fake_prometheus import LABELS, SEEN, Fake, asking, serving

THERE = [
    ({TAG: f"{PRESENT}/0", "__name__": name}, "1")
    for name in ("vllm:generation_tokens_total", "vllm:time_to_first_token_seconds_count")
]
KEY = {name: LABELS[name] for name in ("instance", "model_name", "engine")}
FIRST, NUMBERS = "timestamp(vllm", "generation_tokens"


def _rate(value: str, **labels: str) -> tuple[dict[str, str], str]:
    return {**KEY, **labels, TAG: str(Quantity.GENERATION_TOKENS)}, value


async def test_from_the_second_tick_on_nothing_waits_for_the_first_answer() -> None:
    beside = asyncio.Event()
    steady = False

    async def reply(request: web.Request) -> web.Response | None:
        if FIRST in request.query["query"]:
            if steady:
                await beside.wait()
        elif NUMBERS in request.query["query"]:
            beside.set()
        return None

    fake = Fake({FIRST: [(SEEN, str(time.time())), *THERE], NUMBERS: [_rate("20")]}, reply)
    async with serving(fake), asking(PrometheusEndpoint(fake.url)) as source:
        await source.measure(["llm/p"])
        steady = True
        beside.clear()
        fake.seen.clear()
        found = await source.measure(["llm/p"])
        assert found.engine_table.columns[Quantity.GENERATION_TOKENS][0] == 20
        assert found.requests == len(fake.seen) == 5
        assert len({request.query["time"] for request in fake.seen}) == 1


async def test_what_is_asked_for_follows_what_there_is_in_the_same_tick() -> None:
    fake = Fake({FIRST: [(SEEN, str(time.time())), *THERE], NUMBERS: [_rate("20")]})
    async with serving(fake), asking(PrometheusEndpoint(fake.url)) as source:
        await source.measure()
        # Another job scrapes another engine at the same address: what tells engines apart is more now.
        other = {"job": "again", "pod": "q"}
        fake.vectors = {
            FIRST: [(SEEN, str(time.time())), ({**SEEN, **other}, str(time.time())), *THERE],
            f"by (pod,{','.join(KEY)}": [_rate("30", pod="p"), _rate("40", pod="q")],
            f"by (job,{','.join(KEY)}": [_rate("30", job="j"), _rate("40", job="again")],
            NUMBERS: [_rate("70")],
        }
        found = await source.measure()
        assert [engine.pod for engine in found.engines] == ["p", "q"]
        assert list(found.engine_table.columns[Quantity.GENERATION_TOKENS]) == [30, 40]
        # The wanted pods are others: only the buckets of their own are.
        fake.seen.clear()
        await source.measure(["llm/q"])
        own = [request for request in fake.seen if "instance=~" in request.query["query"]]
        assert len(own) == 1
        assert len(fake.seen) == 5
