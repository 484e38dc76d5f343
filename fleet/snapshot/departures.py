"""Departures that took pods of workloads with them: removed nodes, and preempted pods.

Seen by comparing structures; for the time before the console's start, from the remaining events. A removed node has no
row that could show it, and a preempted pod disappears within its grace period.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from fleet.model.before import Departed
from fleet.model.objects import Event, Pod
from fleet.snapshot.topology import Topology

FORGOTTEN: Final = 3600.0
"""Seconds after which a departure no longer explains missing pods."""
_REMOVED: Final = frozenset({"RemovingNode", "DeletingNode"})
"""Events of the node controller and of the cloud's (kubernetes/pkg/controller, cloud-provider)."""
_PREEMPTED: Final = "Preempted"
_FOLLOWS: Final = 120.0
"""Seconds after a node went within which the successors of its pods are made."""


class Departures:
    """Remembers departures, by the workloads that lost pods with them."""

    def __init__(self) -> None:
        self._before: Topology | None = None
        self._events: Sequence[Event] = ()
        self._found: Mapping[str, tuple[Departed, ...]] = {}

    def at(self, topology: Topology, events: Sequence[Event], now: float) -> Mapping[str, tuple[Departed, ...]]:
        """Return workload key → departures that took pods of it, latest first: the same object until something else
        departs.
        """
        before, news = self._before, events is not self._events
        if topology is before and not news and self._is_young(now):
            return self._found
        found = {key: {(one.node, one.message): one for one in gone} for key, gone in self._found.items()}
        for workload, one in (
            *_seen(before, topology, now),
            *(_reported(before, topology, events, now) if news else ()),
        ):
            found.setdefault(workload, {}).setdefault((one.node, one.message), one)
        kept = {
            key: tuple(sorted((one for one in gone.values() if _lasts(one, topology, now)), reverse=True))
            for key, gone in found.items()
            if key in topology.workloads
        }
        self._before, self._events = topology, events
        kept = {key: gone for key, gone in kept.items() if gone}
        if kept != self._found:
            self._found = kept
        return self._found

    def _is_young(self, now: float) -> bool:
        return all(now - one.at <= FORGOTTEN for gone in self._found.values() for one in gone)


def _lasts(one: Departed, topology: Topology, now: float) -> bool:
    """True if it is recent, and the node has not come back."""
    return now - one.at <= FORGOTTEN and not (one.node and one.node in topology.nodes)


def _seen(before: Topology | None, topology: Topology, now: float) -> Iterator[tuple[str, Departed]]:
    """Yield departures since the previous structure, by workload."""
    if before is topology:
        return
    if before is not None and before.nodes is not topology.nodes and topology.coverage.knows_all("nodes"):
        gone = before.nodes.keys() - topology.nodes.keys()
        for pod in before.pods.values() if gone else ():
            if pod.node in gone:
                yield before.workload_of[pod.key], Departed(now, pod.node)
    touched, was = topology.touched, {} if before is None else before.pods
    few = touched is not None and before is not None and touched.before is before.version
    for key in touched.pods if few and touched is not None else topology.pods:
        pod = topology.pods[key]
        if pod is not was.get(key) and (message := _put_out(pod)):
            yield topology.workload_of[key], Departed(now, message=message)


def _put_out(pod: Pod) -> str:
    """Return the scheduler's message for a preempted pod; empty if it is not preempted."""
    found = (one for one in pod.conditions if one.type == "DisruptionTarget" and one.status == "True")
    return next((one.message or one.reason for one in found if one.reason == "PreemptionByScheduler"), "")


def _reported(
    before: Topology | None, topology: Topology, events: Iterable[Event], now: float
) -> Iterator[tuple[str, Departed]]:
    """Yield departures reported by events, by workload."""
    for event in events:
        if now - event.last > FORGOTTEN:
            continue
        if event.reason in _REMOVED and event.involved.name not in topology.nodes:
            # The owners of its pods are not known: pods created at that time that have no node yet count as theirs.
            for pod in topology.pods.values():
                if not pod.node and pod.phase == "Pending" and 0 <= pod.created - event.last <= _FOLLOWS:
                    yield topology.workload_of[pod.key], Departed(event.last, event.involved.name)
        elif event.reason == _PREEMPTED and event.involved.kind == "Pod":
            workload = _workload_of(before, topology, f"{event.involved.namespace}/{event.involved.name}")
            if workload:
                yield workload, Departed(event.last, message=event.message)


def _workload_of(before: Topology | None, topology: Topology, pod: str) -> str:
    """Return the workload of a pod that may be gone: from the previous structure, else from pods with the same name
    stem.
    """
    for known in (topology, before):
        if known is not None and pod in known.workload_of:
            return known.workload_of[pod]
    stem = pod.rpartition("-")[0]
    return next((home for key, home in topology.workload_of.items() if key.rpartition("-")[0] == stem), "")
