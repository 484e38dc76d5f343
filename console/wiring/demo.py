"""The simulated fleet as a child process: started, awaited, addressed, and always ended.

The location of its files is decided here, so that the console can open while the fleet is still starting.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fleet.dataclass import dataclass

_USAGE = 2
"""The exit code of argparse."""
END_TIMEOUT = 5.0
"""Seconds given to the child to end by itself once its stdin is closed."""


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
        """Block until the child ends; it only ends by itself on an error."""
        self._child.wait()


class DemoError(Exception):
    """The simulated fleet did not start, or ended; ``usage`` where its arguments are wrong."""

    def __init__(self, message: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage


class Starting:
    """A simulated fleet that is starting, or has failed to. Its waiters may be on any thread."""

    def __init__(self, folder: Path, child: subprocess.Popen[bytes], talk: IO[bytes]) -> None:
        self.folder = folder
        """Folder of its files; removed afterwards."""
        self._child = child
        self._talk = talk
        self._simulation: Simulation | None = None
        self.error: DemoError | None = None
        """The reason why there is none."""

    @property
    def kubeconfig(self) -> Path:
        """Path of its kubeconfig, there once the fleet is."""
        return self.folder / "kubeconfig"

    def check(self) -> None:
        """Raises DemoError where it has failed already; does not block."""
        if self._child.poll() is not None:
            self.wait()

    def wait(self) -> Simulation:
        """Block until it serves. Raises DemoError."""
        if self.error is not None:
            raise self.error
        if self._simulation is None:
            try:
                self._simulation = self._read_line()
            except DemoError as error:
                self.error = error
                raise
        return self._simulation

    async def ready(self) -> Simulation:
        """Wait as ``wait`` does, for one who has an event loop. Raises DemoError."""
        if self._simulation is None and self.error is None:
            assert self._child.stdout is not None  # noqa: S101  Popen was given a pipe
            loop, spoken = asyncio.get_running_loop(), asyncio.Event()
            loop.add_reader(self._child.stdout, spoken.set)
            try:
                await spoken.wait()
            finally:
                loop.remove_reader(self._child.stdout)
        return self.wait()

    def end(self) -> None:
        """End it: a serving fleet gets time for an orderly end, a starting one does not need it."""
        child = self._child
        if child.stdin is not None:
            child.stdin.close()
        if self._simulation is None:
            child.kill()
        try:
            child.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdout is not None:
            child.stdout.close()

    def _read_line(self) -> Simulation:
        """Read the line that the child prints once it serves."""
        assert self._child.stdout is not None  # noqa: S101  Popen was given a pipe
        line = self._child.stdout.readline()
        if not line:
            raise self._failure(self._child.wait())
        ready = json.loads(line)
        return Simulation(
            kubeconfig=Path(ready["kubeconfig"]),
            server=ready["server"],
            contexts=tuple(ready["contexts"]),
            prometheus_config=Path(ready["prometheus_config"]),
            pods=ready["pods"],
            _child=self._child,
        )

    def _failure(self, code: int) -> DemoError:
        """Return the child's last line; for a traceback, that is its error."""
        self._talk.seek(0)
        lines = self._talk.read().decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1].removeprefix("simulator: ") if lines else f"it exited with code {code}"
        reason = reason.replace(" (see python -m simulator --help)", "")
        return DemoError(f"the simulated fleet did not start: {reason}", usage=code == _USAGE)


@contextmanager
def starting(arguments: Sequence[str]) -> Iterator[Starting]:
    """Start a simulated fleet for the duration of the block; ``arguments`` are those of ``python -m simulator``.

    The child ends when its stdin closes, which happens however this process dies.
    """
    with (
        tempfile.TemporaryDirectory(prefix="quarterdeck-demo-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as talk,
    ):
        command = [sys.executable, "-P", "-m", "simulator", *arguments, "--folder", folder, "--until-stdin-closes"]
        # In its own session: Ctrl-C is for this process, which then stops the child gracefully.
        child = subprocess.Popen(  # noqa: S603  our own interpreter and module; arguments are not parsed by a shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=talk, start_new_session=True
        )
        fleet = Starting(Path(folder), child, talk)
        try:
            yield fleet
        finally:
            fleet.end()


@contextmanager
def simulated(arguments: Sequence[str]) -> Iterator[Simulation]:
    """A simulated fleet that serves for as long as the block runs. Raises DemoError."""
    with starting(arguments) as fleet:
        yield fleet.wait()
