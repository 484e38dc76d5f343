"""The past of this machine's servers: each phase of a start, and the end, from records and logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from fleet.local.kube_rows import NAMESPACE, PROCESS
from fleet.local.server import Phase, ServerState, StartStage
from fleet.model.objects import ObjectRef
from fleet.timeline.entry import Entry, EntryKind, Evidence, Weight
from fleet.timeline.kinship import Kinship
from fleet.timeline.source import SourceTimeline

_LOOK: Final = 2.0
"""Longest delay in seconds before a phase is noticed: servers are polled every second, and logs are written in
pieces.
"""


class LocalTimeline:
    """A TimelineSource of the servers started here and not removed.

    ``audited`` is their kind in the audit log: actions on a server belong to it.
    """

    name = "servers on this machine"

    def __init__(self, servers: Callable[[], Sequence[ServerState]], host: str, audited: str) -> None:
        self._servers = servers
        self._host = host
        self._audited = audited

    async def read(self, since: float) -> SourceTimeline:
        """Return what each has done since its last start."""
        del since
        kin, entries = Kinship(), list[Entry]()
        for state in self._servers():
            pod = ObjectRef("Pod", NAMESPACE, state.name)
            kin.note_maker(pod, ObjectRef(PROCESS, NAMESPACE, state.name))
            kin.note(pod, ObjectRef("Node", "", self._host))
            kin.note(ObjectRef(self._audited, NAMESPACE, state.name), pod)
            entries += _entries(state, pod)
        return SourceTimeline(tuple(entries), kin)


def _entries(state: ServerState, pod: ObjectRef) -> Iterator[Entry]:
    for stage in state.stages or (state.stage,):
        dead = stage.phase is Phase.DEAD
        within = max(_LOOK, state.at - stage.began) if dead and not state.end_seen else _LOOK
        yield Entry(
            stage.began,
            within,
            EntryKind.END if dead or stage.phase is Phase.STOPPING else EntryKind.START,
            _stage_text(state, stage),
            pod,
            (Evidence(*_evidence(state, stage)),),
            weight=Weight.BAD if dead else Weight.GOOD if stage.phase is Phase.READY else Weight.PLAIN,
        )


def _stage_text(state: ServerState, stage: StartStage) -> str:
    if stage.phase is Phase.DEAD:
        return f"server ended: {state.reason.text}" if state.reason is not None else "server ended"
    if stage.phase is Phase.STARTING:
        return f"server started with {state.record.spec.model}"
    return str(stage.phase)


def _evidence(state: ServerState, stage: StartStage) -> tuple[str, str]:
    if stage.phase is Phase.DEAD and state.reason is not None and state.reason.line:
        return str(state.record.log), state.reason.line
    if stage.phase is Phase.STARTING:
        return "record.json", " ".join(state.record.argv)
    return str(state.record.log), stage.detail or str(stage.phase)
