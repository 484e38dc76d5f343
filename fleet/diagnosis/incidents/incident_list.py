"""The incidents of one Snapshot, put in order and together when they are read.

Of a fleet with hundreds of sick pods every number is another with each measurement, and between two looks at the
incidents there may be many. What they are made of is kept by value: a few numbers instead of the frame, which would
otherwise be kept alive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import overload

from fleet.diagnosis.incidents.finding_words import FindingWords, WordedFindings
from fleet.diagnosis.incidents.grouping import IncidentGroup
from fleet.diagnosis.incidents.reach import ReadRows, RequestCounts
from fleet.model.finding import Incident, Reach
from fleet.model.frame import Frame


class IncidentList(Sequence[Incident]):
    """The groups of one Snapshot with their numbers, the worst first."""

    __slots__ = ("_groups", "_made", "_requests", "_words")

    def __init__(self, groups: Sequence[IncidentGroup], requests: RequestCounts, words: FindingWords) -> None:
        self._groups = groups
        self._requests = requests
        self._words = words
        self._made: tuple[Incident, ...] | None = None

    def is_of(self, groups: Sequence[IncidentGroup], requests: RequestCounts, words: FindingWords) -> bool:
        """True if it is made of the same."""
        same_groups = self._groups is groups or self._groups == groups
        return same_groups and self._words is words and self._requests == requests

    @overload
    def __getitem__(self, at: int) -> Incident: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Incident, ...]: ...
    def __getitem__(self, at: int | slice) -> Incident | tuple[Incident, ...]:
        return self._all()[at]

    def __iter__(self) -> Iterator[Incident]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._groups)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, (IncidentList, tuple)) and self._all() == tuple(other))

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self._all()!r}"

    def _all(self) -> tuple[Incident, ...]:
        """Make them once; of two threads that read them first, both get equal ones."""
        if self._made is None:
            ordered = sorted(((group, self._requests.of(group.concerned)) for group in self._groups), key=_order)
            self._made = tuple(_incident(group, reach, self._words) for group, reach in ordered)
        return self._made


class IncidentLists:
    """Makes the list of each Snapshot: the same object while nothing in it changes."""

    def __init__(self) -> None:
        self._groups: Sequence[IncidentGroup] = ()
        self._rows = ReadRows(())
        self._last: Sequence[Incident] = ()

    def of(self, groups: Sequence[IncidentGroup], frame: Frame, words: FindingWords) -> Sequence[Incident]:
        """Return the incidents of these groups, by the numbers of the pods in ``frame``."""
        if groups is not self._groups:
            self._rows = ReadRows(chain.from_iterable(group.concerned.rows for group in groups))
            self._groups = groups
        requests, last = RequestCounts(frame, self._rows), self._last
        if not groups:
            self._last = ()
        elif not isinstance(last, IncidentList) or not last.is_of(groups, requests, words):
            self._last = IncidentList(groups, requests, words)
        return self._last


def _incident(group: IncidentGroup, reach: Reach, words: FindingWords) -> Incident:
    return Incident(
        group.key,
        group.about,
        group.sentence,
        WordedFindings(group.findings, words),
        group.severity,
        group.state,
        reach,
        group.objects,
        group.roots,
    )


def _order(of: tuple[IncidentGroup, Reach]) -> tuple[int, int, float, float, str]:
    group, reach = of
    state, severity = group.order
    felt = -reach.waiting if reach.waiting == reach.waiting else 0.0
    return state, severity, felt, group.findings[0].since, group.key
