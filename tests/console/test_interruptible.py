"""A command that is told to end cleans up first, whatever the signal; its exit code is that of Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.ending import ending
from tests.waiting import PATIENCE

COMMAND = """
import asyncio, signal, sys
import console.cli.dispatch as dispatch
from console.cli import interruptible
from console.main import main
for number in sys.argv[1:]:
    signal.signal(int(number), signal.SIG_IGN)
async def command():
    try:
        print("runs", flush=True)
        while True:
            await asyncio.sleep(600 if len(sys.argv) == 1 else 0.01)
            if len(sys.argv) > 1 and sys.stdin.readline():
                return 7
    finally:
        print("cleaned up", flush=True)
dispatch.dispatch = lambda *_: interruptible.run(command())
sys.exit(main(["snapshot"]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_cleans_up(number: signal.Signals) -> None:
    with ending(
        subprocess.Popen([sys.executable, "-c", COMMAND], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "runs\n"
        child.send_signal(number)
        assert child.stdout.read() == "cleaned up\n"
        assert child.stderr.read() == ""
        assert child.wait(PATIENCE) == 130


def test_what_nohup_has_it_ignore_it_ignores() -> None:
    command = [sys.executable, "-c", COMMAND, str(int(signal.SIGHUP))]
    with ending(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "runs\n"
        child.send_signal(signal.SIGHUP)
        child.stdin.write("go on\n")
        child.stdin.flush()
        assert child.stdout.read() == "cleaned up\n"
        assert child.wait(PATIENCE) == 7
