"""Nodes of which only events or taints tell something: the kernel's log, and the cloud's notice of an interruption.

Events do not affect the assessment of a node: they come late, get lost, and are repeated. They are read again when they
change, and occasionally, since they expire.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final, NamedTuple

from fleet.dataclass import dataclass
from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause_search import CauseSearch
from fleet.diagnosis.families.reported_cause import READ_AGAIN
from fleet.diagnosis.onset import DatedCause
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.objects import Event, Node
from fleet.model.snapshot import Snapshot

REMEMBERED: Final = 3600.0
"""Seconds for which an event of a node counts: an agent writes one line of the kernel's log once."""


class NodeReports(NamedTuple):
    """A node and the recent events about it, newest first."""

    node: Node
    events: Sequence[Event]


@dataclass(frozen=True, kw_only=True)
class NodeReportCause(DatedCause[NodeReports]):
    """A cause at a node that its conditions do not show."""

    of: ClassVar[SubjectKind] = SubjectKind.NODE
    beside: ClassVar[bool] = True

    def subject(self, subjects: Subjects, key: str) -> NodeReports | None:
        node, events = subjects.node(key), subjects.made(_by_node)
        return None if node is None or events is None else NodeReports(node, events.get(key, ()))


class LastNodeCause(NodeReportCause):
    """A cause that counts only where nothing else is found at its node."""

    last_resort: ClassVar[bool] = True


class NodesInEvents(CauseSearch[NodeReportCause]):
    """Finds the nodes of which events or taints tell something."""

    again: ClassVar[float] = READ_AGAIN

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.events, snapshot.nodes)

    def look(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        by_node = _by_node(snapshot)
        for key, node in snapshot.nodes.items():
            if node.taints or key in by_node:
                yield from self.holding(NodeReports(node, by_node.get(key, ())), key)


def _by_node(snapshot: Snapshot) -> Mapping[str, Sequence[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for event in snapshot.events:
        if event.involved.kind == "Node" and snapshot.at - event.last <= REMEMBERED:
            found[event.involved.name].append(event)
    return found
