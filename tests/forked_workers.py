"""Workers of pytest-xdist as forks of one process that has imported every test, where each would import them all.

The controller imports the tests, then forks a worker for each of its gateways, before any thread runs in it. A fork
goes on as the interpreter that execnet would have started: it reads execnet's first line and does what that says. What
replaces a crashed worker is started by execnet.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from types import ModuleType
from typing import Any

import execnet
import pytest
from execnet import gateway_io
from execnet.gateway_base import ExecModel, Popen2IO, get_execmodel

_FORK = get_context("fork")


class _Fork(Popen2IO):
    """A forked worker, seen by the controller as execnet sees a process that it has started."""

    def __init__(self, execmodel: ExecModel) -> None:
        input_, stdin = os.pipe()
        stdout, output = os.pipe()
        self._process = _FORK.Process(target=_work, args=(input_, output, (stdin, stdout)))
        self._process.start()
        os.close(input_)
        os.close(output)
        super().__init__(os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb"), execmodel)

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()


def _work(input_: int, output: int, theirs: Iterable[int]) -> None:
    """Be the interpreter that execnet would have started, to its end."""
    for descriptor in theirs:
        os.close(descriptor)
    for descriptor, stream in ((input_, 0), (output, 1)):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    sys.stdin, sys.stdout = os.fdopen(0, "r", closefd=False), os.fdopen(1, "w", closefd=False)
    # The main module of a command, as is that of a worker; processes of multiprocessing would import pytest's.
    sys.modules["__main__"] = ModuleType("__main__")
    exec(gateway_io.popen_bootstrapline)  # noqa: S102 - what is executed in the other interpreter


def fork(config: pytest.Config, specs: Sequence[execnet.XSpec]) -> None:
    """Import what is to be tested, and give execnet a fork for each process that it would start."""
    for name in modules(config):
        # A worker imports it once more, and reports what is wrong with it.
        with suppress(Exception, pytest.skip.Exception):
            importlib.import_module(name)
    # Garbage collection would write to the pages that the forks share.
    gc.freeze()
    start, model = gateway_io.create_io, get_execmodel("main_thread_only")
    with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        forks = [_Fork(model) for spec in specs if spec.popen]

    def create_io(spec: execnet.XSpec, execmodel: ExecModel) -> Any:
        return forks.pop(0) if spec.popen and forks else start(spec, execmodel)

    gateway_io.create_io = create_io


def modules(config: pytest.Config) -> Iterator[str]:
    """Names of the modules in the files and folders of a command line."""
    for argument in config.args:
        path = config.invocation_params.dir / argument.partition("::")[0]
        for file in sorted(path.rglob("test_*.py")) if path.is_dir() else [path]:
            if file.is_relative_to(config.rootpath):
                yield ".".join(file.relative_to(config.rootpath).with_suffix("").parts)
