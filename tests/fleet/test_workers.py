"""Threads that never hold up the end of the program."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
import weakref

import pytest

from fleet.workers import Workers
from tests.waiting import PATIENCE, block_until


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


def test_calls_one_after_the_other_stay_on_the_thread_that_was_busy_last() -> None:
    workers = Workers(3, "test")
    arrived, release = threading.Barrier(4), threading.Event()

    def block() -> str:
        arrived.wait(PATIENCE)
        assert release.wait(PATIENCE)
        return threading.current_thread().name

    together = [workers.submit(block) for _ in range(3)]
    arrived.wait(PATIENCE)
    waiting = workers.submit(pow, 2, 2)
    assert not waiting.done()
    release.set()
    assert {future.result(PATIENCE) for future in together} == {"test-0", "test-1", "test-2"}
    assert waiting.result(PATIENCE) == 4
    until_idle(workers, 3)
    names = []
    for _ in range(10):
        names.append(workers.submit(lambda: threading.current_thread().name).result(PATIENCE))
        until_idle(workers, 3)
    assert len(set(names)) == 1
    workers.shutdown()


def test_no_thread_is_started_while_one_is_idle() -> None:
    workers = Workers(3, "test")
    for _ in range(5):
        assert workers.submit(lambda: threading.current_thread().name).result(PATIENCE) == "test-0"
        until_idle(workers, 1)
    workers.shutdown()


def test_an_idle_thread_keeps_no_result() -> None:
    class Result:
        pass

    workers = Workers(1, "test")
    # A thread's first call, and a later one.
    for _ in range(2):
        result = weakref.ref(workers.submit(Result).result(PATIENCE))
        until_idle(workers, 1)
        assert result() is None
    workers.shutdown()


def until_idle(workers: Workers, threads: int) -> None:
    """Wait until so many of its threads have nothing to do: a result is there a moment before that."""
    block_until(lambda: len(workers._idle) >= threads, "idle threads", every=0.001)


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
