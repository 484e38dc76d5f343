"""Diagnosis of a fleet: from the causes that hold to incidents, from Snapshot to Snapshot."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain

from fleet.diagnosis import registry
from fleet.diagnosis.cause import Of
from fleet.diagnosis.grouping import Roots, incidents_of
from fleet.diagnosis.held import Held, Holds
from fleet.diagnosis.hysteresis import Hysteresis
from fleet.diagnosis.judging import Judge
from fleet.diagnosis.peers import apart
from fleet.model.finding import Incident
from fleet.model.snapshot import Health, Snapshot, SourceStatus

PEERS_EVERY = 15.0
"""Seconds after which replicas are compared again: nothing of it is news sooner, and all of them are looked at."""


class Diagnosis:
    """The diagnosis of one fleet. While nothing is said differently the incidents are the same objects."""

    def __init__(self) -> None:
        self._causes = {cause.id: cause for cause in registry.CAUSES}
        self._of_replicas = registry.causes_of(Of.REPLICA)
        self._apart: tuple[Holds, ...] = ()
        self._compared = -math.inf
        self._hysteresis = Hysteresis()
        self._roots = Roots(self._causes)
        self._of_sources = Judge[SourceStatus](registry.causes_of(Of.SOURCE))
        self._healths: list[tuple[str, Health]] = []
        self._of: tuple[object, ...] = ()
        self._at = 0.0
        self._incidents: tuple[Incident, ...] = ()

    def incidents_at(self, snapshot: Snapshot, held: Held) -> tuple[Incident, ...]:
        """The incidents at a Snapshot, the worst first."""
        of = (snapshot.assessments, snapshot.by_pod.columns, snapshot.by_gpu.columns, snapshot.pods, snapshot.workloads)
        same = len(of) == len(self._of) and all(a is b for a, b in zip(of, self._of, strict=True))
        healths = [(one.name, one.health) for one in snapshot.sources]
        if same and healths == self._healths and self._at <= snapshot.at < self._hysteresis.until:
            return self._incidents
        if not 0 <= snapshot.at - self._compared < PEERS_EVERY:
            self._apart, self._compared = tuple(apart(snapshot, self._of_replicas)), snapshot.at
        apart_still = (holds for holds in self._apart if holds.key in snapshot.pods)
        holds = chain(self._silent(snapshot), held.troubles(snapshot), apart_still)
        findings = self._hysteresis.findings_at(snapshot, holds)
        found = incidents_of(snapshot, findings, self._roots.roots_of(snapshot, findings), self._causes)
        if found != self._incidents:
            self._incidents = found
        self._of, self._at, self._healths = of, snapshot.at, healths
        return self._incidents

    def _silent(self, snapshot: Snapshot) -> Iterator[Holds]:
        """Yield what is wrong with the sources: what they do not tell cannot be found."""
        for source in snapshot.sources:
            cause = self._of_sources.first(source)
            if cause is not None:
                yield Holds(cause, source.name)
