"""Permissions that this identity lacks, known before anybody tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from actions.catalogue import spec_of
from actions.permissions import Permission, granted
from console.session.failure import SessionError
from fleet.sources.kube.errors import KubeconfigError, KubeError

if TYPE_CHECKING:
    from actions.plan_context import Reads
    from console.session.bridge import Bridge
    from fleet.model.objects import ClusterId, ObjectRef


class Permissions:
    """Answers at once with what is known; the server is asked once per permission and namespace.

    ``reads`` is called on the observing loop; ``learned`` on it, too, when an answer has come.
    """

    def __init__(self, bridge: Bridge, reads: Callable[[ClusterId], Reads], learned: Callable[[], None]) -> None:
        self._bridge = bridge
        self._reads = reads
        self._learned = learned
        self._answers: dict[tuple[ClusterId, Permission, str], bool | None] = {}
        """Answers for a cluster and one namespace of it (empty: all); None while the server is asked."""

    def denied(self, kind: str, target: ObjectRef) -> str | None:
        """Return why that may not be done, in words; None where it may, and while that is being asked."""
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
        """Another cluster comes into view."""
        self._answers = {}

    async def _review(self, cluster: ClusterId, permission: Permission, namespace: str) -> None:
        answers = self._answers
        try:
            answer = await granted(permission, namespace, self._reads(cluster))
        except (KubeError, KubeconfigError, SessionError):
            # Not known: the plan asks again, and says so.
            return
        # Of the cluster that was asked, which may be in view no more.
        answers[cluster, permission, namespace] = answer
        self._learned()
