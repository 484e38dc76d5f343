"""Ownership of a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from fleet.local.process import Identity, group, identify, owners
from tests.ending import ending

FAMILY = """
import subprocess, sys, time
own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
inside = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(own.pid, inside.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def family() -> Iterator[tuple[Identity, int, int]]:
    """A leader, one child with its own session, and one without."""
    command = [sys.executable, "-c", FAMILY]
    pipe = subprocess.PIPE
    with ending(subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True, text=True)) as leader:
        assert leader.stdout is not None
        own, inside = (int(pid) for pid in leader.stdout.readline().split())
        children = [psutil.Process(pid) for pid in (own, inside)]
        yield identify(leader.pid), own, inside
        leader.kill()
        for child in children:
            child.kill()


def test_a_process_is_that_of_its_session_or_of_who_started_it(family: tuple[Identity, int, int]) -> None:
    leader, own, inside = family
    of = {leader: "tiny"}
    assert owners((leader.pid, own, inside, os.getpid()), of) == dict.fromkeys((leader.pid, own, inside), "tiny")
    assert {each.pid for each in group(leader)} == {leader.pid, own, inside}


def test_a_worker_that_outlives_its_leader_is_found_by_the_session_and_is_nobodys(
    family: tuple[Identity, int, int],
) -> None:
    leader, _, inside = family
    psutil.Process(leader.pid).kill()
    psutil.Process(leader.pid).wait()
    assert inside in {each.pid for each in group(leader)}
    assert owners((inside,), {leader: "tiny"}) == {}


def test_a_pid_that_another_process_has_now_leads_nobody(family: tuple[Identity, int, int]) -> None:
    leader, _, inside = family
    before = replace(leader, started=leader.started - 60)
    assert not before.alive
    assert owners((leader.pid, inside), {before: "tiny"}) == {}


def test_a_pid_that_is_none_here_is_left_out() -> None:
    assert owners((2**22 + 1,), {identify(os.getpid()): "tiny"}) == {}
