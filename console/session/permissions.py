"""Permissions that this identity lacks, known before an action is tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from actions.catalogue import spec_of
from actions.permissions import Permission, granted
from console.session.failure import SessionError
from fleet.sources.kube.errors import ClusterError

if TYPE_CHECKING:
    from actions.planning.plan_context import Reads
    from console.session.bridge import Bridge
    from fleet.model.objects import ClusterId, ObjectRef


class Permissions:
    """Answers at once with what is known; the server is asked once per permission and namespace.

    ``reads`` is called on the observing loop, and so is ``learned`` when an answer has come.
    """

    def __init__(self, bridge: Bridge, reads: Callable[[ClusterId], Reads], learned: Callable[[], None]) -> None:
        self._bridge = bridge
        self._reads = reads
        self._learned = learned
        self._answers: dict[tuple[ClusterId, Permission, str], bool | None] = {}
        """Answers for a cluster and one namespace of it (empty: all); None while pending."""

    def denied(self, kind: str, target: ObjectRef) -> str | None:
        """Return why that is not permitted, in words; None if it is, or the answer is pending."""
        for permission in spec_of(kind).permissions_for(target.kind):
            key = (target.cluster, permission, permission.scope(target.namespace))
            if key not in self._answers:
                self._answers[key] = None
                self._bridge.begin(self._review(*key))
            elif self._answers[key] is False:
                where = f" in {key[2]}" if key[2] else ""
                return f"you may not {permission}{where}"
        return None

    def forget(self) -> None:
        """Clear the answers: another cluster is selected."""
        self._answers = {}

    async def _review(self, cluster: ClusterId, permission: Permission, namespace: str) -> None:
        answers = self._answers
        try:
            answer = await granted(permission, namespace, self._reads(cluster))
        except (ClusterError, SessionError):
            # Not known: the plan checks again, and reports it.
            return
        # For the queried cluster, which may no longer be selected.
        answers[cluster, permission, namespace] = answer
        self._learned()
