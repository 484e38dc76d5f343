"""Judgement: the causes that hold of an object, in the order in which they are told."""

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
    """The earlier stage first, then the worse, then the root before what it brings about."""
    those = {cause.id: cause for cause in causes}
    depths: dict[str, int] = {}

    def depth(cause: C) -> int:
        """How far it is from a root."""
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

    Causes that begin with the same sign are asked for it once: of thousands of pods that run, none of what stops one
    is looked at.
    """

    def __init__(self, causes: Iterable[Cause[S]]) -> None:
        by_sign = groupby(ordered(causes), key=lambda cause: id(cause.must[0]))
        self._alike = [(alike[0].must[0], [_rest(cause) for cause in alike]) for alike in map(_causes, by_sign)]

    def first(self, of: S) -> Cause[S] | None:
        """The one that is told of an object; None where none holds."""
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
