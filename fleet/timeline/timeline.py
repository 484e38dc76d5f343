"""One timeline from all that is told, the first seen first; what repeats is folded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from fleet.model.objects import ObjectRef
from fleet.timeline.entry import Entry, EntryKind
from fleet.timeline.kinship import Kinship
from fleet.timeline.source import Gap, TimelineSource, Told

_ALIKE_WITHIN = 300.0
"""Seconds between two of the same kind, of the same workload and in the same words, that are shown as one."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened, the first first."""

    since: float
    until: float
    """Unix time at which it was asked."""
    single: tuple[Entry, ...]
    """Each as it was told."""
    kin: Kinship
    gaps: tuple[Gap, ...] = ()

    entries: tuple[Entry, ...] = field(init=False)
    """As they are shown: what repeats is one."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", tuple(folded(self.single, self.kin)))

    def of(self, ref: ObjectRef) -> Timeline:
        """What concerns one object: itself, all that belongs to it, and what reaches it from above (its node's end)."""
        return replace(self, single=tuple(entry for entry in self.single if ref in self.kin.of(entry.about)))

    def find(self, kind: str, name: str, namespace: str = "") -> tuple[ObjectRef, ...]:
        """The objects of a name that are spoken of; any kind and namespace where none is given."""
        found = {above: None for entry in self.single for above in self.kin.of(entry.about)}
        return tuple(
            ref
            for ref in found
            if ref.name == name
            and (not kind or ref.kind.lower() == kind.lower())
            and (not namespace or ref.namespace in ("", namespace))
        )


async def ask(sources: Sequence[TimelineSource], since: float, now: float) -> Timeline:
    """Ask all of them side by side. Never raises: what could not be read is in the gaps."""
    return merged(await asyncio.gather(*(source.tell(since) for source in sources)), since, now)


def merged(told: Iterable[Told], since: float, now: float) -> Timeline:
    """What all of them say, as one."""
    kin, entries, gaps = Kinship(), list[Entry](), list[Gap]()
    for one in told:
        kin.update(one.kin)
        entries += one.entries
        gaps += one.gaps
    # A clock that is ahead of ours is no reason to leave out what it dates.
    within = [entry for entry in entries if entry.ended >= since]
    return Timeline(since, now, tuple(sorted(within, key=_order)), kin, tuple(dict.fromkeys(gaps)))


def _order(entry: Entry) -> tuple[float, str, str]:
    return entry.at, str(entry.about), entry.what


def folded(entries: Iterable[Entry], kin: Kinship) -> list[Entry]:
    """Entries in order, those of one workload that say the same of several pods within minutes put together."""
    kept: list[Entry] = []
    latest: dict[tuple[EntryKind, str, str, ObjectRef], int] = {}
    for entry in entries:
        if entry.kind is EntryKind.CHANGE:
            kept.append(entry)
            continue
        top = kin.workload(entry.about)
        key = (entry.kind, _alike(entry), entry.who, top)
        at = latest.get(key)
        if at is not None and entry.at - kept[at].ended <= _ALIKE_WITHIN and not _differ(kept[at], entry):
            kept[at] = _with(kept[at], entry, top)
        else:
            latest[key] = len(kept)
            kept.append(entry)
    return kept


_OWN = re.compile(r"\S*\d\S*")
"""A word with a digit in it: an address, an identifier, a count. Two entries may differ in those and say the same."""


def _alike(entry: Entry) -> str:
    return _OWN.sub("", entry.what.replace(entry.about.name, ""))


def _differ(first: Entry, again: Entry) -> bool:
    """Whether one object says two things: what differs in numbers alone is the same only of several objects."""
    return not first.objects and first.about == again.about and first.what != again.what


def _with(first: Entry, again: Entry, top: ObjectRef) -> Entry:
    """Both as one: of the same object more often, of two the workload's."""
    about = first.about if again.about == first.about else top
    return replace(
        first,
        about=about,
        times=first.times + again.times,
        last=max(first.ended, again.ended),
        evidence=tuple(dict.fromkeys([*first.evidence, *again.evidence])),
        objects=tuple(dict.fromkeys([*(first.objects or (first.about,)), *(again.objects or (again.about,))])),
    )
