"""The simulator as a process of its own, as the console starts it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ending import ending
from tests.waiting import PATIENCE


@dataclass
class Process:
    """A running simulator and the line of JSON that it printed."""

    child: subprocess.Popen[str]
    said: dict[str, Any]

    @property
    def kubeconfig(self) -> Path:
        return Path(self.said["kubeconfig"])


@contextmanager
def simulator(*flags: str) -> Iterator[Process]:
    """A simulator that is ready; it ends when its stdin closes."""
    command = [sys.executable, "-X", "faulthandler", "-m", "simulator", "--until-stdin-closes", *flags]
    with ending(
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
    ) as child:
        assert child.stdin
        assert child.stdout
        assert child.stderr
        try:
            line = child.stdout.readline()
            assert line, child.stderr.read()
            yield Process(child, json.loads(line))
        finally:
            if not child.stdin.closed:
                child.stdin.close()
            try:
                child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                # Where it hangs goes to its stderr.
                child.send_signal(signal.SIGABRT)
                raise AssertionError(f"the simulator does not end:\n{child.stderr.read()}") from None
