"""Reasons of objects, led by their incident's root: the same words in the first line and in the row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from console.views.identity_cache import IdentityCache
from console.views.subject import assessment_of, reason_of
from fleet.model.finding import FindingState, Incident
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from widgets.cells import Cell, Marked, Spans, Text

_FOUND: IdentityCache[Mapping[str, Incident]] = IdentityCache()
_HELD: IdentityCache[Mapping[str, Incident]] = IdentityCache()
_WORDS: IdentityCache[Mapping[str, str]] = IdentityCache()
_KNOWN: IdentityCache[frozenset[str]] = IdentityCache()
_NONE: Final[frozenset[str]] = frozenset()


def caused_by(snapshot: Snapshot, key: str) -> Incident | None:
    """Return the incident whose root explains an object's severity; None if there is none, or it no longer holds.

    A workload that starts is not in the incident of the pod that keeps it from being complete: it has no fault itself.
    """
    found = _incidents(snapshot).get(key)
    starts = found is None and key in snapshot.workloads and assessment_of(snapshot, key).severity is Severity.STARTING
    return _held_up(snapshot).get(key) if starts else found


def held_up(snapshot: Snapshot) -> list[str]:
    """Return the serving workloads that start and are kept from it by what fires at a pod, the worst first."""
    held = [key for key in _held_up(snapshot) if key in snapshot.model_of]
    return [key for key in held if assessment_of(snapshot, key).severity is Severity.STARTING]


def known_objects(snapshot: Snapshot) -> frozenset[str]:
    """Return the objects whose worst incident is acknowledged: the same object while it is unchanged."""
    if not any(one.acknowledged is not None for one in snapshot.incidents):
        return _NONE
    kept = _KNOWN.made_of(snapshot.incidents)
    if "" not in kept:
        kept[""] = frozenset(key for key, one in _incidents(snapshot).items() if one.is_known)
    return kept[""]


def root_reason(snapshot: Snapshot, key: str) -> str:
    """Return the reason of an object: the words of the root, then its own if they differ."""
    reason, incident = reason_of(snapshot, key), caused_by(snapshot, key)
    if incident is None:
        return reason
    if not reason:
        return found_at(snapshot, key)
    root, words = incident.root, incident.root.words
    if not words or not _is_at(snapshot, key, root.key):
        return reason
    parts = reason.split(", ")
    if all(part in words for part in parts):
        return words
    if words in parts:
        # At first the object's own words are known before their root cause.
        return ", ".join([words, *(part for part in parts if part != words)])
    if words in reason:
        return reason
    return f"node {words}, {reason}" if root.key in snapshot.nodes else f"{words}, {reason}"


def found_at(snapshot: Snapshot, key: str) -> str:
    """Return what is found at an object whose assessment has no reason: a cause in front of a workload is in none of
    its pods, and that of a late witness in no assessment. Such a row is healthy, and names the cause beside it.
    """
    incident = caused_by(snapshot, key)
    if incident is None or incident.state is not FindingState.FIRING:
        return ""
    if incident.root.key == key:
        return incident.root.words
    kept = _WORDS.made_of(snapshot.incidents)
    if incident.key not in kept:
        firing = [one for one in incident.findings if one.state is FindingState.FIRING]
        # The first one of an object stays: the root's cause is before its consequences.
        kept[incident.key] = {one.key: one.words for one in reversed(firing)}
    return kept[incident.key].get(key, "")


def _is_at(snapshot: Snapshot, key: str, root: str) -> bool:
    """True if a root is at an object: roots at another replica, or at a GPU or node not its own, are not shown for
    it.
    """
    pod = snapshot.pods.get(key)
    if pod is None or root == key:
        return True
    if root in snapshot.gpus:
        return root in snapshot.gpus_of.get(key, ())
    if root in snapshot.nodes:
        return pod.node == root
    return root not in snapshot.pods


def marked(snapshot: Snapshot, key: str, cell: Cell) -> Cell:
    """The cell, behind a sign where an incident concerns the object of its row; a sign is of words, and never alone."""
    incident = caused_by(snapshot, key)
    return cell if incident is None or _is_blank(cell) else Marked(cell, key in incident.objects[: incident.roots])


def _is_blank(cell: Cell) -> bool:
    match cell:
        case Text():
            return not cell.text
        case Spans():
            return not cell.spans
    return False


def roots(snapshot: Snapshot) -> dict[str, tuple[str, int]]:
    """Return object key → key of the incident that explains it, and the number of objects with that root."""
    return {key: (one.key, one.roots) for key, one in _incidents(snapshot).items()}


def _incidents(snapshot: Snapshot) -> Mapping[str, Incident]:
    kept = _FOUND.made_of(snapshot.incidents)
    if "" not in kept:
        kept[""] = _by_object(snapshot)
    return kept[""]


def _held_up(snapshot: Snapshot) -> Mapping[str, Incident]:
    """Return workload → the worst incident that fires and whose root is one of its pods."""
    kept = _HELD.made_of(snapshot.incidents)
    if "" not in kept:
        firing = (one for one in snapshot.incidents if one.state is FindingState.FIRING)
        found: dict[str, Incident] = {}
        for one in firing:
            if (workload := snapshot.workload_of.get(one.root.key)) is not None:
                found.setdefault(workload, one)
        kept[""] = found
    return kept[""]


def _by_object(snapshot: Snapshot) -> Mapping[str, Incident]:
    """Return the worst incident of each object, ignoring those that no longer hold."""
    found: dict[str, Incident] = {}
    for incident in snapshot.incidents:
        for key in incident.objects:
            found.setdefault(key, incident)
    return {key: one for key, one in found.items() if one.root.state is not FindingState.RECOVERING}
