"""Troubles that the assessment of the objects has found, and why the containers of pods in trouble ended."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.diagnosis.active_causes import ActiveCause, ActiveCauses
from fleet.diagnosis.causes.endings import OF_POD
from fleet.diagnosis.causes.symptoms import ENDED
from fleet.diagnosis.families.ending_cause import EndingCause, ending_causes
from fleet.diagnosis.registry import causes_of
from fleet.model.differences import are_same
from fleet.model.ending import Endings
from fleet.model.snapshot import Snapshot


class Troubles:
    """The causes that hold for objects that are not well: the same object while they are the same."""

    def __init__(self) -> None:
        by_id = {cause.id: cause for cause in causes_of(EndingCause)}
        self._of_reasons = {reason: by_id[of.id] for reason, of in OF_POD.items() if of.id in by_id}
        self._read: tuple[object, ...] = ()
        self._found: Sequence[ActiveCause] = ()

    def at(self, snapshot: Snapshot, held: ActiveCauses) -> Sequence[ActiveCause]:
        """Return the causes that hold at a Snapshot."""
        objects = (held, snapshot.pods, snapshot.gpus, snapshot.workload_of, snapshot.model_of)
        read = (*objects, *(one.value for one in snapshot.facts.of(Endings).values()))
        if not are_same(self._read, read):
            troubles = list(held.troubles(snapshot))
            ended = [one.key for one in troubles if one.cause.id in ENDED]
            self._found = [*troubles, *ending_causes(snapshot, ended, self._of_reasons)]
            self._read = read
        return self._found
