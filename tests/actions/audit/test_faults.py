"""Every call of the system that writing a record makes fails once: raised means that the record is not in the log."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actions.audit import disk
from actions.audit.chain import verify
from actions.audit.errors import AuditError
from actions.audit.reading import read_log, records
from tests.actions.audit.logs import filled, intent, log_in

CALLS = ["open", "close", "write", "fsync", "ftruncate", "fstat", "mkdir", "stat", "rename", "replace"]
MOST = 40
"""More than any of them is called for one record."""


class Faults:
    """The ``nth`` call of one function fails; a write may have written ``part`` of its bytes by then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, nth: int, number: int, *, part: int = 0) -> None:
        self.hit = False
        self.calls = 0
        real: Callable[..., Any] = getattr(os, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            if self.calls != nth:
                return real(*arguments, **named)
            self.hit = True
            if name == "write" and part:
                real(arguments[0], arguments[1][:part])
            if name == "close":
                # The descriptor is closed nevertheless (close(2)).
                real(*arguments)
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, name, call)


def written(folder: Path, action: str) -> bool:
    return action in {record.action for record in records(read_log(folder))}


@pytest.mark.parametrize("first", [True, False], ids=["the first record", "a later one"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT], ids=["full", "broken", "quota"])
@pytest.mark.parametrize("name", CALLS)
def test_raised_means_not_in_the_log_and_not_raised_means_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int, *, first: bool
) -> None:
    for nth in range(1, MOST):
        folder = tmp_path / f"{nth}" / "audit"
        if not first:
            filled(folder, 1)
        with monkeypatch.context() as patch:
            faults = Faults(patch, name, nth, number, part=20 * (nth % 2))
            raised = True
            try:
                log_in(folder).append("intent", "x1", intent())
                raised = False
            except AuditError:
                pass
        assert raised is not written(folder, "x1"), (name, nth)
        assert verify(read_log(folder)).intact
        log_in(folder).append("intent", "x2", intent())
        assert written(folder, "x2")
        assert verify(read_log(folder)).intact
        if not faults.hit:
            return
    pytest.fail(f"{name} is called more often than {MOST} times")


def test_where_it_cannot_be_taken_back_either_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "audit"
    log = filled(folder, 1)

    def fails(*_: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(disk, "sync", fails)
    monkeypatch.setattr(os, "ftruncate", fails)
    with pytest.raises(AuditError, match="may still be in it, although nothing that it says was done"):
        log.append("intent", "x1", intent())


def test_the_lock_that_cannot_be_had_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "audit"
    log = filled(folder, 1)

    def fails(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", fails)
        with pytest.raises(AuditError):
            log.append("intent", "x1", intent())
    assert not written(folder, "x1")
