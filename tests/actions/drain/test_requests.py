"""The rate at which requests end, and the questions to an engine about them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from actions.drain.inspect import Inspection
from actions.drain.options import AtDeadline
from actions.drain.requests import DrainRate, EngineRequests, RequestReading, measured
from actions.drain.wait import Terms, wait_for_requests
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.pods import project_pod
from fleet.sources.scrape.engine_load import EngineProbe
from tests.actions.objects import Obj, pod
from tests.actions.pods import HandWork, chat

PAGE = """\
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{engine="0",model_name="chat"}} {running}
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{engine="0",model_name="chat"}} {waiting}
vllm:num_requests_running{{engine="1",model_name="chat"}} 2.0
vllm:num_requests_waiting{{engine="1",model_name="chat"}} 0.0
"""


@dataclass
class Engine:
    """Answers /metrics."""

    page: str
    port: int = 0

    def pod(self, name: str = "chat-0") -> Obj:
        """A pod behind which it is."""
        made = pod(name, labels={"serving": "on"})
        made["metadata"]["annotations"] = {"prometheus.io/port": str(self.port)}
        made["status"]["podIP"] = "127.0.0.1"
        return made


@asynccontextmanager
async def engine(page: str) -> AsyncIterator[Engine]:
    """A server that listens on loopback."""
    served = Engine(page)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=served.page)

    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.port = runner.addresses[0][1]
    try:
        yield served
    finally:
        await runner.cleanup()


async def test_an_engine_is_asked_for_what_all_its_ranks_have() -> None:
    async with engine(PAGE.format(running=7.0, waiting=3.0)) as served:
        probe = EngineProbe(project_pod(served.pod(), Interner()))
        try:
            load = await probe.load()
            assert load is not None
            assert (load.running, load.waiting, load.requests) == (9.0, 3.0, 12.0)
            served.page = PAGE.format(running=0.0, waiting=0.0)
            load = await probe.load()
            assert load is not None
            assert load.requests == 2.0
            served.page = "up 1\n"
            assert await probe.load() is None
            assert "none of a supported engine" in probe.problem
        finally:
            await probe.close()


async def test_an_engine_that_does_not_answer_is_said() -> None:
    async with engine("") as served:
        row = project_pod(served.pod(), Interner())
    probe = EngineProbe(row)
    assert await probe.load() is None
    assert probe.problem == "refuses the connection"
    await probe.close()
    nowhere = EngineProbe(project_pod(pod("chat-0"), Interner()))
    assert await nowhere.load() is None
    assert nowhere.problem == "the pod is not running"
    await nowhere.close()


async def test_the_engine_is_asked_first_and_the_snapshot_where_it_does_not_answer() -> None:
    cluster = chat(requests=20.0)
    async with engine(PAGE.format(running=5.0, waiting=0.0)) as served:
        cluster.add(served.pod())
        unit = await Inspection(cluster.context()).unit(cluster.get("Pod", "serving", "chat-0"))
        looks = EngineRequests(unit, HandWork(cluster))
        seen = await looks.read()
        assert seen is not None
        assert seen.requests == 7.0
    seen = await looks.read()
    await looks.close()
    assert seen == RequestReading(cluster.clock, 20.0)


def test_what_is_old_or_missing_is_not_taken_for_a_number() -> None:
    cluster = chat()
    assert measured(cluster.snapshot, "serving/chat-0") == RequestReading(cluster.clock, 20.0)
    assert measured(cluster.snapshot, "serving/nobody") is None
    cluster.measured = False
    assert measured(cluster.settle().snapshot, "serving/chat-0") is None


def test_the_rate_is_that_of_the_last_minute() -> None:
    fall = DrainRate()
    for at, left in ((0.0, 100.0), (30.0, 90.0), (60.0, 80.0), (90.0, 50.0)):
        fall.add(RequestReading(at, left))
    assert fall.eta == 50.0 / (40.0 / 60.0), "from 90 to 50 in a minute"
    fall = DrainRate()
    fall.add(RequestReading(0.0, 4.0))
    assert fall.eta is None
    fall.add(RequestReading(1.0, 5.0))
    assert fall.eta is None, "it grows"


def test_the_same_moment_twice_is_one_look() -> None:
    fall = DrainRate()
    for _ in range(3):
        fall.add(RequestReading(10.0, 0.0))
    assert fall.zeros == 1
    fall.add(RequestReading(25.0, 0.0))
    assert fall.zeros == 2
    fall.add(RequestReading(26.0, 1.0))
    assert fall.zeros == 0


async def test_an_engine_out_of_reach_is_not_asked_every_second() -> None:
    cluster = chat(requests=20.0)
    async with engine("") as served:
        cluster.add(served.pod())
    unit = await Inspection(cluster.context()).unit(cluster.get("Pod", "serving", "chat-0"))
    looks, problems = EngineRequests(unit, HandWork(cluster)), []
    for _ in range(40):
        assert await looks.read() is not None
        probe = looks._probe
        assert probe is not None
        problems.append(probe.problem)
        probe.problem = "not asked"
        cluster.pass_second()
    await looks.close()
    asked = [second for second, problem in enumerate(problems) if problem != "not asked"]
    assert asked == [0, 1, 2, 32]


async def test_what_was_seen_before_it_left_is_no_zero() -> None:
    cluster = chat()
    unit = await Inspection(cluster.context()).unit(cluster.get("Pod", "serving", "chat-0"))
    cluster.objects["Pod", "serving", "chat-0"]["metadata"]["labels"]["serving"] = "off"
    execution = HandWork(cluster)

    @dataclass
    class Late:
        """A scrape every fifteen seconds, the first of them from before."""

        async def read(self) -> RequestReading:
            return RequestReading(execution.now() - (execution.now() - began + 10) % 15, 0.0)

        async def close(self) -> None:
            return None

    began = execution.now()
    assert await wait_for_requests(unit, execution, Terms(300.0, AtDeadline.EVICT), Late()) == (None, "")
    assert execution.now() - began == 20, "the scrapes after 5 and 20 seconds"
