"""The simulator as a process of its own, as the console starts it."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.prefork import SIMULATOR, Program


@dataclass
class Process:
    """A running simulator and the line of JSON that it printed."""

    child: Program
    said: dict[str, Any]

    @property
    def kubeconfig(self) -> Path:
        return Path(self.said["kubeconfig"])

    @property
    def server(self) -> str:
        """https://host:port of its API server."""
        return str(self.said["server"])

    @property
    def contexts(self) -> tuple[str, ...]:
        """The first is the administrator's."""
        return tuple(self.said["contexts"])

    @property
    def prometheus_config(self) -> Path:
        return Path(self.said["prometheus_config"])

    @property
    def pods(self) -> int:
        return int(self.said["pods"])


@contextmanager
def simulator(*flags: str) -> Iterator[Process]:
    """A simulator that is ready; it ends when its stdin closes."""
    with Program(SIMULATOR, "--until-stdin-closes", *flags) as child:
        try:
            line = child.line()
            assert line, child.errors()
            yield Process(child, json.loads(line))
        finally:
            child.end_input()
            try:
                child.wait()
            except subprocess.TimeoutExpired:
                # Where it hangs goes to its stderr.
                child.send_signal(signal.SIGABRT)
                raise AssertionError(f"the simulator does not end:\n{child.errors()}") from None
