"""Judgement of a Snapshot: the health of its objects, and the incidents made of it.

The only module of this folder that imports the causes; the builder imports it with the first Snapshot that is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fleet.diagnosis.diagnosis import Diagnosis
from fleet.model.awaited import is_awaited
from fleet.model.facts import Facts
from fleet.model.frame import Frame
from fleet.model.snapshot import CANARY, Assessment, Snapshot
from fleet.snapshot.fleet_health import NOBODY_ASKED, FleetHealth
from fleet.snapshot.listed_gpus import ListedGpus
from fleet.snapshot.topology import Topology


class Judgement:
    """The health and the diagnosis of one fleet, kept from Snapshot to Snapshot."""

    def __init__(self) -> None:
        self.health = FleetHealth()
        self.listed_gpus = ListedGpus()
        self.diagnosis = Diagnosis()

    def of(self, snapshot: Snapshot, topology: Topology, frames: Mapping[str, Frame]) -> Snapshot:
        """Return the Snapshot with its assessments and incidents, made of ``topology`` and ``frames``."""
        asked = _canary_results(snapshot.facts, topology)
        assessed = replace(
            snapshot,
            lost_gpus=self.listed_gpus.at(snapshot.gpus, snapshot.gpus_on, snapshot.at),
            assessments=self.health.assess(
                topology,
                frames,
                snapshot.throttle_reasons,
                snapshot.at,
                snapshot.profiles,
                asked,
                awaited=is_awaited(snapshot),
            ),
        )
        return replace(assessed, incidents=self.diagnosis.incidents_at(assessed, self.health.held))


def _canary_results(facts: Facts, topology: Topology) -> Mapping[str, Assessment]:
    """Return the canary's results of pods; nothing if the canary is off, as it mostly is."""
    if CANARY not in facts.by_source:
        return NOBODY_ASKED
    from fleet.diagnosis.assessment.canary_assessments import shown_by_answers

    return shown_by_answers(facts, topology.pods)
