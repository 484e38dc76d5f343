"""GPUs that come and go, by their UUIDs: a card that fell off the bus, was replaced, or is new.

Only while the exporter of a node keeps reporting: if all its cards are silent, nothing is known of any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from fleet.dataclass import dataclass
from fleet.json_fields import time_text
from fleet.metrics.dialect import GpuLabels
from fleet.metrics.identity import first
from fleet.metrics.registry import GPUS
from fleet.model.objects import ObjectRef
from fleet.timeline.entry import Entry, EntryKind, Evidence, Weight
from fleet.timeline.metrics.queries import MetricSpan, SeriesLifetime, TimelineQueries


@dataclass(frozen=True, slots=True)
class _Card:
    """A card of a node, and the Unix times between which it was reported."""

    uuid: str
    ordinal: str
    """Index on its node at its last sample."""
    first: float
    last: float


async def gpus_that_changed(asking: TimelineQueries) -> list[Entry]:
    """Return what happened to the cards of each node. Raises SourceProblem."""
    found: list[Entry] = []
    for member in GPUS:
        for metric in member.seen_by():
            span = await asking.span(metric, member.where)
            if span is None:
                continue
            heard = await asking.lifetimes(span, ", ".join((*member.gpu.uuid, *member.gpu.node, *member.gpu.ordinal)))
            for node, cards in _by_node(heard, member.gpu).items():
                found += _of_node(ObjectRef("Node", "", node), cards, metric, span)
            # One metric that every card has is enough.
            break
    return found


def _by_node(heard: Sequence[SeriesLifetime], names: GpuLabels) -> dict[str, list[_Card]]:
    """Return the cards by node; a card whose index changed, as after the removal of a lower one, is one card."""
    found: dict[str, dict[str, _Card]] = defaultdict(dict)
    for one in sorted(heard, key=lambda one: one.last):
        node, uuid = first(one.labels, names.node), first(one.labels, names.uuid)
        if node and uuid:
            known = found[node].get(uuid)
            begun = min(one.first, known.first) if known is not None else one.first
            found[node][uuid] = _Card(uuid, first(one.labels, names.ordinal), begun, one.last)
    return {node: list(cards.values()) for node, cards in found.items()}


def _of_node(node: ObjectRef, cards: Sequence[_Card], metric: str, span: MetricSpan) -> Iterator[Entry]:
    begun, heard = min(card.first for card in cards), max(card.last for card in cards)
    gone = [card for card in cards if card.last < heard - span.within]
    new = [card for card in cards if card.first > begun + span.within]
    for card in gone:
        other = next((one for one in new if one.ordinal == card.ordinal and one.first > card.last), None)
        evidence = Evidence(metric, f"{card.uuid}: its last sample is of {time_text(card.last)}")
        if other is None:
            what = f"GPU {card.ordinal} gone ({card.uuid})"
            yield Entry(card.last, span.within, EntryKind.END, what, node, (evidence,), weight=Weight.BAD)
            continue
        new.remove(other)
        since = Evidence(metric, f"{other.uuid}: its first sample is of {time_text(other.first)}")
        what = f"GPU {card.ordinal} is another card: {card.uuid} → {other.uuid}"
        within = max(other.first - card.last, span.interval)
        yield Entry(card.last, within, EntryKind.CHANGE, what, node, (evidence, since))
    for card in new:
        evidence = Evidence(metric, f"{card.uuid}: its first sample is of {time_text(card.first)}")
        what = f"GPU {card.ordinal} new ({card.uuid})"
        yield Entry(card.first - span.within, span.within, EntryKind.START, what, node, (evidence,))
