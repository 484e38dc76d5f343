"""Workers that run the tests side by side: forks of the process that has collected them.

``pytest --workers N`` imports every test module once, whatever N is. Workers that collect for themselves (those of
pytest-xdist) each take as long for it as a large part of the tests does. A file of tests goes to a worker whole, so
that what its tests share is started once; files are handed out in the order in which they were collected.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import traceback
import warnings
from collections import deque
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from _pytest.config import create_terminal_writer

STARTED, REPORTED, WARNED, DONE, BROKEN, ENDED = "started", "reported", "warned", "done", "broken", "ended"
_CONTEXT = multiprocessing.get_context("fork")
_Warned = tuple[str, type[Warning], str, int]

Group = list[int]
"""The tests of one file, as indices of the session's items."""


def files(items: list[pytest.Item]) -> list[Group]:
    """The tests of each file, files in the order of their first tests."""
    groups: dict[str, Group] = {}
    for index, item in enumerate(items):
        groups.setdefault(item.nodeid.partition("::")[0], []).append(index)
    return list(groups.values())


class Forks:
    """The plugin that runs what was collected in ``count`` workers."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._todo: deque[Group] = deque()
        self._workers: dict[Connection, _Worker] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run all tests. One process runs a single file, and says why where nothing can be run."""
        groups = files(session.items)
        if len(groups) < 2 or session.config.option.collectonly or session.testsfailed:
            return None
        reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
        # Files take turns: their names would be written before every dot.
        reporter.showfspath = False
        self._todo.extend(groups)
        try:
            for _ in range(min(self._count, len(groups))):
                self._begin(session)
            while self._workers:
                for pipe in wait(list(self._workers)):
                    assert isinstance(pipe, Connection)
                    self._hear(session, self._workers[pipe])
        finally:
            for worker in list(self._workers.values()):
                self._end(worker)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        return True

    def _begin(self, session: pytest.Session) -> None:
        """Start one more worker, with what is next to do."""
        ours, theirs = _CONTEXT.Pipe()
        factory: Any = session.config._tmp_path_factory  # type: ignore[attr-defined]
        arguments = (session, theirs, [ours, *self._workers], factory.mktemp("worker"))
        process = _CONTEXT.Process(target=_work, args=arguments)
        # What the capture holds would be written by both.
        sys.stdout.flush()
        sys.stderr.flush()
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers[ours] = worker
        self._hand_out(session, worker)

    def _hand_out(self, session: pytest.Session, worker: _Worker) -> None:
        stopping = session.shouldfail or session.shouldstop
        worker.left = self._todo.popleft() if self._todo and not stopping else []
        worker.give(worker.left)

    def _hear(self, session: pytest.Session, worker: _Worker) -> None:
        """Take what a worker has to tell: what pytest would have heard of the test in this process."""
        hook = session.config.hook
        what, *told = worker.hear()
        if what == ENDED:
            self._lost(session, worker)
        elif what == STARTED:
            worker.running = told[0]
            worker.left.remove(told[0])
        elif what == REPORTED:
            hook.pytest_runtest_logreport(
                report=hook.pytest_report_from_serializable(config=session.config, data=told[0])
            )
            if session.shouldfail or session.shouldstop:
                for other in self._workers.values():
                    other.give([])
        elif what == WARNED:
            warned, when, nodeid, location = told
            message = warnings.WarningMessage(*warned)
            known = {"warning_message": message, "when": when, "nodeid": nodeid, "location": location}
            hook.pytest_warning_recorded.call_historic(kwargs=known)
        elif what == BROKEN:
            raise RuntimeError(f"a worker failed outside of the tests:\n{told[0]}")
        else:
            worker.running = None
            self._hand_out(session, worker)

    def _lost(self, session: pytest.Session, worker: _Worker) -> None:
        """A worker has ended: as it was told to, or in the middle of a test, which has failed then."""
        del self._workers[worker.pipe]
        worker.process.join()
        code = worker.process.exitcode or 0
        if worker.running is None and not worker.left:
            assert code == 0, f"a worker ended with {code}"
            return
        by = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        if worker.running is not None:
            item = session.items[worker.running]
            report = pytest.TestReport(
                item.nodeid, item.location, {}, "failed", f"the worker that ran it ended with {by}", "call"
            )
            session.config.hook.pytest_runtest_logreport(report=report)
        if worker.left:
            self._todo.appendleft(worker.left)
        if self._todo and not (session.shouldfail or session.shouldstop):
            self._begin(session)

    def _end(self, worker: _Worker) -> None:
        """End one that still runs, because this process is about to end: what it started ends with it."""
        worker.give([])
        worker.pipe.close()
        worker.process.join(ENDING)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


