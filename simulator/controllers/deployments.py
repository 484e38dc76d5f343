"""Deployments: a ReplicaSet for each template, scaled as the rollout strategy allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulator import objects
from simulator.cluster import Cluster
from simulator.controllers import conditions, rollout
from simulator.controllers.rollout import Part
from simulator.objects import Object
from simulator.writes import put_spec, put_status

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = {REVISION, HISTORY, DESIRED, MAXIMUM, "kubectl.kubernetes.io/last-applied-configuration"}
"""Annotations of a Deployment that its ReplicaSets do not get."""
_HASH = "pod-template-hash"
_COMPONENT = "deployment-controller"


class Deployments:
    """All Deployments. ReplicaSets make the pods: `roll` before they do, `report` afterwards."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def roll(self, now: float) -> None:
        """One step of each: make the ReplicaSet of a new template, scale old and new ones."""
        for obj in self._cluster.store.list("apps/v1", "Deployment"):
            sets = self._sets(obj)
            current = _current(obj, sets)
            old = [rs for rs in sets if rs is not current]
            paused = bool(obj["spec"].get("paused"))
            if current is not None or not paused:
                current = self._revised(obj, current, old, now)
            if paused or _was_scaled(obj, [*old, *([current] if current else [])]):
                self._resize(obj, current, old, now)
            elif current is not None and (obj["spec"].get("strategy") or {}).get("type") == "Recreate":
                self._recreate(obj, current, old, now)
            elif current is not None:
                self._replace(obj, current, old, now)
            self._prune(obj, old)

    def report(self, now: float) -> None:
        """Write the status of each."""
        for obj in self._cluster.store.list("apps/v1", "Deployment"):
            sets = self._sets(obj)
            current = _current(obj, sets)
            status = self._counts(obj, current, sets)
            status["conditions"] = conditions.of_deployment(obj, status, current, now)
            shown = {key: value for key, value in status.items() if value != 0 or key == "terminatingReplicas"}
            put_status(self._cluster.store, obj, shown)

    def _sets(self, obj: Object) -> list[Object]:
        """Return the Deployment's ReplicaSets, oldest first."""
        meta = obj["metadata"]
        found = [
            rs
            for rs in self._cluster.store.list("apps/v1", "ReplicaSet", meta["namespace"])
            if any(owner["uid"] == meta["uid"] for owner in rs["metadata"].get("ownerReferences") or ())
        ]
        return sorted(found, key=lambda rs: (rs["metadata"]["creationTimestamp"], rs["metadata"]["name"]))

    def _revised(self, obj: Object, current: Object | None, old: Sequence[Object], now: float) -> Object:
        """Return the ReplicaSet of the current template under the highest revision, created if need be; the Deployment
        records it.

        A reused template means its old ReplicaSet: it gets a new number and remembers the previous one.
        """
        store, meta = self._cluster.store, obj["metadata"]
        number = max((_revision(rs) for rs in old), default=0) + 1
        copied = {key: value for key, value in (meta.get("annotations") or {}).items() if key not in _NOT_COPIED}
        if current is None:
            current = objects.replica_set(obj, number, obj["spec"]["template"], now)
        else:
            before = _revision(current)
            if before < number:
                copied[REVISION] = str(number)
                history = current["metadata"].get("annotations", {}).get(HISTORY, "")
                copied[HISTORY] = ",".join(filter(None, [history, str(before)])) if before else history
        annotations = current["metadata"].get("annotations", {}) | copied
        store.put(current | {"metadata": current["metadata"] | {"annotations": annotations}})
        current = self._reread(current)
        revision = current["metadata"]["annotations"][REVISION]
        if (meta.get("annotations") or {}).get(REVISION) != revision:
            store.put(objects.annotated(obj, REVISION, revision))
        return current

    def _reread(self, obj: Object) -> Object:
        meta = obj["metadata"]
        found = self._cluster.store.get(obj["apiVersion"], obj["kind"], meta["namespace"], meta["name"])
        return found or obj

    def _replace(self, obj: Object, current: Object, old: Sequence[Object], now: float) -> None:
        """Do one step of a rolling update: start what maxSurge allows, stop what maxUnavailable allows."""
        desired, limit = obj["spec"]["replicas"], rollout.limits(obj["spec"])
        total = sum(rs["spec"]["replicas"] for rs in (*old, current))
        size = rollout.grow(desired, limit, current["spec"]["replicas"], total)
        self._scale(obj, current, size, now)
        after = rollout.shrink(desired, limit, _part(current, size), [_part(rs) for rs in old])
        for rs, replicas in zip(old, after, strict=True):
            self._scale(obj, rs, replicas, now)

    def _recreate(self, obj: Object, current: Object, old: Sequence[Object], now: float) -> None:
        """Replace by recreation: all old pods must be gone before the first new one starts."""
        running = any(self._cluster.owned.of(rs["metadata"]["uid"]) for rs in old)
        for rs in old:
            self._scale(obj, rs, 0, now)
        if not running or current["spec"]["replicas"]:
            self._scale(obj, current, obj["spec"]["replicas"], now)

    def _resize(self, obj: Object, current: Object | None, old: Sequence[Object], now: float) -> None:
        """Scale the ReplicaSets in proportion after the Deployment was scaled; the rollout pauses meanwhile."""
        desired, limit = obj["spec"]["replicas"], rollout.limits(obj["spec"])
        every = [*old, *([current] if current else [])]
        active = [rs for rs in every if rs["spec"]["replicas"]]
        if len(active) <= 1:
            for rs in active or every[-1:]:
                self._scale(obj, rs, desired, now)
        elif current and _part(current) == Part(desired, desired):
            for rs in old:
                self._scale(obj, rs, 0, now)
        else:
            active.sort(key=lambda rs: rs["spec"]["replicas"], reverse=True)
            sizes = [(rs["spec"]["replicas"], int(rs["metadata"]["annotations"].get(MAXIMUM, 0))) for rs in active]
            for rs, replicas in zip(active, rollout.resized(desired, limit, sizes), strict=True):
                self._scale(obj, rs, replicas, now)

    def _scale(self, obj: Object, rs: Object, replicas: int, now: float) -> None:
        """Set a ReplicaSet's replicas, and the annotations with the total that they are part of."""
        before, desired = rs["spec"]["replicas"], obj["spec"]["replicas"]
        allowed = str(desired + rollout.limits(obj["spec"]).surge if desired else 0)
        annotations = rs["metadata"].get("annotations", {})
        if before == replicas and (annotations.get(DESIRED), annotations.get(MAXIMUM)) == (str(desired), allowed):
            return
        rs = objects.annotated(objects.annotated(rs, DESIRED, str(desired)), MAXIMUM, allowed)
        if before == replicas:
            self._cluster.store.put(rs)
            return
        put_spec(self._cluster.store, rs, {"replicas": replicas})
        how = "up" if replicas > before else "down"
        message = f"Scaled {how} replica set {rs['metadata']['name']} from {before} to {replicas}"
        self._cluster.events.record(obj, "Normal", "ScalingReplicaSet", message, _COMPONENT, now)

    def _prune(self, obj: Object, old: Sequence[Object]) -> None:
        """Delete the oldest revisions beyond revisionHistoryLimit once they have no pods."""
        limit = obj["spec"].get("revisionHistoryLimit", 10)
        done = [rs for rs in map(self._reread, old) if not rs["spec"]["replicas"]]
        done = [rs for rs in done if not rs.get("status", {}).get("replicas")]
        for rs in sorted(done, key=_revision)[: max(0, len(done) - limit)]:
            meta = rs["metadata"]
            self._cluster.store.delete("apps/v1", "ReplicaSet", meta["namespace"], meta["name"])

    @staticmethod
    def _counts(obj: Object, current: Object | None, sets: Sequence[Object]) -> Object:
        def total(field: str) -> int:
            return sum(rs.get("status", {}).get(field, 0) for rs in sets)

        replicas, available = total("replicas"), total("availableReplicas")
        return {
            "observedGeneration": obj["metadata"].get("generation", 1),
            "replicas": replicas,
            "updatedReplicas": current.get("status", {}).get("replicas", 0) if current else 0,
            "readyReplicas": total("readyReplicas"),
            "availableReplicas": available,
            "unavailableReplicas": max(0, sum(rs["spec"]["replicas"] for rs in sets) - available),
            "terminatingReplicas": total("terminatingReplicas"),
        }


def _current(obj: Object, sets: Sequence[Object]) -> Object | None:
    """The ReplicaSet of the present template; the oldest, should there be two."""
    wanted = _bare(obj["spec"]["template"])
    return next((rs for rs in sets if _bare(rs["spec"]["template"]) == wanted), None)


def _bare(template: Mapping[str, Any]) -> Object:
    """Return a template without irrelevant parts: the hash label, and null values."""
    metadata = {key: value for key, value in template["metadata"].items() if value is not None}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != _HASH}
    return {"metadata": metadata | {"labels": labels}, "spec": template["spec"]}


def _was_scaled(obj: Object, sets: Sequence[Object]) -> bool:
    """True if a ReplicaSet in use was last set for another number of replicas."""
    desired = str(obj["spec"]["replicas"])
    return any(rs["spec"]["replicas"] and rs["metadata"]["annotations"].get(DESIRED, desired) != desired for rs in sets)


def _revision(rs: Object) -> int:
    return int(rs["metadata"].get("annotations", {}).get(REVISION, 0))


def _part(rs: Object, replicas: int | None = None) -> Part:
    return Part(
        rs["spec"]["replicas"] if replicas is None else replicas, rs.get("status", {}).get("availableReplicas", 0)
    )
