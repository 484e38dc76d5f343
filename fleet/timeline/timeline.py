"""One timeline from all that is told, the first seen first; what repeats is folded."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
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


def merged(told: Sequence[Told], since: float, now: float) -> Timeline:
    """What all of them say, as one."""
    kin, gaps = Kinship(), dict[Gap, None]()
    for one in told:
        kin.update(one.kin)
        gaps |= dict.fromkeys(one.gaps)
    # A clock that is ahead of ours is no reason to leave out what it dates.
    entries = [entry for entry in once([one.entries for one in told]) if entry.ended >= since]
    return Timeline(since, now, tuple(sorted(entries, key=_order)), kin, tuple(gaps))


def _order(entry: Entry) -> tuple[float, str, str]:
    return entry.at, str(entry.about), entry.what


def once(sources: Iterable[Sequence[Entry]]) -> list[Entry]:
    """What two sources saw at what may be one moment is one entry: the time of who knows it best, all evidence.

    What one source tells twice happened twice.
    """
    kept: list[Entry] = []
    tellers: list[set[int]] = []
    seen: dict[tuple[ObjectRef, str], list[int]] = defaultdict(list)
    told = [(entry, teller) for teller, entries in enumerate(sources) for entry in entries]
    # Who knows the time best comes first: the others are held against that.
    for entry, teller in sorted(told, key=lambda one: one[0].within):
        places = seen[entry.about, entry.topic or entry.what]
        same = (at for at in places if teller not in tellers[at] and _overlap(kept[at], entry))
        place = next(same, None)
        if place is None:
            places.append(len(kept))
            kept.append(entry)
            tellers.append({teller})
        else:
            kept[place] = _both(kept[place], entry)
            tellers[place].add(teller)
    return kept


def _overlap(one: Entry, other: Entry) -> bool:
    return one.at <= other.at + other.within and other.at <= one.at + one.within


def _both(best: Entry, other: Entry) -> Entry:
    """One entry of two; who knows what was before has the better words."""
    return replace(
        best,
        what=other.what if "→" in other.what and "→" not in best.what else best.what,
        who=best.who or other.who,
        evidence=(*best.evidence, *other.evidence),
    )


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