ENDING = 10.0
"""Seconds that a worker is given to end what its tests have started, when the tests are interrupted."""


class _Worker:
    """A worker as the parent knows it."""

    def __init__(self, process: BaseProcess, pipe: Connection) -> None:
        self.process = process
        self.pipe = pipe
        self.left: Group = []
        """What it was given and has not begun."""
        self.running: int | None = None

    def hear(self) -> tuple[Any, ...]:
        """The next that it has to tell; the last is that it has ended."""
        try:
            told: tuple[Any, ...] = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            return (ENDED,)
        return told

    def give(self, group: Group) -> None:
        """Have it run these; without any it begins no other test and ends."""
        try:
            self.pipe.send(list(group))
        except OSError:
            # It has ended already, which the end of its pipe tells.
            return


class _Teller:
    """The plugin that tells the parent what happens in a worker."""

    def __init__(self, config: pytest.Config, pipe: Connection) -> None:
        self._config = config
        self._pipe = pipe

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """As it would have been heard in one process."""
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._pipe.send((REPORTED, data))

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str, location: tuple[str, int, str] | None
    ) -> None:
        """The text and place of a warning, whatever object it is of."""
        of = warning_message
        warned: _Warned = (str(of.message), of.category, of.filename, of.lineno)
        self._pipe.send((WARNED, warned, when, nodeid, location))


def _work(session: pytest.Session, pipe: Connection, of_parent: list[Connection], folder: Path) -> None:
    """In a worker: run what comes through the pipe until nothing does."""
    for theirs in of_parent:
        theirs.close()
    try:
        _become_a_worker(session.config, pipe, folder)
        setup_state: Any = session._setupstate
        try:
            while group := pipe.recv():
                for place, index in enumerate(group):
                    if pipe.poll():
                        break
                    pipe.send((STARTED, index))
                    # What all files share stays until the worker ends; what is of this file goes with its last test.
                    item, after = session.items[index], group[place + 1 :]
                    following: Any = session.items[after[0]] if after else session
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                pipe.send((DONE,))
        except (EOFError, BrokenPipeError):
            pass  # The parent is gone: what the tests have started ends all the same.
        finally:
            setup_state.teardown_exact(None)
    except KeyboardInterrupt:
        return
    except BaseException:
        pipe.send((BROKEN, traceback.format_exc()))
        raise


def _become_a_worker(config: pytest.Config, pipe: Connection, folder: Path) -> None:
    """Write nothing to the terminal, hold what is captured in files of its own, make folders in one of its own."""
    plugins = config.pluginmanager
    for name in ("terminalreporter", "lfplugin", "nfplugin", "stepwiseplugin"):
        if plugins.has_plugin(name):
            plugins.unregister(name=name)
    # Stacks of a test that takes too long are written to it: into what is captured of the test.
    plugins.register(SimpleNamespace(_tw=create_terminal_writer(config, sys.__stderr__)), "terminalreporter")
    plugins.register(_Teller(config, pipe))
    capture: Any = plugins.get_plugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    capture.suspend_global_capture()
    factory: Any = config._tmp_path_factory  # type: ignore[attr-defined]
    factory._basetemp = folder
