"""The evaluation of a folder of incidents, on a given number of processes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from fleet.evaluation.replay import snapshots_of
from fleet.evaluation.score import CaseScore, score
from fleet.evaluation.truth import Truth, cases
from fleet.recorder.problem import RecordingError

_FEW = 8
"""Number of cases that do not justify another process."""


def scores(folder: Path, jobs: int = 1, progress: Callable[[int, int], object] = lambda *_: None) -> list[CaseScore]:
    """Return the scores of all cases, by name; ``progress`` is called with the number done and the total.

    Raises TruthError, and RecordingError with the name of the file.
    """
    every = cases(folder)
    found: list[CaseScore] = []

    def note(one: CaseScore) -> None:
        found.append(one)
        progress(len(found), len(every))

    if jobs <= 1 or len(every) <= _FEW:
        for one in every:
            note(_scored(*one))
        return found
    # Spawned, because a fork of a threaded process may inherit a held lock.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for scored in pool.map(_scored, *zip(*every, strict=True), chunksize=4):
            note(scored)
    return found


def _scored(name: str, truth: Truth, recording: Path) -> CaseScore:
    try:
        return score(name, truth, snapshots_of(recording))
    except RecordingError as error:
        raise RecordingError(f"{recording}: {error.message.removeprefix(f'{recording}: ')}") from None
