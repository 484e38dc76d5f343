"""The meaning of an answer's series, computed once: while they are unchanged, only numbers are read.

A query about a fleet returns the same series in the same order until something comes or goes, and the labels are nine
tenths of the text. They are recognised by their hashes (64 bits under a key of this process, each at its place), which
take a fortieth of the labels' memory; after a pod has come or gone, by their hashes alone.
"""

from __future__ import annotations

import math
import operator
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Generic, NamedTuple, TypeVar

from fleet.metrics.answers import Labels
from fleet.metrics.moved_series import LostSeriesError, Moved
from fleet.sources.prometheus.answer import Answer
from fleet.sources.prometheus.series import as_written, labels_at, numbers, series

T = TypeVar("T")


class _Known(NamedTuple, Generic[T]):
    """The spelling of series, and their meaning."""

    hashes: array[int]
    against: object
    meaning: T


class Remembered(Generic[T]):
    """The meaning of the answers to one query, or to several that belong together."""

    def __init__(self) -> None:
        self._known: _Known[T] | None = None
        """Replaced as a whole: a slow answer of a failed measurement may still be read alongside the next one."""

    def read(
        self,
        answers: Sequence[Answer],
        against: object,
        make: Callable[[Iterable[Labels]], T],
        follow: Callable[[T, Moved], T] | None = None,
    ) -> tuple[T, list[float]]:
        """Return the meaning, and the values of the series in order with a NaN appended.

        ``make`` derives the meaning from all labels; it is only called again if the series or ``against`` (compared
        with ==) have changed. ``follow`` derives it from the previous one if most series are unchanged; it may raise
        LostSeriesError. Raises SourceProblem if an answer is not a vector.

        The answers are consumed: their texts take ten times the memory of what is read from them.
        """
        try:
            return self._read(answers, against, make, follow)
        finally:
            for answer in answers:
                answer.release()

    def _read(
        self,
        answers: Sequence[Answer],
        against: object,
        make: Callable[[Iterable[Labels]], T],
        follow: Callable[[T, Moved], T] | None,
    ) -> tuple[T, list[float]]:
        known = self._known
        if known is not None and (follow is not None or known.against == against):
            found = self._followed(answers, known, against, follow)
            if found is not None:
                return found
        values: list[float] = []
        meaning = make(series(answers, values))
        hashes, written = as_written(answers)
        # The fast path is used only if both ways of parsing agree.
        agree = written.tobytes() == array("d", values).tobytes()
        self._known = _Known(hashes, against, meaning) if agree else None
        values.append(math.nan)
        return meaning, values

    def _followed(
        self, answers: Sequence[Answer], known: _Known[T], against: object, follow: Callable[[T, Moved], T] | None
    ) -> tuple[T, list[float]] | None:
        """Return the result from what is known; None if everything must be read again."""
        hashes, values = array("q"), list[float]()
        same = known.against == against
        try:
            for labels, texts in chain.from_iterable(answer.texts() for answer in answers):
                begin = len(hashes)
                hashes.extend(map(hash, labels))
                if follow is None and hashes[begin:] != known.hashes[begin : len(hashes)]:
                    return None
                values += numbers(texts)
        except ValueError:
            return None
        if len(values) != len(hashes):
            return None
        values.append(math.nan)
        if same and hashes == known.hashes:
            return known.meaning, values
        places = _places(known.hashes, hashes) if follow is not None else None
        if follow is None or places is None:
            return None
        try:
            meaning = follow(known.meaning, Moved(places, len(hashes), partial(labels_at, answers)))
        except (LostSeriesError, ValueError):
            return None
        self._known = _Known(hashes, against, meaning)
        return meaning, values


def _places(before: array[int], now: array[int]) -> list[int] | None:
    """Return where each series is now, -1 for nowhere, and a -1 behind them; None where some have changed places."""
    at = dict(zip(now, range(len(now)), strict=True))
    places = [at.get(each, -1) for each in before]
    stayed = [place for place in places if place >= 0]
    # A duplicate series would be mistaken for the other.
    if len(at) < len(now) or any(map(operator.ge, stayed, stayed[1:])):
        return None
    return [*places, -1]
