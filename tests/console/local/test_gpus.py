"""A machine with GPUs: NVIDIA's own binding over a driver library of the test, and the whole program over that."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fleet.local.process import group
from tests.console.machine import a_machine, run
from tests.local.fakes import Box
from tests.local.nvidia import GIB, Driver, Gpu, build
from tests.ports import free_port

pytestmark = pytest.mark.real("cc")

ONE = Gpu("GPU-aaaa", "NVIDIA L4", 24 * GIB, 2 * GIB, utilisation=0.5, temperature=61, power=70.5)
OTHER = Gpu("GPU-bbbb", "NVIDIA L4", 24 * GIB, 0)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Driver:
    return build(tmp_path_factory.mktemp("nvidia") / "lib")


@pytest.fixture
async def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Box]:
    """A machine whose vLLM supports GPUs."""
    async with a_machine(tmp_path, monkeypatch, version="0.32.0") as made:
        yield made


async def planned(box: Box, driver: Driver, *words: str) -> dict[str, Any]:
    """The plan of ``local up``."""
    flags = ("--port", str(free_port()), "--dry-run", "--json")
    done = await run(box, "local", "up", str(box.model), *flags, *words, **driver.environ)
    assert done.returncode in (0, 4), done.stderr
    plan: dict[str, Any] = json.loads(done.stdout)["plan"]
    return plan


def check(plan: dict[str, Any], about: str) -> dict[str, str]:
    found: dict[str, str] = next(check for check in plan["checks"] if check["about"] == about)
    return found


async def test_the_doctor_names_them_and_the_driver(box: Box, driver: Driver) -> None:
    driver.has(ONE, OTHER)
    done = await run(box, "doctor", "--context", "local", **driver.environ)
    assert "ok    GPUs           2, driver 580.95.05, CUDA 13.0 at most" in done.stdout
    assert "- GPU 0: NVIDIA L4, 22.0 GiB free" in done.stdout


async def test_the_fit_is_worked_out_from_what_the_driver_says(box: Box, driver: Driver) -> None:
    driver.has(ONE)
    plan = await planned(box, driver)
    rows = {row[0]: row[1:] for row in plan["tables"][0]["rows"]}
    assert rows["GPU memory"] == ["24.0 GiB, 22.0 GiB free", "NVML"]
    assert rows["share for vLLM"] == ["0.9: 21.6 GiB", "default of vLLM 0.32.0"]
    assert check(plan, "memory")["verdict"] == "pass"
    assert check(plan, "GPUs")["text"] == "1 of 1: 0 NVIDIA L4"


async def test_who_is_on_a_gpu_is_named_and_what_would_do_is_taken(box: Box, driver: Driver) -> None:
    driver.has(Gpu("GPU-aaaa", used=12 * GIB, processes={4242: 12 * GIB}), OTHER)
    plan = await planned(box, driver)
    texts = check(plan, "memory")
    assert texts["verdict"] == "block"
    assert "GPU 0 has 12.0 GiB free, and vLLM needs 21.6 GiB: pid 4242 with 12.0 GiB" in texts["text"]
    assert "--env CUDA_VISIBLE_DEVICES=1 (" in texts["fix"]
    assert "--gpu-memory-utilization 0.5 (" in texts["fix"]
    for way in (("--env", "CUDA_VISIBLE_DEVICES=1"), ("--gpu-memory-utilization", "0.5")):
        assert check(await planned(box, driver, *way), "memory")["verdict"] == "pass"
    assert check(await planned(box, driver, "-tp", "2"), "memory")["verdict"] == "block"


async def test_more_than_there_are(box: Box, driver: Driver) -> None:
    driver.has(ONE)
    assert check(await planned(box, driver, "-tp", "2"), "GPUs")["text"] == "it asks for 2 GPUs, and there is 1"


async def test_a_gpu_is_that_of_the_server_whose_processes_are_on_it(box: Box, driver: Driver) -> None:
    driver.has(ONE, OTHER)
    flags = ("--name", "tiny", "--port", str(free_port()), "--yes")
    done = await run(box, "local", "up", str(box.model), *flags, **driver.environ)
    assert done.returncode == 0, done.stderr
    worker = next(each for each in group((await box.server()).record.identity) if each.pid != box.pid_of("tiny"))
    busy = Gpu("GPU-bbbb", used=20 * GIB, utilisation=0.9, temperature=71, power=71.9, processes={worker.pid: 20 * GIB})
    driver.has(ONE, busy)
    done = await run(box, "snapshot", "--json", "--context", "local", **driver.environ)
    document = json.loads(done.stdout)
    found = {gpu["uuid"]: gpu for gpu in document["gpus"]}
    assert {uuid: gpu.get("pod") for uuid, gpu in found.items()} == {"GPU-aaaa": None, "GPU-bbbb": "local/tiny"}
    readings = {name: reading["value"] for name, reading in found["GPU-bbbb"]["readings"].items()}
    assert (readings["gpu_utilisation"], readings["gpu_temperature"]) == (0.9, 71)
    assert readings["gpu_memory_used"] == 20 * GIB
    (pod,) = document["pods"]
    assert pod["gpus"] == ["GPU-bbbb"]
    assert pod["readings"]["gpu_utilisation"]["value"] == 0.9


async def test_a_driver_that_is_gone_is_an_answer(box: Box, driver: Driver) -> None:
    (driver.folder / "state").unlink(missing_ok=True)
    done = await run(box, "doctor", "--context", "local", **driver.environ)
    assert "warn  GPUs           no NVIDIA driver on this machine" in done.stdout
