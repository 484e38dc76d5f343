"""Threads that never hold up the end of the program."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from fleet.workers import Workers
from tests.waiting import PATIENCE


def test_results_and_errors_come_back() -> None:
    workers = Workers(2, "test")
    assert workers.submit(pow, 2, 10).result(10) == 1024
    with pytest.raises(ZeroDivisionError):
        workers.submit(divmod, 1, 0).result(10)
    workers.shutdown()


def test_no_more_threads_than_allowed() -> None:
    workers = Workers(2, "test")
    names = {workers.submit(lambda: threading.current_thread().name).result(10) for _ in range(20)}
    assert names <= {"test-0", "test-1"}
    workers.shutdown()


def test_after_the_end_nothing_is_taken_and_what_waited_is_cancelled() -> None:
    workers = Workers(1, "test")
    begun, release = threading.Event(), threading.Event()

    def block() -> str:
        begun.set()
        assert release.wait(PATIENCE)
        return "done"

    under_way = workers.submit(block)
    waiting = [workers.submit(pow, 2, 2) for _ in range(3)]
    assert begun.wait(PATIENCE)
    workers.shutdown(wait=False, cancel_futures=True)
    assert all(future.cancelled() for future in waiting)
    with pytest.raises(RuntimeError):
        workers.submit(pow, 2, 2)
    release.set()
    assert under_way.result(10) == "done"
    workers.shutdown()


async def test_an_event_loop_takes_it_for_its_own() -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(Workers(2, "of-the-loop"))
    assert (await asyncio.to_thread(lambda: threading.current_thread().name)).startswith("of-the-loop")


def test_a_call_that_hangs_does_not_hold_up_the_end_of_the_program() -> None:
    program = "import time; from fleet.workers import Workers; Workers(1, 'x').submit(time.sleep, 60)"
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
    assert time.monotonic() - began < 20
