"""Logs of real servers of several versions: their starts, and provoked failures.

Of each log, repeated lines and most of the access log are left out, and long lines are cut; paths are neutral ones.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fleet.local.phases import StageReader
from fleet.local.server import Phase
from fleet.local.server_log import reason_of
from fleet.local.tail import Tail
from fleet.model.log_reasons import STOPPED

LOGS = Path(__file__).with_name("logs")
REASONS = {
    "bad-value": "arguments",
    "engine-killed": "engine-died",
    "killed-9": "killed",
    "kv-too-small": "context-too-long",
    "max-model-len": "max-model-len",
    "no-model": "model-not-found",
    "offline": "offline",
    "port-taken": "port-taken",
    "shard-cut": "shard-broken",
    "unknown-flag": "arguments",
}
SAID_OTHERWISE = {("0.8.5", "offline"): "model-not-found"}
"""Exceptions: that version does not report that the hub was not contacted."""
HEALTHY, DOWN = "healthy", "down"
SERVED = frozenset({HEALTHY, DOWN, "killed-9", "engine-killed"})
"""Logs of servers that became ready."""
NAME = re.compile(r"real-([\d.]+)-(.+)\.log")


def case(path: Path) -> tuple[str, str]:
    """Version and what happened, of a file's name."""
    match = NAME.fullmatch(path.name)
    assert match is not None, path
    return match[1], match[2]


ALL = sorted(LOGS.glob("real-*.log"))
STARTS = [path for path in ALL if case(path)[1] in SERVED]
FAILURES = [path for path in ALL if case(path)[1] in REASONS]


def lines_of(path: Path) -> list[str]:
    tail = Tail(path)
    lines = []
    while read := tail.read():
        lines += read
    return [line for line in lines if line.strip()]


def name(path: Path) -> str:
    return path.stem.removeprefix("real-")


def test_every_log_is_one_of_a_known_case() -> None:
    assert {case(path)[1] for path in ALL} <= {*REASONS, HEALTHY, DOWN}
    assert {case(path)[0] for path in ALL} == {case(path)[0] for path in STARTS}


@pytest.mark.parametrize("path", STARTS, ids=name)
def test_the_phases_of_a_start_are_seen_in_order(path: Path) -> None:
    reader = StageReader(0.0)
    for line in lines_of(path):
        reader.feed(line, 0.0)
    phases = [stage.phase for stage in reader.stages]
    # These models are served by the CPU: no graphs are captured there.
    expected = [Phase.STARTING, Phase.LOADING, Phase.COMPILING, Phase.READY]
    assert phases[:4] == expected
    assert phases[4:] in ([], [Phase.STOPPING])
    if case(path)[1] == DOWN:
        assert phases[4:] == [Phase.STOPPING]
    weights = reader.stages[1]
    assert (weights.done, weights.total) == (29, 29)


@pytest.mark.parametrize("path", FAILURES, ids=name)
def test_why_it_died_is_found(path: Path) -> None:
    version, what = case(path)
    reason = reason_of(lines_of(path), was_ready=what in SERVED)
    assert reason.id == SAID_OTHERWISE.get((version, what), REASONS[what]), reason
    if what != "killed-9":
        assert reason.line
        assert "pid=" not in reason.line
        assert "\x1b" not in reason.line


@pytest.mark.parametrize("path", [path for path in ALL if case(path)[1] == HEALTHY], ids=name)
@pytest.mark.parametrize("was_ready", [True, False])
def test_a_healthy_log_is_blamed_for_nothing(path: Path, was_ready: bool) -> None:
    """Warnings, arguments and refused requests are no reason to die: what is left is that it was killed."""
    assert reason_of(lines_of(path), was_ready=was_ready).id == "killed"


@pytest.mark.parametrize("path", [path for path in ALL if case(path)[1] == DOWN], ids=name)
def test_one_that_was_told_to_end_has_not_failed(path: Path) -> None:
    assert reason_of(lines_of(path), was_ready=True) == STOPPED


@pytest.mark.parametrize("path", ALL, ids=name)
def test_no_log_has_a_colour_in_what_is_shown(path: Path) -> None:
    assert not any("\x1b" in line for line in lines_of(path))
