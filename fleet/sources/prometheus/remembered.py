"""What the series of an answer mean, worked out once: as long as they are written the same, only numbers are read.

A query about a fleet is answered with the same series in the same order until something comes or goes, and the labels
are nine tenths of the text. They are known again by their hashes (64 bits under a key of this process, each at its
place), which take a fortieth of the memory that labels would.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from fleet.metrics.answers import Labels, samples
from fleet.sources.prometheus.answer import Answer

T = TypeVar("T")


class Remembered(Generic[T]):
    """The meaning of the answers to one query, or to several that belong together."""

    def __init__(self) -> None:
        self._hashes = array("q")
        self._against: object = None
        self._meaning: T | None = None

    def read(
        self, answers: Sequence[Answer], against: object, make: Callable[[Iterable[Labels]], T]
    ) -> tuple[T, list[float]]:
        """The meaning, and the values of the series in their order with a NaN behind them.

        ``make`` works the meaning out of all labels; it is asked again only where the series or ``against`` (compared
        with ==) are others than the last time. Raises SourceProblem for what is no vector.
        """
        if self._meaning is not None and self._against == against:
            values = self._values(answers)
            if values is not None:
                return self._meaning, values
        values = []
        meaning = make(_series(answers, values))
        self._hashes, numbers = _as_written(answers)
        # Only where both ways of reading agree is the short one taken.
        self._meaning = meaning if numbers.tobytes() == array("d", values).tobytes() else None
        self._against = against
        values.append(math.nan)
        return meaning, values

    def _values(self, answers: Iterable[Answer]) -> list[float] | None:
        """The values, None where the series are others."""
        values: list[float] = []
        known = self._hashes
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
