"""Process starts: the only place. The guard is consulted first: in read-only mode nothing is started."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import psutil

from fleet.guard import RefusedError, may_start
from fleet.local.errors import LocalError
from fleet.local.process import Identity, identify

_TROUBLE: Final = 10.0
"""Seconds that the few lines below may take to report."""
_ENDING: Final = 5.0
"""Seconds between asking a helper process to end and ending it."""

# Leader of the new session. Its child waits for a go-ahead until its pid has been recorded, so no server ever runs
# unrecorded. It is a grandchild of this process: init adopts and reaps it, and it survives the end of this program
# and its terminal. Signals that a shell made this program ignore (nohup; background jobs ignore SIGINT) are restored
# for the server, which must react to requests to stop.
_LEADER: Final = """
import os, signal, sys
told, folder, log = os.dup(1), sys.argv[1], os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
os.set_inheritable(told, False)
child = os.fork()
if child:
    os.write(told, b"%d\\n" % child)
    os._exit(0)
os.setsid()
if os.read(0, 1) != b"!":
    os._exit(0)
try:
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.dup2(log, 1), os.dup2(log, 2), os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(folder)
    os.execve(sys.argv[3], sys.argv[3:], dict(os.environ))
except OSError as error:
    os.write(told, str(error).encode())
os._exit(127)
"""


class RunLimitError(LocalError):
    """Raised when it took longer than it may, and was ended."""


class WaitingProcess:
    """A process in its own session that waits to become a server. ``go`` starts it; without that it ends by itself."""

    def __init__(self, identity: Identity, orders: IO[bytes], answers: IO[bytes]) -> None:
        self.identity = identity
        self._orders = orders
        self._answers = answers

    def go(self) -> None:
        """Become the server. Blocks for a moment. Raises LocalError if the system cannot run it."""
        with self._orders, self._answers:
            self._orders.write(b"!")
            self._orders.flush()
            # Closed by the system when exec replaces the few lines above.
            problem = self._answers.read().decode(errors="replace")
        if problem:
            raise LocalError(f"it could not be started: {problem}", "Is the executable intact, and may you run it?")

    def drop(self) -> None:
        """Do not start it after all."""
        self._orders.close()
        self._answers.close()


def hold(argv: Sequence[str], *, env: Mapping[str, str], folder: Path, log: Path, what: str) -> WaitingProcess:
    """Prepare a process in a new session, with ``folder`` as its working directory and its output in ``log``. Blocks
    briefly.

    Raises LocalError, also in read-only mode.
    """
    _ask_the_door(what)
    command = [sys.executable, "-I", "-S", "-c", _LEADER, str(folder), str(log), *argv]
    try:
        leader = subprocess.Popen(  # noqa: S603 - no shell; the words are handed on as they are
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(env)
        )
    except (OSError, ValueError) as error:
        raise LocalError(f"{what} could not be started: {error}") from error
    assert leader.stdin is not None  # noqa: S101 - Popen was given pipes
    assert leader.stdout is not None  # noqa: S101
    pid = leader.stdout.readline()
    try:
        leader.wait(_TROUBLE)
        return WaitingProcess(identify(int(pid)), leader.stdin, leader.stdout)
    except (ValueError, psutil.Error, subprocess.TimeoutExpired) as error:
        leader.kill()
        leader.wait()
        leader.stdin.close()
        leader.stdout.close()
        raise LocalError(f"{what} could not be started: the system created no process") from error


async def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    on_output: Callable[[bytes], None],
    what: str,
    limit: float | None = None,
) -> int:
    """Run a program to its end and pass on its output (stdout and stderr as they come); return its exit code.

    If cancelled, or after ``limit`` seconds, everything that it started ends with it. Raises LocalError, also in
    read-only mode and for the limit.
    """
    _ask_the_door(what)
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise LocalError(f"{what} could not be started: {error}") from error
    assert process.stdout is not None  # noqa: S101 - it was given a pipe
    try:
        async with asyncio.timeout(limit):
            while chunk := await process.stdout.read(65536):
                on_output(chunk)
            return await process.wait()
    except TimeoutError as error:
        raise RunLimitError(f"{what} was ended: it took longer than {limit:g} s") from error
    finally:
        await asyncio.shield(_end(process))


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the rest of its session: it may have ended itself and left others."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(TimeoutError):
        async with asyncio.timeout(_ENDING):
            await process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _ask_the_door(what: str) -> None:
    try:
        may_start(what)
    except RefusedError as error:
        raise LocalError(error.message, error.remedy) from error
