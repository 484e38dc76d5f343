"""Precedence: the causes that hold for an object, in the order in which they are reported."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Generic, TypeVar

from fleet.diagnosis.cause import AnyCause, Cause
from fleet.diagnosis.sign import Sign
from fleet.model.severity import Severity, rank

S = TypeVar("S")
C = TypeVar("C", bound=AnyCause)


def ordered(causes: Iterable[C]) -> tuple[C, ...]:
    """Order causes: the earlier stage first, then the worse, then a root before its consequences."""
    those = {cause.id: cause for cause in causes}
    depths: dict[str, int] = {}

    def depth(cause: C) -> int:
        """Distance from a root."""
        if cause.id not in depths:
            depths[cause.id] = 0
            above = [other for other in those.values() if cause.id in (*other.explains, *other.before)]
            depths[cause.id] = 1 + max(map(depth, above)) if above else 0
        return depths[cause.id]

    def worst(cause: C) -> int:
        return rank(Severity.CRITICAL if cause.serious else cause.severity)

    return tuple(sorted(those.values(), key=lambda cause: (cause.stage, worst(cause), depth(cause), cause.id)))


class Precedence(Generic[S]):
    """Judges objects of one kind by their causes.

    Causes that begin with the same sign evaluate it once: for thousands of running pods, none of the signs of stopped
    pods is evaluated.
    """

    def __init__(self, causes: Iterable[Cause[S]]) -> None:
        by_sign = groupby(ordered(causes), key=lambda cause: id(cause.must[0]))
        self._alike = [(alike[0].must[0], [_rest(cause) for cause in alike]) for alike in map(_causes, by_sign)]

    def first(self, of: S) -> Cause[S] | None:
        """Return the cause that is reported for an object; None if none holds."""
        for sign, causes in self._alike:
            if not sign.holds(of):
                continue
            for cause, others in causes:
                if all(other.holds(of) for other in others) and not cause.excluded(of):
                    return cause
        return None


def _causes(alike: tuple[int, Iterable[Cause[S]]]) -> list[Cause[S]]:
    return list(alike[1])


def _rest(cause: Cause[S]) -> tuple[Cause[S], tuple[Sign[S], ...]]:
    return cause, cause.must[1:]
