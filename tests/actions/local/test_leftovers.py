"""Processes of a server are found no matter who their parent is, and leftovers are reported."""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from actions.local.environment import SERVER_ID
from actions.local.leftovers import SHARED, left_of, sockets_in, survey
from actions.local.spawn import hold
from fleet.local.record import ServerRecord
from fleet.local.spec import LaunchSpec
from tests.ending import until_ended

WORKER = """
import os, socket, sys, time
os.setsid()
name = f"/dev/shm/psm_{os.getpid()}"
memory = open(name, "wb")
port = socket.create_server(("127.0.0.1", 0))
with open(sys.argv[1] + ".new", "w") as out:
    print(os.getpid(), name, port.getsockname()[1], file=out)
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""
SEMAPHORE = """
import multiprocessing, os, sys, time
lock = multiprocessing.get_context("spawn").Lock()
gone = open(f"/dev/shm/pym-{os.getpid()}", "wb")
os.unlink(gone.name)
with open(sys.argv[1] + ".new", "w") as out:
    print(lock._semlock.name, file=out)
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""
LEADER = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', *sys.argv[1:]]); time.sleep(600)"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[ServerRecord, int, str, int]]:
    """A leader, and a worker that has left its session and holds shared memory and a port."""
    ready = tmp_path / "ready"
    argv = (sys.executable, "-c", LEADER, WORKER, str(ready))
    server = uuid.uuid4().hex
    held = hold(argv, env={**os.environ, SERVER_ID: server}, folder=tmp_path, log=tmp_path / "log", what="a test")
    held.go()
    process = psutil.Process(held.identity.pid)
    deadline = 10 / 0.02
    while not ready.exists():
        deadline -= 1
        assert deadline, (tmp_path / "log").read_text()
        with pytest.raises(psutil.TimeoutExpired):
            process.wait(0.02)
    pid, name, port = ready.read_text().split()
    record = ServerRecord(server, LaunchSpec("tiny", "m"), held.identity, argv, "", 0.0, str(tmp_path))
    yield record, int(pid), name, int(port)
    for each in survey(record).processes:
        kill(each.pid)
    Path(name).unlink(missing_ok=True)


def kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    until_ended([process])


def test_a_worker_of_another_session_belongs_to_it(server: tuple[ServerRecord, int, str, int]) -> None:
    record, worker, memory, port = server
    found = survey(record)
    assert {each.pid for each in found.processes} == {record.identity.pid, worker}
    assert found.shared == {memory}
    assert found.ports == (port,)


def test_a_worker_that_outlives_its_leader_is_still_found(server: tuple[ServerRecord, int, str, int]) -> None:
    record, worker, _, port = server
    kill(record.identity.pid)
    found = survey(record)
    assert [each.pid for each in found.processes] == [worker]
    assert found.ports == (port,)


def test_shared_memory_that_nobody_holds_any_more_is_left(server: tuple[ServerRecord, int, str, int]) -> None:
    record, worker, memory, _ = server
    had = survey(record)
    kill(record.identity.pid)
    kill(worker)
    left = left_of(record, had)
    assert left.processes == ()
    assert left.shared == {memory}


def test_shared_memory_that_another_process_uses_is_not_touched(server: tuple[ServerRecord, int, str, int]) -> None:
    record, worker, memory, _ = server
    had = survey(record)
    with Path(memory).open("rb"):
        kill(record.identity.pid)
        kill(worker)
        assert left_of(record, had).shared == frozenset()


def test_a_named_semaphore_is_known_by_its_inode(tmp_path: Path) -> None:
    """The process has it mapped under the name of a temporary file that is gone; whoever is killed whole leaves it.

    What has no name any more is nothing that could be left.
    """
    ready = tmp_path / "ready"
    argv = (sys.executable, "-c", SEMAPHORE, str(ready))
    held = hold(argv, env={**os.environ}, folder=tmp_path, log=tmp_path / "log", what="a test")
    held.go()
    process = psutil.Process(held.identity.pid)
    deadline = 10 / 0.02
    while not ready.exists():
        deadline -= 1
        assert deadline, (tmp_path / "log").read_text()
        with pytest.raises(psutil.TimeoutExpired):
            process.wait(0.02)
    name = f"{SHARED}/sem.{ready.read_text().strip().lstrip('/')}"
    record = ServerRecord(uuid.uuid4().hex, LaunchSpec("tiny", "m"), held.identity, argv, "", 0.0, str(tmp_path))
    try:
        had = survey(record)
        assert had.shared == {name}
        # First Python's resource tracker, which would remove it when its leader ends.
        for each in reversed(had.processes):
            os.kill(each.pid, signal.SIGKILL)
            while each.alive:
                time.sleep(0.01)
        assert left_of(record, had).shared == {name}
    finally:
        for each in survey(record).processes:
            os.kill(each.pid, signal.SIGKILL)
        Path(name).unlink(missing_ok=True)


def test_sockets_are_told_from_other_files(tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "one"))
        (tmp_path / "file").touch()
        assert sockets_in(str(tmp_path)) == [tmp_path / "one"]
    assert sockets_in(str(tmp_path / "gone")) == []
