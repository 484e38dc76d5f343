"""Processes: those that outlive this program, and those that end with their task."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from actions.local.spawn import hold, run
from fleet import guard
from fleet.local.errors import LocalError
from fleet.local.process import Identity, group
from tests.ending import until_ended

SLEEPER = (sys.executable, "-c", "import time; time.sleep(600)")


def wait_gone(identity: Identity) -> None:
    """Wait until the process has ended; fail the test if it does not."""
    process = identity.process()
    if process is not None:
        until_ended([process])


async def reached(file: Path) -> str:
    """Wait for the file and return its content."""

    def look() -> str:
        deadline = time.monotonic() + 10
        while not file.exists():
            assert time.monotonic() < deadline, f"{file.name} never came"
            time.sleep(0.01)
        return file.read_text()

    return await asyncio.to_thread(look)


def test_what_is_held_runs_nothing_until_it_is_told_to(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    argv = (sys.executable, "-c", f"open({str(mark)!r}, 'w')")
    held = hold(argv, env=os.environ, folder=tmp_path, log=tmp_path / "log", what="a test")
    assert held.identity.alive
    held.drop()
    wait_gone(held.identity)
    assert not mark.exists()


def test_what_goes_leads_a_session_of_its_own_and_is_nobodys_child(tmp_path: Path) -> None:
    held = hold(SLEEPER, env=os.environ, folder=tmp_path, log=tmp_path / "log", what="a test")
    held.go()
    process = held.identity.process()
    assert process is not None
    try:
        assert os.getsid(process.pid) == process.pid
        assert process.ppid() != os.getpid()
        assert process.terminal() is None
        assert process.cwd() == str(tmp_path.resolve())
        assert process.cmdline() == list(SLEEPER)
    finally:
        process.kill()
    wait_gone(held.identity)


def test_its_output_goes_to_its_log_which_others_cannot_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    argv = (sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr); print(open(0).read())")
    held = hold(argv, env=os.environ, folder=tmp_path, log=log, what="a test")
    held.go()
    wait_gone(held.identity)
    assert sorted(log.read_text().split()) == ["err", "out"]
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_hears_what_a_background_job_ignores(number: signal.Signals, tmp_path: Path) -> None:
    before, mask = signal.signal(number, signal.SIG_IGN), signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        held = hold(SLEEPER, env=os.environ, folder=tmp_path, log=tmp_path / "log", what="a test")
        held.go()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(number, before)
    try:
        os.kill(held.identity.pid, number)
        wait_gone(held.identity)
    finally:
        with suppress(ProcessLookupError):
            os.kill(held.identity.pid, signal.SIGKILL)


def test_what_cannot_be_run_is_said(tmp_path: Path) -> None:
    script = tmp_path / "vllm"
    script.write_text("#!/nonexistent/python\n")
    script.chmod(0o755)
    held = hold((str(script), "serve"), env=os.environ, folder=tmp_path, log=tmp_path / "log", what="a test")
    with pytest.raises(LocalError, match="No such file"):
        held.go()
    wait_gone(held.identity)


def test_it_goes_on_when_the_program_that_started_it_is_killed(tmp_path: Path) -> None:
    program = f"""
import os, pathlib
from actions.local.spawn import hold
folder = pathlib.Path({str(tmp_path)!r})
held = hold({SLEEPER!r}, env=os.environ, folder=folder, log=folder / "log", what="a test")
held.go()
print(held.identity.pid, flush=True)
os.kill(os.getpid(), {signal.SIGKILL.value})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30, check=False)
    process = psutil.Process(int(done.stdout))
    try:
        assert done.returncode == -signal.SIGKILL
        assert process.is_running()
        assert process.cmdline() == list(SLEEPER)
    finally:
        process.kill()
        until_ended([process])


def test_a_program_that_dies_before_it_says_go_leaves_nothing(tmp_path: Path) -> None:
    program = f"""
import os, pathlib
from actions.local.spawn import hold
folder = pathlib.Path({str(tmp_path)!r})
held = hold({SLEEPER!r}, env=os.environ, folder=folder, log=folder / "log", what="a test")
print(held.identity.pid, held.identity.started, flush=True)
os.kill(os.getpid(), {signal.SIGKILL.value})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30, check=False)
    pid, started = done.stdout.split()
    wait_gone(Identity(int(pid), float(started)))


def test_a_recycled_pid_is_not_the_process_that_was_meant() -> None:
    mine = psutil.Process()
    assert Identity(mine.pid, mine.create_time()).alive
    assert not Identity(mine.pid, mine.create_time() - 3600).alive


async def test_a_group_is_everything_in_its_session_also_when_its_leader_is_gone(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    worker = f"import time; open({str(ready)!r}, 'w'); time.sleep(600)"
    leader = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {worker!r}]); time.sleep(600)"
    held = hold((sys.executable, "-c", leader), env=os.environ, folder=tmp_path, log=tmp_path / "log", what="a test")
    held.go()
    await reached(ready)
    whole = group(held.identity)
    assert whole[0].pid == held.identity.pid
    assert len(whole) == 2
    os.kill(held.identity.pid, signal.SIGKILL)
    wait_gone(held.identity)
    try:
        assert group(held.identity) == whole[1:]
    finally:
        os.kill(whole[1].pid, signal.SIGKILL)
    wait_gone(whole[1])
    assert group(held.identity) == ()


async def test_a_run_hands_on_what_is_written_and_the_code(tmp_path: Path) -> None:
    found: list[bytes] = []
    argv = (sys.executable, "-c", "import sys; print('hello'); sys.exit(3)")
    assert await run(argv, env=os.environ, cwd=tmp_path, on_output=found.append, what="a test") == 3
    assert b"".join(found) == b"hello\n"


async def test_a_run_that_is_cancelled_ends_with_all_that_it_started(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    worker = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(ready) + '.new'!r}, 'w').write(str(os.getpid()))\n"
        f"os.rename({str(ready) + '.new'!r}, {str(ready)!r})\n"
        "time.sleep(600)"
    )
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {worker!r}]); time.sleep(600)"
    argv = (sys.executable, "-c", code)
    task = asyncio.create_task(run(argv, env=os.environ, cwd=tmp_path, on_output=lambda _: None, what="a test"))
    child = psutil.Process(int(await reached(ready)))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(child.wait, 10)


async def test_a_run_has_its_limit(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"a test was ended: it took longer than 0\.2 s"):
        await run(SLEEPER, env=os.environ, cwd=tmp_path, on_output=lambda _: None, what="a test", limit=0.2)


async def test_read_only_starts_nothing(tmp_path: Path) -> None:
    guard.lock()
    with pytest.raises(LocalError, match="a test was not started: this is read-only"):
        hold(SLEEPER, env=os.environ, folder=tmp_path, log=tmp_path / "log", what="a test")
    with pytest.raises(LocalError, match="read-only"):
        await run(SLEEPER, env=os.environ, cwd=tmp_path, on_output=lambda _: None, what="a test")
    assert not os.listdir(tmp_path)  # noqa: PTH208 - it is no coroutine that waits here
