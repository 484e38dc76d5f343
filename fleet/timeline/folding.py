"""Folding: the same message from several pods of one workload within minutes is one entry; different events are never
merged.

The messages may differ only in words that name their object: names, addresses, identifiers. An exit code, a count or a
time is content.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field, replace

from fleet.dataclass import dataclass
from fleet.model.objects import ObjectRef
from fleet.timeline.entry import Entry, EntryKind, Evidence
from fleet.timeline.kinship import Kinship

WITHIN = 300.0
"""Largest number of seconds between two entries that are merged."""
NAME = "…"
"""Placeholder for the name of the object, in which merged messages differ."""
_IDENTITY = re.compile(
    # An address, with its port; an identifier of an object; the name and namespace that the kubelet writes before one.
    r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b"
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
)


@dataclass(slots=True)
class _Fold:
    """Entries to merge into one, at the end: there may be thousands."""

    first: Entry
    words: str
    top: ObjectRef
    again: list[Entry] = field(default_factory=list)
    last: float = 0.0

    def entry(self) -> Entry:
        if not self.again:
            return self.first
        every = (self.first, *self.again)
        objects = dict.fromkeys(entry.about for entry in every)
        evidence: dict[Evidence, None] = {}
        for entry in every:
            evidence |= dict.fromkeys(entry.evidence)
        same = all(entry.what == self.first.what for entry in self.again)
        return replace(
            self.first,
            what=self.first.what if same else self.words,
            about=self.first.about if len(objects) == 1 else self.top,
            objects=tuple(objects) if len(objects) > 1 else (),
            evidence=tuple(evidence),
            times=sum(entry.times for entry in every),
            last=self.last,
        )


def folded(entries: Iterable[Entry], kin: Kinship) -> tuple[Entry, ...]:
    """Return entries in the given order, which is that of their times."""
    folds: list[_Fold] = []
    latest: dict[tuple[EntryKind, str, str, ObjectRef, int], _Fold] = {}
    turns = _Turns()
    for entry in entries:
        top, words = kin.workload(entry.about), without_names(entry.what, entry.about.name)
        key = (entry.kind, words, entry.who, top, turns.of(entry))
        fold = latest.get(key)
        # Changes are never folded, however many.
        if fold is not None and entry.kind is not EntryKind.CHANGE and entry.at - fold.last <= WITHIN:
            fold.again.append(entry)
            fold.last = max(fold.last, entry.ended)
        else:
            fold = latest[key] = _Fold(entry, words, top, last=entry.ended)
            folds.append(fold)
    return tuple(fold.entry() for fold in folds)


class _Turns:
    """Number of state changes of an object: a state that returns is a new one."""

    def __init__(self) -> None:
        self._held: dict[tuple[ObjectRef, str], tuple[str, int]] = {}

    def of(self, entry: Entry) -> int:
        topic, _, value = entry.topic.partition("=")
        if not value:
            return 0
        before, turn = self._held.get((entry.about, topic), (value, 0))
        turn += before != value
        self._held[entry.about, topic] = value, turn
        return turn


def without_names(what: str, name: str) -> str:
    """Return a message about an object without the words that name it: the same for all objects alike."""
    if name:
        what = re.sub(rf"\b{re.escape(name)}(_[a-z0-9-]+)?", NAME, what)
    return _IDENTITY.sub(NAME, what)
