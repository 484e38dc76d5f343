"""One timeline from all sources, first seen first; repeated entries are folded."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import field, replace

from fleet.dataclass import dataclass
from fleet.model.objects import SAME_CLUSTER, ObjectRef
from fleet.timeline.attribution import Write, attributed
from fleet.timeline.entry import Entry
from fleet.timeline.folding import folded
from fleet.timeline.kinship import Kinship
from fleet.timeline.source import Gap, SourceTimeline, TimelineSource


@dataclass(frozen=True, slots=True)
class Timeline:
    """The entries of the past of one cluster, the first first: their references do not repeat which."""

    since: float
    until: float
    """Unix time at which it was queried."""
    single: tuple[Entry, ...]
    """The unfolded entries."""
    kin: Kinship
    gaps: tuple[Gap, ...] = ()

    entries: tuple[Entry, ...] = field(init=False)
    """Entries as shown: repeated ones are folded."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", folded(self.single, self.kin))

    def narrowed_to(self, ref: ObjectRef) -> Timeline:
        """Return what happened to one object and to everything that belongs to it."""
        own = ref._replace(cluster=SAME_CLUSTER)
        return replace(self, single=tuple(entry for entry in self.single if own in self.kin.of(entry.about)))

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


async def ask(sources: Sequence[TimelineSource], since: float, now: float, namespace: str = "") -> Timeline:
    """Query all of them in parallel; ``namespace`` is the selected one, empty for all.

    Never raises: what could not be read is in the gaps.
    """
    parts = await asyncio.gather(*(source.read(since) for source in sources))
    # On a thread: a large fleet has tens of thousands of entries.
    return await asyncio.to_thread(merged, parts, since, now, namespace)


def merged(parts: Sequence[SourceTimeline], since: float, now: float, namespace: str = "") -> Timeline:
    """Merge the entries of all sources for a namespace (empty: all) and for cluster-scoped objects."""
    kin, gaps = Kinship(), dict[Gap, None]()
    writes: dict[ObjectRef, list[Write]] = defaultdict(list)
    for one in parts:
        kin.update(one.kin)
        gaps |= dict.fromkeys(one.gaps)
        for ref, some in one.writes.items():
            writes[ref] += some
    # Entries from a clock that is ahead of ours must not be left out.
    seen = attributed(merge_sightings([one.entries for one in parts]), writes)
    inside = ("", namespace) if namespace else None
    entries = [one for one in seen if one.ended >= since and (inside is None or one.about.namespace in inside)]
    return Timeline(since, now, tuple(sorted(entries, key=_order)), kin, tuple(gaps))


def _order(entry: Entry) -> tuple[float, str, str]:
    return entry.at, str(entry.about), entry.what


def merge_sightings(sources: Iterable[Sequence[Entry]]) -> list[Entry]:
    """Merge what two sources saw at possibly the same moment: the most precise time, all evidence.

    Two reports by one source are two events.
    """
    kept: list[Entry] = []
    tellers: list[set[int]] = []
    seen: dict[tuple[ObjectRef, str], list[int]] = defaultdict(list)
    sightings = [(entry, teller) for teller, entries in enumerate(sources) for entry in entries]
    # The most precise time comes first: the others are compared with it.
    for entry, teller in sorted(sightings, key=lambda one: one[0].within):
        places = seen[entry.about, entry.topic or entry.what]
        same = (at for at in places if teller not in tellers[at] and _overlap(kept[at], entry))
        place = next(same, None)
        if place is None:
            places.append(len(kept))
            kept.append(entry)
            tellers.append({teller})
        else:
            kept[place] = _merge_pair(kept[place], entry)
            tellers[place].add(teller)
    return kept


def _overlap(one: Entry, other: Entry) -> bool:
    return one.at <= other.at + other.within and other.at <= one.at + one.within


def _merge_pair(best: Entry, other: Entry) -> Entry:
    """Return one entry of two; the one with the earlier value has the better words."""
    return replace(
        best,
        what=other.what if "→" in other.what and "→" not in best.what else best.what,
        who=best.who or other.who,
        evidence=tuple(dict.fromkeys((*best.evidence, *other.evidence))),
    )
