"""Leftovers of a server carry its mark: a real Python is started with it, and killed."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from actions.local.environment import SERVER_ID
from actions.local.own_names import mark_of, with_own_names

PROGRAM = """
import multiprocessing, os, sys, tempfile
from multiprocessing import shared_memory

def child(lock):
    memory = shared_memory.SharedMemory(create=True, size=8)
    print(memory.name, tempfile.gettempdir(), lock._semlock.name, flush=True)
    os.kill(os.getpid(), 9)

if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    lock = spawn.Lock()
    worker = spawn.Process(target=child, args=(lock,))
    worker.start()
    worker.join()
    os.kill(multiprocessing.resource_tracker._resource_tracker._pid, 9)
    os.kill(os.getpid(), 9)
"""
SHARED = Path("/dev/shm")  # noqa: S108 - where shared memory is


@pytest.fixture
def server() -> Iterator[str]:
    made = uuid.uuid4().hex
    yield made
    for file in SHARED.glob(f"*{mark_of(made)}*"):
        file.unlink()


def run(folder: Path, program: str, env: dict[str, str]) -> str:
    file = folder / "program.py"
    file.write_text(program)
    return subprocess.run([sys.executable, file], env=env, stdout=subprocess.PIPE, check=False).stdout.decode()


def test_memory_and_semaphores_of_a_killed_python_and_its_children_have_the_mark(tmp_path: Path, server: str) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir()
    env = with_own_names({**os.environ, SERVER_ID: server}, server, runtime)
    memory, temporary, lock = run(tmp_path, PROGRAM, env).split()
    assert temporary == str(runtime)
    assert memory.startswith(f"psm_{mark_of(server)}_")
    assert lock.startswith(f"/mp-{mark_of(server)}-")
    left = {file.name for file in SHARED.glob(f"*{mark_of(server)}*")}
    assert left == {memory, f"sem.{lock[1:]}"}


def test_a_module_that_python_would_have_run_at_its_start_is_still_run(tmp_path: Path, server: str) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("import os; os.environ['THEIRS'] = 'ran'")
    runtime = tmp_path / "run"
    runtime.mkdir()
    env = with_own_names({**os.environ, SERVER_ID: server, "PYTHONPATH": str(theirs)}, server, runtime)
    assert run(tmp_path, "import os; print(os.environ['THEIRS'])", env) == "ran\n"


def test_what_is_no_process_of_the_server_keeps_its_names(tmp_path: Path, server: str) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir()
    env = with_own_names(dict(os.environ), server, runtime)
    env.pop(SERVER_ID, None)
    assert run(tmp_path, "from multiprocessing import shared_memory as m; print(m._SHM_NAME_PREFIX)", env) == "/psm_\n"


def test_what_was_compiled_before_is_found_again_and_a_folder_that_is_given_is_kept(tmp_path: Path) -> None:
    env = with_own_names({"TMPDIR": "/large/tmp", "USER": "me"}, "0" * 32, tmp_path)
    assert env["TORCHINDUCTOR_CACHE_DIR"] == "/large/tmp/torchinductor_me"
    given = with_own_names({"TORCHINDUCTOR_CACHE_DIR": "/mine"}, "0" * 32, tmp_path)
    assert given["TORCHINDUCTOR_CACHE_DIR"] == "/mine"
    assert env["VLLM_OBJECT_STORAGE_SHM_BUFFER_NAME"].endswith("_000000000000")
