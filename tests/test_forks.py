"""Workers that are forks: every test runs once, beside those of its file, and is told of as in a single process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.ending import ending
from tests.waiting import PATIENCE, block_until

CONFTEST = """
import os, pathlib, pytest
from tests.conftest import pytest_addoption, pytest_configure

def note(what):
    with open("notes", "a") as file:
        file.write(f"{what} {os.getpid()}\\n")

@pytest.fixture(scope="session", autouse=True)
def of_the_worker():
    note("worker")
    yield
    note("worker-ended")
"""
FILE = """
import pytest
from conftest import note
note("imported {name}")

@pytest.fixture(scope="module", autouse=True)
def of_the_file():
    note("file {name}")
    yield
    note("file-ended {name}")

@pytest.mark.parametrize("number", range(3))
def test_it(number, tmp_path):
    note("ran {name}")
    (tmp_path / "written").touch()
"""


def run(pytester: pytest.Pytester, *arguments: str, **files: str) -> pytest.RunResult:
    """Run the files of tests, given by their names, in two workers."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(**files)
    return pytester.runpytest_subprocess("--workers", "2", "-p", "no:cacheprovider", *arguments)


def notes(pytester: pytest.Pytester) -> list[list[str]]:
    return [line.split() for line in (pytester.path / "notes").read_text().splitlines()]


def processes(noted: list[list[str]], *beginning: str) -> list[str]:
    """The process of each note that begins with these words."""
    return [words[-1] for words in noted if words[: len(beginning)] == list(beginning)]


def test_a_file_is_imported_once_and_runs_whole_in_one_of_the_workers(pytester: pytest.Pytester) -> None:
    names = ("test_a", "test_b", "test_c", "test_d")
    done = run(pytester, **{name: FILE.format(name=name) for name in names})
    done.assert_outcomes(passed=12)
    noted = notes(pytester)
    imported = {process for name in names for process in processes(noted, "imported", name)}
    assert [len(processes(noted, "imported", name)) for name in names] == [1, 1, 1, 1]
    assert len(imported) == 1
    workers = processes(noted, "worker")
    assert len(workers) == len(set(workers)) == 2
    assert set(workers).isdisjoint(imported)
    assert sorted(processes(noted, "worker-ended")) == sorted(workers)
    for name in names:
        (began,) = processes(noted, "file", name)
        assert processes(noted, "ran", name) == [began] * 3
        assert processes(noted, "file-ended", name) == [began]


def test_each_outcome_and_what_a_test_wrote_are_told_of(pytester: pytest.Pytester) -> None:
    first = """
import pytest, sys
def test_good(): print("not told")
def test_bad(): print("told by bad"); assert 1 == 2
@pytest.mark.skip(reason="not here")
def test_skipped(): pass
"""
    second = """
import pytest, warnings
@pytest.mark.xfail(strict=True)
def test_expected(): assert False
@pytest.fixture
def broken(): raise OSError("no such thing")
def test_broken(broken): pass
def test_warns(): warnings.warn("take care")
"""
    done = run(pytester, "-ra", test_a=first, test_b=second)
    done.assert_outcomes(passed=2, failed=1, skipped=1, xfailed=1, errors=1, warnings=1)
    done.stdout.fnmatch_lines_random(
        ["*assert 1 == 2", "told by bad", "*OSError: no such thing", "SKIPPED*not here", "*UserWarning: take care*"]
    )
    done.stdout.no_fnmatch_line("not told")
    assert done.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("end", "told"),
    [("os._exit(7)", "exit code 7"), ("os.kill(os.getpid(), 9)", "signal SIGKILL")],
    ids=["exit", "kill"],
)
def test_a_worker_that_ends_fails_the_test_that_it_ran_and_no_other(
    pytester: pytest.Pytester, end: str, told: str
) -> None:
    deadly = f"import os\ndef test_before(): pass\ndef test_deadly(): {end}\ndef test_after(): pass\n"
    done = run(pytester, "-ra", test_a=deadly, test_b=FILE.format(name="b"), test_c=FILE.format(name="c"))
    done.assert_outcomes(passed=8, failed=1)
    done.stdout.fnmatch_lines([f"*test_a.py::test_deadly*the worker that ran it ended with {told}*"])


def test_after_the_first_failure_nothing_is_begun_where_that_was_asked_for(pytester: pytest.Pytester) -> None:
    failing = "def test_bad(): assert False\ndef test_never(): raise SystemExit\n"
    done = run(pytester, "-x", test_a=failing, test_b=failing, test_c=FILE.format(name="c"))
    assert 1 <= done.parseoutcomes()["failed"] <= 2
    assert not processes(notes(pytester), "ran", "c")
    assert len(processes(notes(pytester), "worker-ended")) == 2


def test_what_fails_outside_of_the_tests_is_no_success(pytester: pytest.Pytester) -> None:
    fixture = '@pytest.fixture(scope="session")\ndef it():\n    yield\n    raise OSError("no end")\n'
    late = f"import pytest\n{fixture}\ndef test_it(it): pass\n"
    done = run(pytester, test_a=late, test_b=FILE.format(name="b"))
    assert done.ret == pytest.ExitCode.INTERNAL_ERROR
    done.stdout.fnmatch_lines_random(["*a worker failed outside of the tests*", "*OSError: no end"])


def test_what_is_not_collected_is_said_once_and_nothing_runs(pytester: pytest.Pytester) -> None:
    done = run(
        pytester, test_a="import nothing_of_this_name\n", test_b=FILE.format(name="b"), test_c="def test_c(): pass\n"
    )
    assert done.ret == pytest.ExitCode.INTERRUPTED
    assert done.parseoutcomes() == {"errors": 1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_what_they_started_when_the_tests_are_ended(
    pytester: pytest.Pytester, number: signal.Signals
) -> None:
    waiting = 'import time\nfrom conftest import note\ndef test_it():\n    note("waits")\n    time.sleep({patience})\n'
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_a=waiting.format(patience=PATIENCE), test_b=waiting.format(patience=PATIENCE))
    command = [sys.executable, "-m", "pytest", "--workers", "2", "-p", "no:cacheprovider"]
    written = Path(pytester.path / "notes")
    with ending(
        subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.DEVNULL, start_new_session=True)
    ) as tests:
        block_until(lambda: written.exists() and len(processes(notes(pytester), "waits")) == 2)
        workers = [psutil.Process(int(process)) for process in processes(notes(pytester), "waits")]
        if number == signal.SIGINT:
            os.killpg(tests.pid, number)
        else:
            tests.send_signal(number)
            for worker in workers:
                worker.send_signal(signal.SIGINT)
    psutil.wait_procs(workers, timeout=PATIENCE)
    assert len(processes(notes(pytester), "worker-ended")) == 2
