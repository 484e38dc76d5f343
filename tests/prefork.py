"""Programs of ours in processes that have them imported already: a command is there in milliseconds, not in a second.

A process that has imported every room forks for each command (multiprocessing's forkserver), and the fork takes over
what is given to it: arguments, environment, standard streams. Tests of the start itself, of what is imported, of
shells and of terminals start Python themselves.
"""

from __future__ import annotations

import faulthandler
import importlib
import multiprocessing
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, Self

from tests.waiting import PATIENCE

CONSOLE, SIMULATOR = "console.main", "simulator.__main__"
STARTS = ("PYTHON", "LC_", "LANG", "LD_")
"""Beginnings of variables that are read when Python starts: whoever gives another one gets a Python that starts."""
UNSEEN = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
"""Variables among them that change nothing in what a command says."""

_Streams = tuple[Connection, Connection, Connection]


class Program:
    """A program that runs, as a context that ends with it: one that still runs then is killed."""

    def __init__(self, module: str, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        self._args = (module, *arguments)
        input_, self._stdin = multiprocessing.Pipe(duplex=False)
        self._stdout, output = multiprocessing.Pipe(duplex=False)
        self._stderr, errors = multiprocessing.Pipe(duplex=False)
        given = dict(os.environ if env is None else env)
        # A daemon of multiprocessing: one that is left behind ends with the tests.
        self._process = _CONTEXT.Process(target=_run, args=(self._args, given, (input_, output, errors)), daemon=True)
        self._process.start()
        for theirs in (input_, output, errors):
            theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        for stream in (self._stdin, self._stdout, self._stderr):
            stream.close()

    @property
    def returncode(self) -> int | None:
        """None while it runs; the negative number of a signal that ended it."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, which must still run."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def end_input(self) -> None:
        """Close its stdin."""
        self._stdin.close()

    def line(self) -> str:
        """Return the next line of its stdout; a partial one if it ends."""
        read = bytearray()
        while not read.endswith(b"\n") and (byte := os.read(self._stdout.fileno(), 1)):
            read += byte
        return read.decode()

    def errors(self) -> str:
        """Return its stderr up to the end."""
        return self._read_on(self._stderr)[0].decode()

    def wait(self, timeout: float = PATIENCE) -> int:
        """The exit code. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._args, timeout)
        return self.returncode

    def communicate(self, timeout: float = PATIENCE) -> tuple[bytes, bytes]:
        """Return both streams, once no process holds them. Raises subprocess.TimeoutExpired."""
        self.end_input()
        out, err = self._read_on(self._stdout, self._stderr, timeout=timeout)
        self.wait(timeout)
        return out, err

    def _read_on(self, *streams: Connection, timeout: float = PATIENCE) -> list[bytes]:
        deadline = time.monotonic() + timeout
        read = {stream.fileno(): bytearray() for stream in streams}
        with selectors.DefaultSelector() as selector:
            for descriptor in read:
                selector.register(descriptor, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise subprocess.TimeoutExpired(self._args, timeout)
                for key, _ in ready:
                    data = os.read(key.fd, 65_536)
                    read[key.fd] += data
                    if not data:
                        selector.unregister(key.fd)
        return [bytes(data) for data in read.values()]


def quarterdeck(
    *arguments: str, env: Mapping[str, str] | None = None, timeout: float = PATIENCE, module: str = CONSOLE
) -> subprocess.CompletedProcess[str]:
    """Run ``quarterdeck …``, with nothing to read, to its end. Raises subprocess.TimeoutExpired.

    ``module`` is another one whose ``main`` is run, that of a Quarterdeck with something added.
    """
    done = quarterdeck_bytes(*arguments, env=env, timeout=timeout, module=module)
    texts = (stream.decode().replace("\r\n", "\n") for stream in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, *texts)


def quarterdeck_bytes(
    *arguments: str, env: Mapping[str, str] | None = None, timeout: float = PATIENCE, module: str = CONSOLE
) -> subprocess.CompletedProcess[bytes]:
    """The same, the streams as they are."""
    given = dict(os.environ if env is None else env)
    command = [sys.executable, "-m", module, *arguments]
    if _at_start(given) != _at_start(os.environ):
        return subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, env=given, timeout=timeout, check=False
        )
    with Program(module, *arguments, env=given) as program:
        out, err = program.communicate(timeout)
        return subprocess.CompletedProcess(command, program.wait(timeout), out, err)


def _at_start(env: Mapping[str, str]) -> dict[str, str]:
    """Return what Python reads of an environment when it starts. LC_ALL goes before all other locales."""
    unread = ("LANG", "LC_") if env.get("LC_ALL") else ()
    read = {name: value for name, value in env.items() if name.startswith(STARTS) and name not in UNSEEN}
    return {name: value for name, value in read.items() if name == "LC_ALL" or not name.startswith(unread)}


def _run(args: Sequence[str], env: Mapping[str, str], streams: _Streams) -> None:
    """Become, in the fork, the process that ``python -m`` would have been."""
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
        stream.close()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as it runs
    faulthandler.enable()
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    program: Any = importlib.import_module(args[0])
    sys.argv = [program.__file__, *args[1:]]
    sys.exit(program.main())


_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, "tests.preloaded"])
