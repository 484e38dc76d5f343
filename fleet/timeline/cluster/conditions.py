"""Conditions: since when a controller has reported that something holds. The server keeps only the last change of
each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fleet.dataclass import dataclass
from fleet.json_fields import Raw, mapping, mappings, moment, text
from fleet.model.objects import ObjectRef
from fleet.timeline.entry import WHOLE_SECONDS, Entry, EntryKind, Evidence, Weight


@dataclass(frozen=True, slots=True)
class ConditionMeaning:
    """The meaning of a condition of this type and status for a person."""

    what: str
    weight: Weight = Weight.PLAIN
    kind: EntryKind = EntryKind.CONDITION
    reasons: tuple[str, ...] = ()
    """Reasons for which it is reported; empty: any."""
    updated: bool = False
    """``lastUpdateTime`` is when the reason came: the type and status may have held for longer."""


Meanings = Mapping[tuple[str, str], ConditionMeaning]
"""Meanings by type and status."""


def conditions_of(raw: Raw, ref: ObjectRef, meanings: Meanings) -> Iterator[Entry]:
    """An entry for each condition that means something here."""
    for condition in mappings(mapping(raw, "status"), "conditions"):
        type_, status, reason = text(condition, "type"), text(condition, "status"), text(condition, "reason")
        meaning = meanings.get((type_, status))
        if meaning is None or (meaning.reasons and reason not in meaning.reasons):
            continue
        key = "lastUpdateTime" if meaning.updated and moment(condition, "lastUpdateTime") else "lastTransitionTime"
        at = moment(condition, key)
        if at is None:
            continue
        message = text(condition, "message")
        detail = message if meaning.weight is Weight.BAD else ""
        yield Entry(
            at,
            WHOLE_SECONDS,
            meaning.kind,
            f"{meaning.what}: {detail or reason}"
            if detail or (reason and meaning.weight is Weight.BAD)
            else meaning.what,
            ref,
            (Evidence(f"{ref} status.conditions[{type_}].{key}", f"{status} {reason} {text(condition, key)}"),),
            weight=meaning.weight,
            topic=f"{type_}={status == 'True'}",
        )
