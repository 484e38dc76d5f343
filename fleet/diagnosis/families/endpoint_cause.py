"""The certificates that a source and the console show each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fleet.diagnosis.cause_search import SearchByKey
from fleet.diagnosis.families.route_cause import renewal_due
from fleet.diagnosis.onset import DatedCause
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.differences import kept
from fleet.model.shown_certificate import ShownCertificate
from fleet.model.snapshot import Snapshot


class EndpointSubject(NamedTuple):
    """A source that speaks TLS."""

    name: str
    certificates: Sequence[ShownCertificate]
    now: float

    @property
    def near(self) -> Sequence[ShownCertificate]:
        """Certificates whose end is near or past, the first to end first."""
        found = [one for one in self.certificates if renewal_due(one) <= self.now]
        return sorted(found, key=lambda one: one.ends)


class EndpointCause(DatedCause[EndpointSubject]):
    """A cause at the certificates of a source."""

    of = SubjectKind.SOURCE

    def subject(self, subjects: Subjects, key: str) -> EndpointSubject | None:
        return None if subjects.snapshot is None else endpoint_subject(subjects.snapshot, key)


def endpoint_subject(snapshot: Snapshot, name: str) -> EndpointSubject | None:
    """Look at the certificates of a source; None where it showed none."""
    source = snapshot.source(name)
    if source is None or not source.certificates:
        return None
    return EndpointSubject(name, source.certificates, snapshot.at)


class ShownCertificates(SearchByKey[EndpointCause]):
    """Finds the sources whose certificates end."""

    def __init__(self, causes: Sequence[EndpointCause]) -> None:
        super().__init__(causes)
        self._shown: tuple[tuple[str, tuple[ShownCertificate, ...]], ...] = ()

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        self._shown = kept(self._shown, tuple((one.name, one.certificates) for one in snapshot.sources))
        return (self._shown,)

    def keys(self, snapshot: Snapshot) -> Iterable[str]:
        return (one.name for one in snapshot.sources if one.certificates)
