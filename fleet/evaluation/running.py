"""The evaluation of a folder of incidents, on as many processors as are given."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from fleet.evaluation.replaying import looks
from fleet.evaluation.scoring import CaseScore, score
from fleet.evaluation.truth import Truth, cases
from fleet.recorder.problem import RecordingError

_FEW = 8
"""Cases that are not worth another process."""


def scores(folder: Path, jobs: int = 1) -> list[CaseScore]:
    """The scores of all cases, by name. Raises TruthError, and RecordingError with the name of the file."""
    every = cases(folder)
    if jobs <= 1 or len(every) <= _FEW:
        return [_scored(*one) for one in every]
    # Started anew: a fork of a process that has threads may hold what one of them had locked.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return list(pool.map(_scored, *zip(*every, strict=True), chunksize=4))


def _scored(name: str, truth: Truth, recording: Path) -> CaseScore:
    try:
        return score(name, truth, looks(recording))
    except RecordingError as error:
        raise RecordingError(f"{recording}: {error.problem.removeprefix(f'{recording}: ')}") from None
