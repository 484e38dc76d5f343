"""``python -m tests.fleet.recorder.kills [ROUNDS]``: kill -9 a console that keeps what it sees, again and again.

Each round a process goes on with the same file and is killed at a random moment. What it had said to be kept must be
there, every moment must be what was seen, and the next must be able to go on at once.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from fleet.model.snapshot import Cluster, Health
from fleet.recorder.cluster_recordings import ContinuousRecorder, RecordingPolicy
from fleet.recorder.moment import Moment
from fleet.recorder.reader import Recording
from fleet.recorder.thinning import Retention
from tests.fleet.recorder.seen import BEGAN, STEP, Plain, measured, state, statuses

LONGEST = 0.06
"""Seconds that a process lives at most, from its first tick on: some write nothing more, some dozens of ticks."""
LOOKED_AT = 5
"""Moments of a recording that are compared each time, beside the last."""


@dataclass(frozen=True)
class Kills:
    """Result of the kills."""

    rounds: int
    ticks: int
    """Noted in all; those that were being noted when their process was killed included."""
    within: int
    """Rounds in which the tick that was being noted is there: those were killed after the transaction."""


def run(folder: Path, rounds: int, seed: int = 1) -> Kills:
    """Raises AssertionError if confirmed data are lost, or differ from what was seen."""
    rng = random.Random(seed)
    last = -1
    within = 0
    for _ in range(rounds):
        number = _lived(folder, last + 1, rng.random() * LONGEST)
        assert number > last, "it could not go on where the one before was killed"
        file = next(folder.glob("*.qdr"))
        with Recording(file) as recording:
            there = _number(recording.last)
            assert there in (number, number + 1), f"{number} was said to be kept, {there} is there"
            kept = recording.measured(recording.first, recording.last)
            for at in (recording.last, *rng.choices(kept, k=LOOKED_AT)):
                _check(recording.at(at), _number(at))
        within += there - number
        last = there
    return Kills(rounds, last + 1, within)


def _lived(folder: Path, first: int, seconds: float) -> int:
    """The number of the last tick that a process said to have kept before it was killed."""
    reads, says = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reads)
        _note_for_ever(folder, first, says)
    os.close(says)
    with os.fdopen(reads, "rb") as reader:
        assert reader.readline() == b"%d\n" % first
        # The age at which it is killed, drawn at random: nothing may announce that moment.
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        lines = [line for line in reader.read().splitlines(keepends=True) if line.endswith(b"\n")]
    return int(lines[-1]) if lines else first


def _note_for_ever(folder: Path, first: int, says: int) -> None:
    try:
        keeping = ContinuousRecorder(
            RecordingPolicy(folder, Retention(), Plain), Cluster("prod", "prod", "https://kube.example.com")
        )
        for number in range(first, sys.maxsize):
            moment = Moment(state(number), statuses(requests=number), measured(number))
            keeping.note(moment, BEGAN + number * STEP)
            (status,) = keeping.statuses()
            assert status.health is Health.LIVE, status.notes
            os.write(says, b"%d\n" % number)
    finally:
        os._exit(1)


def _number(at: float) -> int:
    return round((at - BEGAN) / STEP)


def _check(found: Moment, number: int) -> None:
    seen = state(number)
    assert (found.state.pods, found.state.workloads) == (seen.pods, seen.workloads), number
    assert found.measurement is not None
    assert found.measurement.at == measured(number).at, number


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory(prefix="quarterdeck-kills-") as folder:
        began = time.monotonic()
        print(run(Path(folder) / "recordings", rounds), f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
