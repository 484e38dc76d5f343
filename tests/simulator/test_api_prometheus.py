"""A real Prometheus finds the simulated pods through the simulated API server and scrapes them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.ports import free_port
from tests.simulator.api_process import Process, simulator
from tests.waiting import PATIENCE

pytestmark = pytest.mark.real("prometheus")


@asynccontextmanager
async def prometheus(config: str, storage: Path) -> AsyncIterator[str]:
    """The base URL of a Prometheus that is ready."""
    address = f"127.0.0.1:{free_port()}"
    child = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={storage}",
        f"--web.listen-address={address}",
        stderr=asyncio.subprocess.DEVNULL,
        env=dict(os.environ),
    )
    try:
        await asyncio.wait_for(_ready(f"http://{address}/-/ready"), PATIENCE)
        yield f"http://{address}"
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()


async def _ready(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.1)


async def query(session: aiohttp.ClientSession, base: str, text: str) -> list[dict[str, Any]]:
    async with session.get(f"{base}/api/v1/query", params={"query": text}) as response:
        found: list[dict[str, Any]] = (await response.json())["data"]["result"]
        return found


async def until_true(session: aiohttp.ClientSession, base: str, text: str, count: int) -> list[dict[str, Any]]:
    """The result of a query once it has so many series."""
    async with asyncio.timeout(PATIENCE):
        while len(found := await query(session, base, text)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    return found


def engines(process: Process) -> int:
    # The gateway's two pods and one exporter for each node are no engines.
    return int(process.said["endpoints"]["vllm"])


async def test_it_discovers_and_scrapes_engines_and_exporters(tmp_path: Path) -> None:
    with simulator("--pods", "6") as process:
        if not process.said["pod_network"]:
            pytest.skip("this system has only one loopback address")
        async with (
            prometheus(process.said["prometheus_config"], tmp_path) as base,
            aiohttp.ClientSession() as session,
        ):
            up = await until_true(session, base, 'up{job="vllm"} == 1', engines(process))
            assert len(up) == engines(process) == 6
            assert {"namespace", "pod", "node", "container", "instance"} <= up[0]["metric"].keys()
            running = await until_true(session, base, "vllm:num_requests_running", engines(process))
            assert {found["metric"]["pod"] for found in running} == {found["metric"]["pod"] for found in up}
            wanted = process.said["endpoints"]["dcgm"]
            exporters = await until_true(session, base, 'up{job="dcgm"} == 1', wanted)
            assert len(exporters) == wanted
            gpus = await until_true(session, base, "DCGM_FI_DEV_GPU_TEMP", 1)
            # The exporter's own labels lose against those of the target, as in every such cluster.
            assert any("exported_pod" in gpu["metric"] for gpu in gpus)
            assert await query(session, base, "up == 0") == []
