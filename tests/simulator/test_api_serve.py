"""The simulator as a process: what it prints, writes and leaves behind."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import yaml

from simulator.api.listeners import Listeners, claim_prefix
from simulator.interfaces import Answer, Endpoint
from simulator.serve import serving
from simulator.store import Store
from tests.prefork import SIMULATOR, quarterdeck
from tests.simulator.api_process import simulator
from tests.simulator.api_support import HandClock, TinyWorld, pod
from tests.waiting import PATIENCE, until


def context_of(kubeconfig: dict[str, Any], name: str) -> tuple[str, str]:
    """Namespace and token of a context."""
    contexts = {context["name"]: context["context"] for context in kubeconfig["contexts"]}
    users = {user["name"]: user["user"] for user in kubeconfig["users"]}
    return contexts[name]["namespace"], users[contexts[name]["user"]]["token"]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_says_where_it_is_and_removes_its_files() -> None:
    with simulator("--pods", "4", "--seed", "3") as process:
        document = process.said
        assert document["schema"] == "quarterdeck/simulator/v1"
        assert document["pods"] >= 4
        assert (document["scenario"], document["seed"]) == ("steady", 3)
        directory = process.kubeconfig.parent
        assert mode(directory) == 0o700
        assert {mode(path) for path in directory.iterdir()} == {0o600}
        kubeconfig = yaml.safe_load(process.kubeconfig.read_text())
        assert kubeconfig["current-context"] == "demo"
        assert kubeconfig["clusters"][0]["cluster"]["server"] == document["server"]
        tokens = {context_of(kubeconfig, name)[1] for name in document["contexts"]}
        assert len(tokens) == len(document["contexts"])
    assert process.child.returncode == 0
    assert not directory.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    with simulator("--pods", "2") as process:
        process.child.send_signal(number)
        assert process.child.wait(PATIENCE) == 0
    assert not process.kubeconfig.parent.exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--pods", "none"], "argument --pods: must be a whole number from 1 to 10000, not 'none'"),
        (["--pods", "0"], "argument --pods: must be a whole number from 1 to 10000, not '0'"),
        (["--speed", "-1"], "argument --speed: must be a number above 0 and up to 100, not '-1'"),
        (["--speed", "nan"], "argument --speed: must be a number above 0 and up to 100, not 'nan'"),
        (["--port", "70000"], "argument --port: must be a whole number from 0 to 65535, not '70000'"),
        (["--scenario", "sunny"], "argument --scenario: invalid choice: 'sunny'"),
        (["--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_bad_flags_get_one_line(flags: list[str], message: str) -> None:
    done = quarterdeck(*flags, module=SIMULATOR)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"simulator: {message}")
    assert done.stderr.count("\n") == 1


def test_a_port_in_use_gets_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = quarterdeck("--pods", "2", "--port", port, module=SIMULATOR)
    assert done.returncode == 1
    assert done.stderr.startswith("simulator: cannot serve: ")
    assert "address already in use" in done.stderr
    assert done.stderr.count("\n") == 1


async def test_engines_and_exporters_listen_on_their_own_addresses() -> None:
    with simulator("--pods", "4") as process:
        if not process.said["pod_network"]:
            pytest.skip("this system has only one loopback address")
        kubeconfig = yaml.safe_load(process.kubeconfig.read_text())
        _, token = context_of(kubeconfig, "demo")
        trust = ssl.create_default_context(cafile=str(process.kubeconfig.parent / "ca.crt"))
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession() as session:
            url = f"{process.said['server']}/api/v1/pods"
            async with session.get(url, headers=headers, ssl=trust) as response:
                pods = (await response.json())["items"]
            for family, port in (("vllm:num_requests_running", 8000), ("DCGM_FI_DEV_GPU_TEMP", 9400)):
                ips = [
                    found["status"]["podIP"]
                    for found in pods
                    if found["spec"]["containers"][0]["ports"][0]["containerPort"] == port
                ]
                async with session.get(f"http://{ips[0]}:{port}/metrics") as response:
                    assert family in await response.text()


class Fleet(TinyWorld):
    """A world whose endpoints a test chooses."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__(clock)
        self.listening: list[Endpoint] = []
        self.advanced: list[float] = []

    def advance(self, now: float) -> None:
        self.advanced.append(now)

    def endpoints(self) -> list[Endpoint]:
        return list(self.listening)


async def test_listeners_follow_the_pods() -> None:
    prefix = claim_prefix(8000)
    if not prefix.usable:
        pytest.skip("this system has only one loopback address")
    world, lines = Fleet(HandClock()), list[str]()
    listeners = Listeners(world, lines.append)
    first = Endpoint("llm", "a", f"{prefix.text}.0.2", 8000, "vllm")
    try:
        world.listening = [first]
        await listeners.follow()
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://{first.ip}:8000/health?x=1") as response:
                assert await response.text() == "a answers GET /health?x=1"
            world.listening = [Endpoint("llm", "b", first.ip, 8000, "vllm")]
            await listeners.follow()
            async with session.get(f"http://{first.ip}:8000/health") as response:
                assert await response.text() == "b answers GET /health"
        world.listening = []
        await listeners.follow()
        with pytest.raises(OSError):
            await asyncio.open_connection(first.ip, 8000)
        assert lines == []
    finally:
        await listeners.close()
        prefix.release()


async def test_a_pod_that_answers_nothing_breaks_the_connection() -> None:
    class Dead(Fleet):
        def respond(self, *_: object) -> Answer:
            raise ConnectionError

    prefix = claim_prefix(8000)
    if not prefix.usable:
        pytest.skip("this system has only one loopback address")
    world = Dead(HandClock())
    world.listening = [Endpoint("llm", "a", f"{prefix.text}.0.2", 8000, "vllm")]
    listeners = Listeners(world, lambda _: None)
    try:
        await listeners.follow()
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.get(f"http://{prefix.text}.0.2:8000/health")
    finally:
        await listeners.close()
        prefix.release()


def test_two_simulators_take_different_networks() -> None:
    one, two = claim_prefix(8000), claim_prefix(8000)
    try:
        assert one.text != two.text or not one.usable
    finally:
        one.release()
        two.release()


async def test_the_world_moves_with_its_clock_in_small_steps() -> None:
    clock = HandClock()
    world = Fleet(clock)

    def make(store: Store, _: str) -> Fleet:
        store.put(pod("a"))
        return world

    async with serving(make, clock) as running:
        await until(lambda: world.advanced)
        start = world.advanced[-1]
        clock.at += 1000
        await until(lambda: world.advanced[-1] > start)
        steps = [b - a for a, b in zip(world.advanced, world.advanced[1:], strict=False)]
        assert max(steps) < 1
        assert running.describe()["pods"] == 1
        assert urlsplit(running.server).scheme == "https"
