"""Acknowledged incidents: the same cause at the same object, begun before the acknowledgement.

An acknowledged incident stays in the list, behind unacknowledged ones of the same severity. It alerts again when it
becomes worse, and a recurrence is a new incident.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fleet.diagnosis.incidents.grouping import STATES
from fleet.model.acknowledgement import Acknowledgement, Acknowledgements
from fleet.model.counting import count
from fleet.model.facts import Dated
from fleet.model.finding import Acknowledged, Incident
from fleet.model.severity import rank
from fleet.model.snapshot import Cluster, Snapshot

ONSET_TOLERANCE = 60.0
"""Seconds by which the onset may lie after the acknowledgement and still belong to it: consoles check at different
moments and by different clocks. A recurrence cannot be as near: a cause needs a minute at least to be over.
"""
SHIFT = 12 * 3600.0
"""Seconds for which an acknowledgement applies to an incident whose onset a console does not know: after that, somebody
else is on call, and it may have been another incident.
"""
GROWN = 1.5
"""Factor by which a number of pods is clearly larger: 2 after 1, 5 after 3."""
QUEUE_GROWN = 2.0
QUEUE_LEAST = 100.0
"""A queue is clearly longer at twice its length, and by so many requests: short ones double all the time."""


class Acknowledging:
    """Marks the incidents of one fleet. An incident that became worse alerts until it is acknowledged again."""

    def __init__(self) -> None:
        self._worse: dict[tuple[str, str, float], str] = {}
        """(cause, person, time of the acknowledgement) → what has become worse."""

    def marked(self, snapshot: Snapshot, incidents: Sequence[Incident]) -> tuple[Incident, ...]:
        """The incidents with their acknowledgements; acknowledged ones are behind the others of the same severity."""
        known = acknowledgements_of(snapshot.facts.of(Acknowledgements), snapshot.cluster)
        if not known:
            self._worse = {}
            return tuple(incidents)
        found, worse = [], dict[tuple[str, str, float], str]()
        for incident in incidents:
            one = next((one for one in known if is_about(one, incident)), None)
            if one is not None:
                place = (one.cause, one.by, one.at)
                words = self._worse.get(place) or worsened(one, incident)
                if words:
                    worse[place] = words
                incident = replace(incident, acknowledged=Acknowledged(one.by, one.at, one.note, words))
            found.append(incident)
        self._worse = worse
        # Sorting is stable: within these groups the order is kept.
        return tuple(sorted(found, key=lambda one: (STATES.index(one.state), rank(one.severity), one.is_known)))


def acknowledgements_of(facts: Mapping[str, Dated[Acknowledgements]], cluster: Cluster) -> list[Acknowledgement]:
    """The acknowledgements on a cluster, the latest first."""
    found = [one for dated in facts.values() for one in dated.value.told if _is_here(one, cluster)]
    return sorted(found, key=lambda one: -one.at)


def _is_here(one: Acknowledgement, cluster: Cluster) -> bool:
    """True if it is of this cluster, by its uid; by the server's address where one of the two is not known."""
    if one.cluster_uid and cluster.uid:
        return one.cluster_uid == cluster.uid
    return one.server == cluster.server


def is_about(one: Acknowledgement, incident: Incident) -> bool:
    """True if an incident is the acknowledged one: same cause, an object in common, and begun before."""
    objects = {incident.about, *incident.objects[: incident.roots]}
    if one.cause != incident.root.cause or objects.isdisjoint(one.objects):
        return False
    late = incident.since - one.at
    return late <= (SHIFT if incident.root.may_be_older else ONSET_TOLERANCE)


def worsened(one: Acknowledgement, incident: Incident) -> str:
    """Return the change for the worse since it was acknowledged, in words; empty for none."""
    reach = incident.reach
    if rank(incident.severity) < rank(one.severity):
        return f"{incident.severity.value} now, {one.severity.value} then"
    if reach.replicas > GROWN * one.replicas > 0:
        return f"{count(reach.replicas, 'replica')} now, {one.replicas} then"
    then = one.waiting
    if then is not None and reach.waiting >= max(QUEUE_GROWN * then, then + QUEUE_LEAST):
        return f"a queue of {reach.waiting:,.0f} now, {then:,.0f} then"
    return ""
