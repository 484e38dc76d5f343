"""The search for the objects at which the causes of one class hold, from Snapshot to Snapshot."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final, Generic, TypeVar

from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import AnyCause
from fleet.diagnosis.subjects.subject import Subjects
from fleet.model.differences import are_same
from fleet.model.snapshot import Snapshot

C = TypeVar("C", bound=AnyCause)

AGAIN: Final = 5.0
"""Seconds after which objects are looked at again though nothing is new: a pod becomes overdue by time alone."""


class CauseSearch(ABC, Generic[C]):
    """Finds the objects at which causes hold; what it reads is declared, and where that is the same it does nothing.

    A search is an object of its own: it may keep what it has worked out, such as which rows can be compared.
    """

    least: ClassVar[float] = 0.0
    """Seconds between two looks at least, though something is new: for what does not change within seconds."""
    again: ClassVar[float] = AGAIN
    """Seconds after which it looks again though nothing is new."""

    def __init__(self, causes: Sequence[C]) -> None:
        self.causes = causes
        self._read: tuple[object, ...] = ()
        self._looked = -math.inf
        self._found: Sequence[ActiveCause] = ()

    def at(self, snapshot: Snapshot) -> Sequence[ActiveCause]:
        """Return the causes that hold: the same object until it looks again."""
        read = self.reads(snapshot)
        is_new = not are_same(self._read, read)
        if not 0 <= snapshot.at - self._looked < self.pause(snapshot, is_new=is_new):
            self._found, self._read, self._looked = list(self.look(snapshot)), read, snapshot.at
        elif is_new and not all(self.is_there(snapshot, one.key) for one in self._found):
            self._found = [one for one in self._found if self.is_there(snapshot, one.key)]
        return self._found

    def pause(self, snapshot: Snapshot, *, is_new: bool) -> float:
        """Return the seconds that must be over since the last look."""
        del snapshot
        return self.least if is_new else self.again

    @abstractmethod
    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        """Return what decides which causes hold, compared by identity. Numbers are named by their ``columns``."""

    @abstractmethod
    def look(self, snapshot: Snapshot) -> Iterable[ActiveCause]:
        """Yield the causes that hold."""

    def holding(self, subject: Any, key: str) -> Iterator[ActiveCause]:
        """Yield the causes that hold for a subject; none for None."""
        for cause in self.causes if subject is not None else ():
            if cause.holds(subject):
                yield ActiveCause(cause, key)

    def is_there(self, snapshot: Snapshot, key: str) -> bool:
        """True if an object that was found still exists, between two looks."""
        del snapshot, key
        return True


class SearchByKey(CauseSearch[C]):
    """A search whose causes have all the same subject, looked at one object after the other."""

    @abstractmethod
    def keys(self, snapshot: Snapshot) -> Iterable[str]:
        """Yield the keys of the objects that are worth a look."""

    def look(self, snapshot: Snapshot) -> Iterable[ActiveCause]:
        subjects = Subjects.of(snapshot)
        for key in self.keys(snapshot) if self.causes else ():
            yield from self.holding(self.causes[0].subject(subjects, key), key)
