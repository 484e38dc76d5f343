"""Sources that deliver nothing, or old numbers: what they do not show cannot be found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import CauseSearch
from fleet.diagnosis.precedence import Precedence
from fleet.diagnosis.subjects.subject import MeasuringSource, Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.differences import kept
from fleet.model.snapshot import Health, Snapshot, SourceStatus


class SourceCause(Cause[SourceStatus]):
    """A cause at a source, by its status."""

    of = SubjectKind.SOURCE

    def subject(self, subjects: Subjects, key: str) -> SourceStatus | None:
        return subjects.source(key)


class MeasuringCause(Cause[MeasuringSource]):
    """A cause at a metrics source, by the age of its numbers."""

    of = SubjectKind.SOURCE

    def subject(self, subjects: Subjects, key: str) -> MeasuringSource | None:
        return subjects.measuring(key)


class SilentSources(CauseSearch[SourceCause]):
    """Finds the sources that do not answer as they should: of each, the cause that is reported.

    Several sources may ask one store. What keeps all of them from its answers is one fault, at the source whose silence
    explains most.
    """

    def __init__(self, causes: Sequence[SourceCause]) -> None:
        super().__init__(causes)
        self._first = Precedence[SourceStatus](causes)
        self._states: tuple[tuple[str, Health, str], ...] = ()

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        self._states = kept(self._states, tuple((one.name, one.health, one.problem) for one in snapshot.sources))
        return (self._states,)

    def look(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        found = [(cause, one) for one in snapshot.sources if (cause := self._first.first(one)) is not None]
        addresses: dict[str, set[str]] = defaultdict(set)
        for cause, source in sorted(found, key=lambda each: -len(each[0].explains)):
            named = addresses[source.problem]
            # A source that asks the store of another may have no address of its own.
            if not source.problem or not named or source.endpoint not in (*named, ""):
                yield ActiveCause(cause, source.name)
            named.add(source.endpoint)


class OldMeasurements(CauseSearch[MeasuringCause]):
    """Finds out whether the source of the numbers is behind, or its clock is."""

    def __init__(self, causes: Sequence[MeasuringCause]) -> None:
        super().__init__(causes)
        self._first = Precedence[MeasuringSource](causes)

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.by_pod.columns,)

    def look(self, snapshot: Snapshot) -> Iterable[ActiveCause]:
        measuring = Subjects.of(snapshot).measuring(snapshot.method)
        cause = None if measuring is None else self._first.first(measuring)
        return () if cause is None else (ActiveCause(cause, snapshot.method),)
