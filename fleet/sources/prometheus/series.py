"""The series of several answers that belong together: their labels, their numbers, and how both are written."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import orjson

from fleet.metrics.answers import Labels, named, samples
from fleet.sources.prometheus.answer import Answer


def numbers(texts: Sequence[bytes]) -> Iterable[float]:
    """The numbers that these are. Raises ValueError for what is none."""
    try:
        # As JSON they are read in a quarter of the time.
        found = orjson.loads(b"[%b]" % b",".join(texts))
    except orjson.JSONDecodeError:
        # NaN or +Inf is among them.
        return map(float, texts)
    return array("d", found) if {int, float}.issuperset(map(type, found)) else map(float, texts)


def labels_at(answers: Iterable[Answer], places: Iterable[int]) -> Iterator[Labels]:
    """The labels of the series at these places, in ascending order. Raises ValueError for what is none.

    Only theirs are kept: the texts of all would take more memory than all that is known of a fleet.
    """
    wanted = iter(places)
    place, begin = next(wanted, None), 0
    for labels, _ in chain.from_iterable(answer.texts() for answer in answers):
        end = begin + len(labels)
        while place is not None and place < end:
            yield named(orjson.loads(b"{%b}" % labels[place - begin]))
            place = next(wanted, None)
        begin = end


def series(answers: Iterable[Answer], values: list[float]) -> Iterator[Labels]:
    """Yield the labels of each series; its number is put behind ``values``."""
    for answer in answers:
        for labels, value, _ in samples(answer.elements()):
            values.append(value)
            yield labels


def as_written(answers: Iterable[Answer]) -> tuple[array[int], array[float]]:
    """The hash of each series' labels as they are written, and its number; nothing where one is none."""
    hashes, numbers = array("q"), array("d")
    try:
        for answer in answers:
            for labels, texts in answer.texts():
                hashes.extend(map(hash, labels))
                numbers.extend(map(float, texts))
    except ValueError:
        return array("q"), array("d")
    return hashes, numbers
