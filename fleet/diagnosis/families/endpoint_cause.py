"""The certificates that a source and the console show each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.families.route_cause import renewal_due
from fleet.diagnosis.onset import DatedCause
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.snapshot import ShownCertificate, Snapshot


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


def endpoint_causes(snapshot: Snapshot, causes: Sequence[EndpointCause]) -> Iterator[ActiveCause]:
    """Yield the causes that hold for sources."""
    for source in snapshot.sources:
        seen = endpoint_subject(snapshot, source.name)
        if seen is None:
            continue
        for cause in causes:
            if cause.holds(seen):
                yield ActiveCause(cause, source.name)
