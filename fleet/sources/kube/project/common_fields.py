"""Fields that objects of many kinds have: who controls them, and their conditions."""

from __future__ import annotations

from fleet.json_fields import Raw, mappings, moment, text
from fleet.model.objects import Condition, Owner
from fleet.sources.kube.interner import Interner


def owner(metadata: Raw) -> Owner | None:
    """The controlling ownerReference."""
    for reference in mappings(metadata, "ownerReferences"):
        if reference.get("controller") is True:
            return Owner(text(reference, "kind"), text(reference, "name"), text(reference, "uid"))
    return None


def conditions(status: Raw, interner: Interner) -> tuple[Condition, ...]:
    """The conditions of a status."""
    found = []
    for raw in mappings(status, "conditions"):
        texts = (text(raw, "type"), text(raw, "status"), text(raw, "reason"), text(raw, "message"))
        # One cache look-up for all four: thousands of pods have the same values at different times.
        found.append(Condition(*interner.share(texts), since=moment(raw, "lastTransitionTime")))
    return tuple(found)
