"""Diagnosis of a fleet: turns the causes that hold into incidents, from Snapshot to Snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from fleet.diagnosis import registry
from fleet.diagnosis.active_causes import ActiveCause, ActiveCauses
from fleet.diagnosis.families.fallbacks import without_needless
from fleet.diagnosis.incidents.finding_words import FindingWords, WordedRows
from fleet.diagnosis.incidents.grouping import Groups
from fleet.diagnosis.incidents.hysteresis import Hysteresis
from fleet.diagnosis.incidents.incident_list import IncidentLists
from fleet.diagnosis.incidents.troubles import Troubles
from fleet.diagnosis.searches import searches
from fleet.model.differences import are_same
from fleet.model.finding import Finding, Incident
from fleet.model.snapshot import ACKNOWLEDGEMENTS, Snapshot

if TYPE_CHECKING:
    from fleet.diagnosis.incidents.acknowledging import Acknowledging


class Diagnosis:
    """The diagnosis of one fleet. Returns the same incident objects while nothing about them changes."""

    def __init__(self) -> None:
        causes = {cause.id: cause for cause in registry.CAUSES}
        self._causes = causes
        self._troubles = Troubles()
        self._searches = searches()
        self._hysteresis = Hysteresis()
        self._groups = Groups(causes)
        self._acknowledging: Acknowledging | None = None
        """None until an incident is acknowledged."""
        self._of: tuple[object, ...] = ()
        self._at = 0.0
        self._all: Sequence[ActiveCause] = ()
        """All that held last, needless fallbacks included."""
        self._holds: Sequence[ActiveCause] = ()
        self._findings: Sequence[Finding] = ()
        self._rows = WordedRows(causes, ())
        self._words = FindingWords(causes)
        self._lists = IncidentLists()
        self._incidents: Sequence[Incident] = ()

    @property
    def made(self) -> tuple[int, int]:
        """Findings and groups created so far: tests count what a tick costs."""
        return self._hysteresis.made, self._groups.made

    def incidents_at(self, snapshot: Snapshot, held: ActiveCauses) -> Sequence[Incident]:
        """The incidents at a Snapshot, the worst first."""
        found = [self._troubles.at(snapshot, held), *(search.at(snapshot) for search in self._searches)]
        acknowledged = snapshot.facts.by_source.get(ACKNOWLEDGEMENTS)
        of = (
            *found,
            snapshot.history.backfilled,
            None if acknowledged is None else acknowledged.value,
            # What the words of findings, and the requests that they reach, are read from.
            snapshot.assessments,
            snapshot.unanswered,
            *(frame.columns for frame in (snapshot.by_pod, snapshot.by_gpu, snapshot.before_models)),
        )
        if are_same(self._of, of) and self._at <= snapshot.at < self._hysteresis.until:
            return self._incidents
        findings = self._hysteresis.findings_at(snapshot, self._needed(list(chain(*found))), self._words)
        if findings is not self._findings:
            if findings != self._findings:
                self._rows = WordedRows(self._causes, findings)
            self._findings = findings
        words = self._rows.at(snapshot)
        if not words.is_as(self._words):
            self._words = words
        made = self._lists.of(self._groups.of(snapshot, findings), snapshot.by_pod, self._words)
        if acknowledged is not None:
            marked = self._marked(snapshot, made)
            made = self._incidents if marked == self._incidents else marked
        self._incidents, self._of, self._at = made, of, snapshot.at
        return self._incidents

    def _needed(self, holds: Sequence[ActiveCause]) -> Sequence[ActiveCause]:
        """Return what holds without needless fallbacks: the same object while it is the same."""
        if holds != self._all:
            self._all, needed = holds, without_needless(holds)
            if needed != self._holds:
                self._holds = needed
        return self._holds

    def _marked(self, snapshot: Snapshot, found: Sequence[Incident]) -> Sequence[Incident]:
        """The incidents with their acknowledgements; the module that marks them is imported with the first one."""
        if self._acknowledging is None:
            from fleet.diagnosis.incidents.acknowledging import Acknowledging

            self._acknowledging = Acknowledging()
        return self._acknowledging.marked(snapshot, found)
