"""The simulated fleet as a child process: started, waited for, pointed at, and ended whatever happens."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_USAGE = 2
"""The exit code of argparse."""
END_TIMEOUT = 5.0
"""Seconds that the child gets to end by itself once its stdin is closed."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """A fleet that is being simulated."""

    kubeconfig: Path
    server: str
    """https://host:port of its API server."""
    contexts: tuple[str, ...]
    """The first is the administrator's; the others are the identities to try."""
    prometheus_config: Path
    pods: int
    _child: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._child.pid

    def wait(self) -> None:
        """Block until the child ends; it ends by itself only if something is wrong."""
        self._child.wait()


class DemoError(Exception):
    """The simulated fleet did not start, or ended; ``usage`` where its arguments are wrong."""

    def __init__(self, message: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage


@contextmanager
def simulated(arguments: Sequence[str]) -> Iterator[Simulation]:
    """A simulated fleet for as long as the block runs; ``arguments`` are those of ``python -m simulator``.

    The child ends when its stdin closes, and the system closes that when this process dies, however it dies. Raises
    DemoError.
    """
    command = [sys.executable, "-P", "-m", "simulator", *arguments, "--until-stdin-closes"]
    with tempfile.TemporaryFile() as talk:
        # A session of its own: Ctrl-C is for this process, which then ends the child in good order.
        child = subprocess.Popen(  # noqa: S603  our own interpreter and module; arguments are not parsed by a shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=talk, start_new_session=True
        )
        try:
            yield _ready(child, talk)
        finally:
            _end(child)


def _ready(child: subprocess.Popen[bytes], talk: IO[bytes]) -> Simulation:
    """Wait for the one line that the child prints when it serves."""
    assert child.stdout is not None  # noqa: S101  Popen was given a pipe
    line = child.stdout.readline()
    if not line:
        raise _failure(child.wait(), talk)
    told = json.loads(line)
    return Simulation(
        kubeconfig=Path(told["kubeconfig"]),
        server=told["server"],
        contexts=tuple(told["contexts"]),
        prometheus_config=Path(told["prometheus_config"]),
        pods=told["pods"],
        _child=child,
    )


def _failure(code: int, talk: IO[bytes]) -> DemoError:
    """What the child said last; a traceback's last line is its error."""
    talk.seek(0)
    lines = talk.read().decode("utf-8", "replace").strip().splitlines()
    said = lines[-1].removeprefix("simulator: ") if lines else f"it ended with code {code}"
    said = said.replace(" (see python -m simulator --help)", "")
    return DemoError(f"the simulated fleet did not start: {said}", usage=code == _USAGE)


def _end(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
    try:
        child.wait(END_TIMEOUT)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
