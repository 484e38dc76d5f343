"""The subject of a ticket: the incidents that it reports, and the objects whose numbers it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from console.views.subject import TROUBLE, assessment_of, pod_for
from fleet.dataclass import dataclass
from fleet.model.finding import Incident
from fleet.model.snapshot import Snapshot

MOST_INCIDENTS: Final = 20
MOST_OBJECTS: Final = 12
"""Objects with their numbers: of more, nobody reads them, and a clipboard does not take them."""


@dataclass(frozen=True, slots=True)
class TicketScope:
    """The incidents and the objects of a ticket.

    ``unlisted`` are the numbers of incidents and objects for which there was no room.
    """

    incidents: tuple[Incident, ...]
    objects: tuple[str, ...]
    """Keys of the objects concerned, those of the worst incident first."""
    unlisted: tuple[int, int] = (0, 0)


def of_everything(snapshot: Snapshot) -> TicketScope:
    """Return the scope of all that is wrong in view."""
    return _scope(snapshot, snapshot.incidents, ())


def of_incident(snapshot: Snapshot, key: str) -> TicketScope | None:
    """Return the scope of one incident; None if it is over."""
    found = next((one for one in snapshot.incidents if one.key == key), None)
    return _scope(snapshot, (found,), ()) if found is not None else None


def of_objects(snapshot: Snapshot, keys: Sequence[str]) -> TicketScope:
    """Return the scope of some objects: their incidents, and for a workload its worst pod as well."""
    members = {member for key in keys for member in _members(snapshot, key)}
    # What happens to a sibling of a pod has the workload among its consequences, and is not about this pod.
    owners = {snapshot.workload_of[key] for key in keys if key in snapshot.workload_of}
    incidents = [one for one in snapshot.incidents if one.about in owners or not members.isdisjoint(one.objects)]
    return _scope(snapshot, incidents, keys)


def _members(snapshot: Snapshot, key: str) -> Iterator[str]:
    """Yield an object with all that is part of it."""
    yield key
    for pod in snapshot.pods_of.get(key, ()):
        yield pod
        yield from snapshot.gpus_of.get(pod, ())
    yield from snapshot.gpus_of.get(key, ())
    yield from snapshot.gpus_on.get(key, ())


def _scope(snapshot: Snapshot, incidents: Sequence[Incident], keys: Iterable[str]) -> TicketScope:
    objects = dict.fromkeys(keys)
    for key in tuple(objects):
        objects |= dict.fromkeys(_worst_of(snapshot, key))
    for incident in incidents:
        for key in (incident.about, incident.root.key, *incident.reach.workloads):
            objects |= dict.fromkeys(_held_by(snapshot, key))
    kept = tuple(key for key in objects if _is_object(snapshot, key))
    unlisted = max(0, len(incidents) - MOST_INCIDENTS), max(0, len(kept) - MOST_OBJECTS)
    return TicketScope(tuple(incidents[:MOST_INCIDENTS]), kept[:MOST_OBJECTS], unlisted)


def _worst_of(snapshot: Snapshot, key: str) -> Iterator[str]:
    """Yield the pod of a workload that explains its state, if anything is wrong with it."""
    pod = pod_for(snapshot, key)
    if pod is not None and pod != key and assessment_of(snapshot, pod).severity in TROUBLE:
        yield pod


def _held_by(snapshot: Snapshot, key: str) -> Iterator[str]:
    """Yield an object, and of a GPU the pod that holds it."""
    yield key
    if key in snapshot.gpus and (pod := pod_for(snapshot, key)) is not None:
        yield pod


def _is_object(snapshot: Snapshot, key: str) -> bool:
    return any(key in rows for rows in (snapshot.workloads, snapshot.pods, snapshot.gpus, snapshot.nodes))
