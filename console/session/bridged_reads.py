"""The reads that users request, made on the thread of the sources."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from console.session.bridge import Bridge
from console.session.cluster_in_view import ObservedCluster

if TYPE_CHECKING:
    from fleet.model.alerts import MonitoringRule
    from fleet.model.baseline import BaselineQuestion, Baselines
    from fleet.model.curve import Curve, CurveQuestion
    from fleet.model.listing import Listing
    from fleet.model.objects import ClusterId, ObjectRef
    from fleet.monitoring.faults import Examined
    from fleet.timeline.timeline import Timeline
    from widgets.log_buffer import LogLine


class BridgedReads:
    """Implements console.session.protocol.UserReads: of the cluster that an object is of, if that is in view."""

    def __init__(self, bridge: Bridge, cluster: ObservedCluster) -> None:
        self._bridge = bridge
        self._cluster = cluster

    async def describe(self, ref: ObjectRef) -> str:
        return await self._bridge.call(self._cluster.reader(ref.cluster).describe(ref))

    async def yaml(self, ref: ObjectRef) -> str:
        return await self._bridge.call(self._cluster.reader(ref.cluster).yaml(ref))

    async def listing(self, cluster: ClusterId, name: str, namespace: str) -> Listing:
        return await self._bridge.call(self._cluster.reader(cluster).listing(name, namespace))

    async def monitoring(self, cluster: ClusterId, rules: Sequence[MonitoringRule]) -> Examined:
        return await self._bridge.call(self._cluster.reader(cluster).monitoring(rules))

    async def timeline(self, of: ObjectRef | ClusterId, since: float) -> Timeline:
        from fleet.model.objects import ObjectRef

        cluster, ref = (of.cluster, of) if isinstance(of, ObjectRef) else (of, None)
        return await self._bridge.call(self._cluster.reader(cluster).timeline(ref, since))

    async def curve(self, question: CurveQuestion) -> Curve:
        return await self._bridge.call(self._cluster.reader(question.series.cluster).curve(question))

    async def baselines(self, question: BaselineQuestion) -> Baselines:
        return await self._bridge.call(self._cluster.reader(question.series.cluster).baselines(question))

    def logs(
        self, pod: ObjectRef, container: str, *, follow: bool, previous: bool, tail: int, since: int
    ) -> AsyncIterator[LogLine]:
        reader = self._cluster.reader(pod.cluster)
        return self._bridge.stream(
            reader.logs(pod, container, follow=follow, previous=previous, tail=tail, since=since)
        )
