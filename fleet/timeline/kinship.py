"""Which objects belong to which: what happened to a pod happened to its workload, and on its node."""

from __future__ import annotations

from fleet.model.objects import ObjectRef


class Kinship:
    """Which objects belong to which: a pod to its ReplicaSet, that to its Deployment, a pod to its node.

    What happened to a pod happened to its workload too: that is how the timeline of one object is found.
    """

    def __init__(self) -> None:
        self._above: dict[ObjectRef, dict[ObjectRef, None]] = {}

    def note(self, ref: ObjectRef, above: ObjectRef) -> None:
        """``ref`` belongs to ``above``."""
        if ref != above:
            self._above.setdefault(ref, {})[above] = None

    def update(self, other: Kinship) -> None:
        """All that another one knows."""
        for ref, above in other._above.items():
            self._above.setdefault(ref, {}).update(above)

    def of(self, ref: ObjectRef) -> frozenset[ObjectRef]:
        """An object and all that it belongs to, however far above."""
        found: dict[ObjectRef, None] = {ref: None}
        waiting = [ref]
        while waiting:
            for above in self._above.get(waiting.pop(), ()):
                if above not in found:
                    found[above] = None
                    waiting.append(above)
        return frozenset(found)

    def workload(self, ref: ObjectRef) -> ObjectRef:
        """What an object belongs to at the very top, where that is one; itself where nothing is known."""
        above = self._above.get(ref)
        seen = {ref}
        while above:
            ref = next((one for one in above if one.kind != "Node"), ref)
            if ref in seen:
                break
            seen.add(ref)
            above = self._above.get(ref)
        return ref
