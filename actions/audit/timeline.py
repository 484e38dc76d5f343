"""The console's own records as part of the timeline: actions from a console or command line, with their authors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actions.audit.history import RecordedAction
from actions.audit.opened_logs import open_folder
from fleet.model.objects import ClusterId, ObjectRef
from fleet.timeline.entry import Entry, EntryKind, Evidence, Weight
from fleet.timeline.kinship import Kinship
from fleet.timeline.source import Gap, SourceTimeline

_TEMPLATE = "template"
"""The field of a body that writes another pod template, as a merge or as a path."""
_EXACT = 0.001
"""Tolerance in seconds: records are stamped when they are written, before the request is sent."""


class AuditTimeline:
    """A TimelineSource of the actions in a folder that were done on one server."""

    name = "audit log"

    def __init__(self, folder: Path, cluster: ClusterId) -> None:
        self._folder = folder
        self._cluster = cluster

    async def read(self, since: float) -> SourceTimeline:
        """Read the log, on a thread: one of years takes seconds."""
        try:
            log = await asyncio.to_thread(open_folder, self._folder)
        except FileNotFoundError:
            return SourceTimeline((), Kinship())
        except OSError as error:
            gap = Gap("what was done from here", f"{error.filename}: {error.strerror}")
            return SourceTimeline((), Kinship(), (gap,))
        there = (action for action in log.actions if action.last_heard >= since and self._is_here(action))
        entries = (_entry(action, target, self._cluster) for action in there for target in action.intent.targets)
        return SourceTimeline(tuple(entries), Kinship())

    def _is_here(self, action: RecordedAction) -> bool:
        return str(action.intent.scope.get("server") or "") == self._cluster.server


def _entry(action: RecordedAction, target: Mapping[str, Any], cluster: ClusterId) -> Entry:
    kind, namespace, name = (str(target.get(part) or "") for part in ("kind", "namespace", "name"))
    parts = [f"{action.title}: {action.outcome}"]
    if action.intent.reason:
        parts.append(f"({action.intent.reason})")
    context = str(action.intent.scope.get("context") or "")
    if context not in ("", cluster.context):
        # The same cluster by another name, or another behind the same proxy: only a person can tell.
        parts.append(f"[through the context {context}]")
    return Entry(
        action.began,
        _EXACT,
        EntryKind.CHANGE,
        " ".join(parts),
        ObjectRef(kind, namespace, name),
        (Evidence("audit log", action.id),),
        who=action.person,
        weight=Weight.BAD if action.result.get("result") == "failed" else Weight.PLAIN,
        last=action.ended,
        templates=tuple(sent.at for sent in action.sent if sent.done and _TEMPLATE in str(sent.content.get("body"))),
    )
