"""Threads for blocking calls, such as a request or a name lookup, that never delay the exit of the program.

The standard library joins the threads of its pools when the interpreter ends, so a server that accepts a request and
then hangs would delay a user who wants to quit.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


_Call = partial[None]


class Workers(ThreadPoolExecutor):
    """A pool of at most ``most`` daemon threads; one is started for a call only while all others are busy.

    The thread that was busy last is given the next call: calls that come one after the other stay on one thread, since
    each other one would find its stack and its part of the heap cold. A ThreadPoolExecutor by type, because an event
    loop takes no other for its default executor.
    """

    def __init__(self, most: int, name: str) -> None:
        super().__init__(most, thread_name_prefix=name)
        self._most = most
        self._name = name
        self._calls: deque[_Call] = deque()
        """Calls for which there is no thread yet."""
        self._idle: list[SimpleQueue[_Call | None]] = []
        """Queues of calls, one for each idle thread, None to end; the one that was busy last comes last."""
        self._started = 0
        self._guard = threading.Lock()
        self._ended = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Raises RuntimeError after ``shutdown``."""
        future: Future[T] = Future()
        call = partial(_carry_out, future, partial(fn, *args, **kwargs))
        with self._guard:
            if self._ended:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if self._idle:
                self._idle.pop().put(call)
            elif self._started < self._most:
                self._start(call)
            else:
                self._calls.append(call)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Return at once, whatever ``wait`` says: an ending event loop would wait for a call that hangs."""
        del wait
        with self._guard:
            self._ended = True
            while cancel_futures and self._calls:
                self._calls.popleft().args[0].cancel()
            while self._idle:
                self._idle.pop().put(None)

    def _start(self, call: _Call) -> None:
        # Not as the thread's argument, which would be kept for as long as it runs.
        own: SimpleQueue[_Call | None] = SimpleQueue()
        own.put(call)
        name = f"{self._name}-{self._started}"
        threading.Thread(target=self._work, args=(own,), name=name, daemon=True).start()
        self._started += 1

    def _work(self, own: SimpleQueue[_Call | None]) -> None:
        call = own.get()
        while call is not None:
            call()
            # An idle thread must not keep the last result alive.
            del call
            call = self._next(own)

    def _next(self, own: SimpleQueue[_Call | None]) -> _Call | None:
        """Return the next call of a thread that waits at ``own``; None for none after ``shutdown``."""
        with self._guard:
            if self._calls:
                return self._calls.popleft()
            if self._ended:
                return None
            self._idle.append(own)
        return own.get()


def _carry_out(future: Future[T], call: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
        future.set_exception(error)
    else:
        future.set_result(result)
