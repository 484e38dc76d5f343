"""Is the node's kubelet working, so that evicted pods end?"""

from __future__ import annotations

from collections.abc import Iterable

from actions.planning.plan import Check, Verdict
from fleet.model.snapshot import Snapshot

ABOUT = "node"


def check_nodes(snapshot: Snapshot, names: Iterable[str]) -> list[Check]:
    """Return a warning for each node that is not ready; none for the others, and for unknown ones."""
    return [
        Check(
            ABOUT,
            Verdict.WARN,
            f"{name} is not ready ({snapshot.nodes[name].ready}): its kubelet may never report that a pod has "
            "ended, and the pod stays Terminating",
            "bring the node back, or remove it from the cluster: its pods go with it",
        )
        for name in sorted(set(names))
        if name in snapshot.nodes and snapshot.nodes[name].ready != "True"
    ]
