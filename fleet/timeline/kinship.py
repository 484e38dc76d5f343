"""Ownership of objects: what happened to a pod happened to its workload, and on its node."""

from __future__ import annotations

from fleet.model.objects import ObjectRef


class Kinship:
    """Ownership of objects: a pod's ReplicaSet, that one's Deployment, a pod's node.

    What happened to a pod happened to its workload too: that is how the timeline of one object is found.
    """

    def __init__(self) -> None:
        self._above: dict[ObjectRef, dict[ObjectRef, None]] = {}
        self._maker: dict[ObjectRef, ObjectRef] = {}

    def note(self, ref: ObjectRef, above: ObjectRef) -> None:
        """``ref`` belongs to ``above``: it runs there, or is applied or scaled by it."""
        if ref != above:
            self._above.setdefault(ref, {})[above] = None

    def note_maker(self, ref: ObjectRef, maker: ObjectRef) -> None:
        """``maker`` has made ``ref``, which belongs to it."""
        self.note(ref, maker)
        self._maker.setdefault(ref, maker)

    def update(self, other: Kinship) -> None:
        """Add everything that another one knows."""
        for ref, above in other._above.items():
            self._above.setdefault(ref, {}).update(above)
        for ref, maker in other._maker.items():
            self._maker.setdefault(ref, maker)

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
        """Return the workload that an object was created for, following its creators; itself if it has none."""
        seen = {ref}
        while (maker := self._maker.get(ref)) is not None and maker not in seen:
            ref = maker
            seen.add(ref)
        return ref
