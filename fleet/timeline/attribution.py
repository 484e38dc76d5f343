"""Authors of rollouts: the server keeps the last write of each tool, so other evidence is searched for that time.

Our own records name the user. Argo CD, Flux and Helm record when they applied something, which does not prove that
nobody else wrote in the same seconds: the evidence names its source. If no author is found, the entry gives the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from fleet.dataclass import dataclass
from fleet.model.objects import ObjectRef
from fleet.timeline.entry import TEMPLATE, WHOLE_SECONDS, Entry, EntryKind, Evidence

WRITE_TO_TEMPLATE: Final = 30.0
"""Seconds after a write within which the controller has created the template's object, even if it is busy."""
_NO_WRITES: Final[Mapping[ObjectRef, Sequence[Write]]] = {}
_OURS: Final = "quarterdeck"
_LEFT: Final = "no remaining record says who"


@dataclass(frozen=True, slots=True)
class Applied:
    """A tool's own word that it applied its objects, at some time between two."""

    begin: float
    end: float
    """Unix times."""
    who: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Write:
    """The last change that one tool made to an object, as the server keeps it."""

    at: float
    tool: str
    fields: tuple[str, ...]
    """Fields of the spec that are the tool's: it changed one of them then, at least."""
    stamp: str
    """The time and its author, as in the object."""


def began(written: float, created: float) -> bool:
    """True if the template created at ``created`` is the one written at ``written``."""
    return -WHOLE_SECONDS <= created - written <= WRITE_TO_TEMPLATE


def applied_then(created: float, every: Iterable[Applied]) -> Applied | None:
    """The last that was applied when a template was made; None for nothing."""
    found = [one for one in every if one.begin - WHOLE_SECONDS <= created <= one.end + WRITE_TO_TEMPLATE]
    return max(found, key=lambda one: one.begin, default=None)


def attributed(entries: Sequence[Entry], writes: Mapping[ObjectRef, Sequence[Write]] = _NO_WRITES) -> list[Entry]:
    """The entries: rollouts with the user whose action wrote their template, else with the tool that was seen to write
    it (``writes``, by workload); for others the reason for having no author.
    """
    actions: dict[ObjectRef, list[Entry]] = {}
    for entry in entries:
        if entry.templates:
            actions.setdefault(entry.about, []).append(entry)
    return [_attributed(entry, actions, writes.get(entry.about, ())) for entry in entries]


def _attributed(entry: Entry, actions: Mapping[ObjectRef, Sequence[Entry]], writes: Sequence[Write]) -> Entry:
    if entry.topic.startswith(("rollout=", TEMPLATE)) and entry.who in ("", _OURS):
        for action in actions.get(entry.about, ()):
            if any(_began(at, entry) for at in action.templates):
                return replace(entry, who=action.who, evidence=(*entry.evidence, *action.evidence), unknown="")
        write = max((one for one in writes if _began(one.at, entry)), key=lambda one: one.at, default=None)
        if write is not None and not entry.who:
            seen = Evidence(f"{entry.about} metadata.managedFields as the console saw it", write.stamp)
            return replace(entry, who=write.tool, evidence=(*entry.evidence, seen), unknown="")
    if entry.who:
        return replace(entry, unknown="") if entry.unknown else entry
    return entry if entry.unknown or entry.kind is not EntryKind.CHANGE else replace(entry, unknown=_LEFT)


def _began(written: float, entry: Entry) -> bool:
    """True if a rollout is that of a write. What is known to some seconds began at some time of those."""
    return began(written, min(max(written, entry.at), entry.at + entry.within))
