"""The past of a recording: what happened before the moment that is played, as far as the rows that were kept say.

The rows are told by those who tell of a cluster's objects. What no row has (who wrote a field, arguments of a template)
is not told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fleet.json_fields import Raw
from fleet.model.objects import Condition, Container, Event, Node, ObjectRef, Owner, Pod, Workload
from fleet.recorder.problem import RecordingError
from fleet.recorder.reader import Recording
from fleet.sources.kube.state import KubeState
from fleet.timeline.cluster.registry import witnesses
from fleet.timeline.cluster.witness import SharedFacts
from fleet.timeline.entry import WHOLE_SECONDS, Entry, EntryKind, Evidence, rollout_topic
from fleet.timeline.kinship import Kinship
from fleet.timeline.source import Gap, SourceTimeline

_GAP: Final = Gap("who changed what, and arguments of templates", "a recording keeps rows, and no raw objects")
_Key = tuple[ObjectRef, str, float]


class RecordedTimeline:
    """A TimelineSource of a recording, up to the moment that is played (``now``)."""

    name = "recording"

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        self._path = path
        self._now = now

    async def tell(self, since: float) -> SourceTimeline:
        """Tell what the rows said, each time that all of them were kept and at last."""
        return await asyncio.to_thread(self._tell, since)

    def _tell(self, since: float) -> SourceTimeline:
        found, kin = dict[_Key, Entry](), Kinship()
        try:
            with Recording(self._path) as recording:
                now = self._now()
                # Each stands alone, and events live longer than it takes until the next: none is missed between them.
                for moment in (*recording.wholes(since, now), now):
                    for entry in _told(recording.rows(moment), kin):
                        found[entry.about, entry.topic or entry.what, entry.at] = entry
        except RecordingError as error:
            return SourceTimeline(tuple(found.values()), kin, (_GAP, Gap("what is in the rest of it", str(error))))
        return SourceTimeline(tuple(found.values()), kin, (_GAP,))


def _told(state: KubeState, kin: Kinship) -> Iterator[Entry]:
    asked = SharedFacts(lambda clean: clean, kin)
    raw: dict[str, list[Raw]] = {
        "Pod": [_pod(row) for row in state.pods.values()],
        "Node": [_object(row, row.conditions) for row in state.nodes.values()],
        "Event": [_event(row) for row in state.events.values()],
    }
    for row in state.workloads.values():
        raw.setdefault(row.kind, []).append(_object(row, row.conditions, row.owner))
    yield from _rollouts(state.links, kin)
    rows = [witness for witness in witnesses() if witness.kind in raw]
    taken = [[witness.take(one, asked) for one in raw[witness.kind]] for witness in rows]
    for witness, some in zip(rows, taken, strict=True):
        yield from witness.tell(some, asked)


def _rollouts(links: Mapping[str, Workload], kin: Kinship) -> Iterator[Entry]:
    """The creation of the object of each template, with what of the model is another."""
    of: dict[ObjectRef, list[Workload]] = {}
    for link in links.values():
        if link.owner is not None:
            owner = ObjectRef(link.owner.kind, link.namespace, link.owner.name)
            kin.note_maker(_ref(link), owner)
            of.setdefault(owner, []).append(link)
    for owner, some in of.items():
        some.sort(key=lambda link: link.created)
        for before, link in zip((None, *some), some, strict=False):
            if not link.created:
                continue
            changes = _differences(before, link) if before is not None else ()
            evidence = Evidence(f"{_ref(link)} metadata.creationTimestamp", _stamp(link.created))
            what = f"revision {link.revision}" if link.revision else link.name
            what += f": {changes[0]}" if changes else " made"
            what += f" and {len(changes) - 1} more" if len(changes) > 1 else ""
            topic = rollout_topic(_ref(link))
            yield Entry(
                link.created, WHOLE_SECONDS, EntryKind.CHANGE, what, owner, (evidence,), changes=changes, topic=topic
            )


def _differences(before: Workload, after: Workload) -> tuple[str, ...]:
    old, new = before.version, after.version
    pairs = (
        ("image", old.image, new.image),
        ("model", old.model, new.model),
        ("model revision", old.revision, new.revision),
    )
    return tuple(f"{name} {one or 'none'} → {other or 'none'}" for name, one, other in pairs if one != other)


def _ref(row: Workload) -> ObjectRef:
    return ObjectRef(row.kind, row.namespace, row.name)


# Rows as the API server had them: as much of the objects as is told of.


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _object(
    row: Pod | Node | Workload, conditions: tuple[Condition, ...], owner: Owner | None = None
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": row.name, "namespace": getattr(row, "namespace", "")}
    metadata |= {"creationTimestamp": _stamp(row.created)} if row.created else {}
    if owner is not None:
        metadata["ownerReferences"] = [{"kind": owner.kind, "name": owner.name, "uid": owner.uid, "controller": True}]
    return {"metadata": metadata, "spec": {}, "status": {"conditions": [_condition(one) for one in conditions]}}


def _condition(row: Condition) -> Raw:
    at = {"lastTransitionTime": _stamp(row.since)} if row.since is not None else {}
    return {"type": row.type, "status": row.status, "reason": row.reason, "message": row.message, **at}


def _pod(row: Pod) -> Raw:
    raw = _object(row, row.conditions, row.owner)
    for key, init in (("containerStatuses", False), ("initContainerStatuses", True)):
        raw["status"][key] = [_container(one) for one in row.containers if one.init is init]
    return {**raw, "spec": {"nodeName": row.node}}


def _container(row: Container) -> Raw:
    last = (
        {"reason": row.last_reason, "exitCode": row.last_exit_code or 0, "finishedAt": _stamp(row.last_finished)}
        if row.last_finished is not None
        else {}
    )
    return {"name": row.name, "restartCount": row.restarts, "lastState": {"terminated": last}}


def _event(row: Event) -> Raw:
    involved = row.involved
    return {
        "metadata": {"name": row.name, "namespace": row.namespace},
        "involvedObject": {"kind": involved.kind, "namespace": involved.namespace, "name": involved.name},
        "type": row.type,
        "reason": row.reason,
        "message": row.message,
        "count": row.count,
        "firstTimestamp": _stamp(row.first or row.last),
        "lastTimestamp": _stamp(row.last),
        "source": {"component": row.source},
    }
