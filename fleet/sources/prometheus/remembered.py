"""The meaning of an answer's series, worked out once: while they are written the same, only numbers are read.

A query about a fleet is answered with the same series in the same order until something comes or goes, and the labels
are nine tenths of the text. They are known again by their hashes (64 bits under a key of this process, each at its
place), which take a fortieth of the memory that labels would.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from fleet.metrics.answers import Labels, samples
from fleet.sources.prometheus.answer import Answer

T = TypeVar("T")


class _Known(NamedTuple, Generic[T]):
    """The spelling of series, and what they mean."""

    hashes: array[int]
    against: object
    meaning: T


class Remembered(Generic[T]):
    """The meaning of the answers to one query, or to several that belong together."""

    def __init__(self) -> None:
        self._known: _Known[T] | None = None
        """Replaced as a whole: a slow answer of a measurement that failed may still be read beside the next one's."""

    def read(
        self, answers: Sequence[Answer], against: object, make: Callable[[Iterable[Labels]], T]
    ) -> tuple[T, list[float]]:
        """The meaning, and the values of the series in their order with a NaN behind them.

        ``make`` works the meaning out of all labels; it is asked again only where the series or ``against`` (compared
        with ==) are others than the last time. Raises SourceProblem for what is no vector.
        """
        known = self._known
        if known is not None and known.against == against:
            found = _values(answers, known.hashes)
            if found is not None:
                return known.meaning, found
        values: list[float] = []
        meaning = make(_series(answers, values))
        hashes, numbers = _as_written(answers)
        # Only where both ways of reading agree is the short one taken.
        agree = numbers.tobytes() == array("d", values).tobytes()
        self._known = _Known(hashes, against, meaning) if agree else None
        values.append(math.nan)
        return meaning, values


def _values(answers: Iterable[Answer], known: array[int]) -> list[float] | None:
    """The values, None where the series are others."""
    values: list[float] = []
    try:
        for answer in answers:
            for labels, numbers in answer.texts():
                at = len(values)
                if array("q", map(hash, labels)) != known[at : at + len(labels)]:
                    return None
                values += map(float, numbers)
    except ValueError:
        return None
    if len(values) != len(known):
        return None
    values.append(math.nan)
    return values


def _series(answers: Iterable[Answer], values: list[float]) -> Iterator[Labels]:
    for answer in answers:
        for labels, value, _ in samples(answer.elements()):
            values.append(value)
            yield labels


def _as_written(answers: Iterable[Answer]) -> tuple[array[int], array[float]]:
    hashes, numbers = array("q"), array("d")
    try:
        for answer in answers:
            for labels, texts in answer.texts():
                hashes.extend(map(hash, labels))
                numbers.extend(map(float, texts))
    except ValueError:
        return array("q"), array("d")
    return hashes, numbers
