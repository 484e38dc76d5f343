"""Facts about a pod before it is drained: who sends it requests, what controls it, what it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.drain.options import Method
from actions.drain.replicas import ready_among, selector_of
from actions.drain.strategy import TrafficSource, choose
from actions.drain.unit import DrainUnit, group_of, leader_of, member_of
from actions.kubeobj import controller_of, is_ready, labels_of, permitted, target_of, written
from actions.planning.plan_context import ClusterContext
from actions.request import Target
from fleet.kinds.registry import kind_of
from fleet.metrics.pod_roles import runs_engine
from fleet.model.objects import Pod
from fleet.sources.kube.errors import ForbiddenError, NotFoundError
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.pods import project_pod

Raw = Mapping[str, Any]


class Inspection:
    """Reads for one plan; facts shared by several pods are read once. Every method raises KubeError."""

    def __init__(self, context: ClusterContext) -> None:
        self._context = context
        self._sources: dict[str, tuple[TrafficSource, ...]] = {}
        self._unseen: dict[str, tuple[str, ...]] = {}
        self._objects: dict[tuple[str, str, str], Raw | None] = {}

    async def unit(self, pod: Raw, *, method: Method = Method.AUTO, first: bool = False) -> DrainUnit:
        """Return the drain unit of a pod. ``first``: start a replacement before it leaves service, if possible."""
        group = group_of(pod)
        pods: list[dict[str, Any]] = [dict(pod)]
        if group is not None:
            pods = await self._context.reads.list_raw("Pod", group.of.namespace, written(group.labels)) or pods
        front = leader_of(pods)
        namespace, controller = front["metadata"].get("namespace", ""), controller_of(front)
        owner = await self.object(controller[0], namespace, controller[1]) if controller else None
        selector_of_owner = ((owner or {}).get("spec") or {}).get("selector") or {}
        workload = await self._top(front, owner)
        engine = self.serves(front)
        idle = "" if engine and is_ready(front) else _idle(engine)
        strategy = choose(
            labels_of(front),
            (controller[0], selector_of_owner) if controller else None,
            await self.sources(namespace),
            wanted=method,
            first=first,
            idle=idle,
            unseen=self._unseen[namespace],
        )
        keeper = await self._keeper(front)
        owned_by = Target(controller[0], namespace, controller[1], controller[2]) if controller else None
        return DrainUnit(
            name=f"group {group.index} of {group.of.name}" if group else front["metadata"]["name"],
            front=member_of(front),
            version=front["metadata"].get("resourceVersion", ""),
            members=tuple(member_of(raw) for raw in pods),
            strategy=strategy,
            watched=not idle,
            workload=workload,
            controller=owned_by,
            selector=dict(kind_of(controller[0]).selector(owner)) if controller and owner else {},
            ready=await self._others_ready(front, keeper, owned_by) + 1 if owned_by else 0,
            engine=engine,
            keeper=target_of(keeper) if keeper is not None else None,
        )

    def row(self, pod: Raw) -> Pod:
        """Return the pod as a row."""
        return project_pod(dict(pod), Interner())

    def serves(self, pod: Raw) -> bool:
        """True if it is an engine, by its template or its metrics."""
        row = self.row(pod)
        return runs_engine(row) or bool(self._context.snapshot.engines_of.get(row.key))

    async def sources(self, namespace: str) -> tuple[TrafficSource, ...]:
        """The Services and InferencePools of a namespace, as far as they may be listed."""
        if namespace not in self._sources:
            found, unseen = [], []
            for kind in ("Service", "InferencePool"):
                listed = await permitted(kind, namespace, self._context.reads)
                if listed is None:
                    unseen.append(f"{kind}s")
                for raw in listed or ():
                    selector = (raw.get("spec") or {}).get("selector") or {}
                    # The earlier API group of InferencePools had bare labels as selector.
                    labels = selector.get("matchLabels", selector) if kind == "InferencePool" else selector
                    found.append(TrafficSource(kind, raw["metadata"]["name"], labels))
            self._sources[namespace], self._unseen[namespace] = tuple(found), tuple(unseen)
        return self._sources[namespace]

    async def object(self, kind: str, namespace: str, name: str) -> Raw | None:
        """Return an object; None if it is gone or may not be read."""
        key = (kind, namespace, name)
        if key not in self._objects:
            try:
                self._objects[key] = await self._context.reads.get_raw(*key)
            except (NotFoundError, ForbiddenError):
                self._objects[key] = None
        return self._objects[key]

    async def _keeper(self, pod: Raw) -> Raw | None:
        """Return the owner that counts the replicas to which this pod belongs: the highest in an unbroken chain of
        those that do.

        Owners above it created it, and their own status counts something else, or nothing.
        """
        found: Raw | None = None
        below = pod
        while (above := controller_of(below)) is not None and kind_of(above[0]).replicas:
            raw = await self.object(above[0], pod["metadata"].get("namespace", ""), above[1])
            # Another API group may have a kind of the same name (OpenKruise's StatefulSet): the uid distinguishes them.
            if raw is None or raw["metadata"].get("uid", "") != above[2]:
                break
            found = below = raw
        return found

    async def _others_ready(self, front: Raw, keeper: Raw | None, controller: Target) -> int:
        """Return the number of other ready replicas."""
        selector = selector_of(keeper) if keeper is not None else ""
        pods = await self._context.reads.list_raw("Pod", controller.namespace, selector)
        uid = front["metadata"].get("uid")
        return ready_among((pod for pod in pods if pod["metadata"].get("uid") != uid), keeper, controller)

    async def _top(self, pod: Raw, owner: Raw | None) -> Target | None:
        """Return the top of the owner chain: from the Snapshot, else as far as the objects show."""
        snapshot, namespace = self._context.snapshot, pod["metadata"].get("namespace", "")
        known = snapshot.workloads.get(snapshot.workload_of.get(f"{namespace}/{pod['metadata']['name']}", ""))
        if known is not None and known.uid and controller_of(pod):
            return Target(known.kind, namespace, known.name, known.uid)
        top = pod
        while (above := controller_of(top)) is not None:
            raw = owner if top is pod else await self.object(above[0], namespace, above[1])
            if raw is None or controller_of(raw) is None:
                return Target(above[0], namespace, above[1], above[2])
            top = raw
        return None


def _idle(engine: bool) -> str:
    return "not ready, so no request is sent there" if engine else "serves no model, so there is nothing to wait for"
