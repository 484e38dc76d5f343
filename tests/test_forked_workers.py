"""Workers are forks that have every test imported; all else is as with workers that start by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = """
from tests import forked_workers

def pytest_xdist_setupnodes(config, specs):
    forked_workers.fork(config, specs)
"""
IMPORTED = """
import os, pathlib, sys
with pathlib.Path("imported").open("a") as file:
    print(os.getpid(), file=file)
"""
MEETING = """
import pathlib, time
import pytest

@pytest.mark.parametrize("number", range(2))
def test_both_work_at_once(number):
    pathlib.Path(f"here-{number}").touch()
    while not pathlib.Path(f"here-{1 - number}").exists():
        time.sleep(0.01)

def test_what_was_compared_is_shown():
    assert [1, 2] == [1, 3]
"""
CRASHING = """
import os, pathlib
from multiprocessing import get_context

def test_ends_its_worker():
    os._exit(3)

def test_is_still_run():
    process = get_context("spawn").Process(target=print)
    process.start()
    process.join()
    assert process.exitcode == 0
"""


def test_a_test_is_imported_once_for_workers_that_work_side_by_side(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_meeting=IMPORTED + MEETING)
    done = pytester.runpytest_subprocess("-n2", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(["*At index 1 diff: 2 != 3*"])
    assert len(Path("imported").read_text().split()) == 1


def test_a_crashed_worker_is_replaced(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_crashing=CRASHING)
    done = pytester.runpytest_subprocess("-n1", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*replacing crashed worker gw0*", "*worker 'gw0' crashed while running*"])


def test_a_test_that_cannot_be_imported_is_an_error_and_the_others_are_run(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_wrong="import no_such_module", test_right="def test_fine(): pass")
    done = pytester.runpytest_subprocess("-n1", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["*No module named 'no_such_module'*"])
