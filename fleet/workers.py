"""Threads for blocking calls, such as a request or a name lookup, that never delay the exit of the program.

The standard library joins the threads of its pools when the interpreter ends, so a server that accepts a request and
then hangs would delay a user who wants to quit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Workers(ThreadPoolExecutor):
    """A pool of at most ``most`` daemon threads, started as they are needed.

    A ThreadPoolExecutor by type, because an event loop takes no other for its default executor.
    """

    def __init__(self, most: int, name: str) -> None:
        super().__init__(most, thread_name_prefix=name)
        self._most = most
        self._name = name
        self._calls: SimpleQueue[partial[None] | None] = SimpleQueue()
        self._started: list[threading.Thread] = []
        self._guard = threading.Lock()
        self._ended = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Raises RuntimeError after ``shutdown``."""
        future: Future[T] = Future()
        with self._guard:
            if self._ended:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._calls.put(partial(_carry_out, future, partial(fn, *args, **kwargs)))
            if len(self._started) < self._most:
                thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._started)}", daemon=True)
                self._started.append(thread)
                thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Return at once, whatever ``wait`` says: an ending event loop would wait for a call that hangs."""
        del wait
        with self._guard:
            self._ended = True
            if cancel_futures:
                self._cancel()
            self._calls.put(None)

    def _cancel(self) -> None:
        with suppress(Empty):
            while True:
                call = self._calls.get_nowait()
                if call is not None:
                    call.args[0].cancel()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            # An idle worker must not keep the last result alive.
            del call
        self._calls.put(None)


def _carry_out(future: Future[T], call: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
        future.set_exception(error)
    else:
        future.set_result(result)
