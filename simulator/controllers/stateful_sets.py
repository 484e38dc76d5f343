"""StatefulSets: pods with ordinals, replaced from the last one, and a ControllerRevision for each template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulator import objects
from simulator.cluster import Cluster
from simulator.controllers.leader_worker_sets import group_labels
from simulator.objects import Object, labelled
from simulator.pods import Pod
from simulator.writes import put_status

HASH = "controller-revision-hash"


class StatefulSets:
    """All StatefulSets, whatever their owner."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def reconcile(self, now: float) -> None:
        """One look at each."""
        for obj in self._cluster.store.list("apps/v1", "StatefulSet"):
            revisions = self._revisions(obj)
            update = self._update_revision(obj, revisions, now)
            self._make_pods(obj, revisions, update, now)
            self._replace(obj, update, now)
            self._report(obj, update, now)
            self._prune(obj, revisions, update)

    def _revisions(self, obj: Object) -> list[Object]:
        """Return the StatefulSet's ControllerRevisions, the latest last."""
        meta = obj["metadata"]
        found = [
            revision
            for revision in self._cluster.store.list("apps/v1", "ControllerRevision", meta["namespace"])
            if any(owner["uid"] == meta["uid"] for owner in revision["metadata"].get("ownerReferences") or ())
        ]
        return sorted(found, key=lambda revision: int(revision["revision"]))

    def _update_revision(self, obj: Object, revisions: list[Object], now: float) -> str:
        """The name of the present template's revision: made if it is new, and always with the highest number."""
        store, template = self._cluster.store, obj["spec"]["template"]
        latest = int(revisions[-1]["revision"]) if revisions else 0
        same = next((r for r in revisions if _template(r) == template), None)
        if same is None:
            same = objects.controller_revision(obj, latest + 1, template, now)
            if annotations := obj["metadata"].get("annotations"):
                same["metadata"]["annotations"] = annotations
            store.put(same)
            revisions.append(same)
        elif same["revision"] < latest:
            store.put(same | {"revision": latest + 1})
        return str(same["metadata"]["name"])

    def _make_pods(self, obj: Object, revisions: Sequence[Object], update: str, now: float) -> None:
        meta, spec = obj["metadata"], obj["spec"]
        pods = {pod.name: pod for pod in self._cluster.owned.of(meta["uid"])}
        first = _first(spec)
        in_order = spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        templates = {r["metadata"]["name"]: _template(r) for r in revisions}
        before = obj.get("status", {}).get("currentRevision", update)
        for ordinal in range(first, first + spec["replicas"]):
            name = f"{meta['name']}-{ordinal}"
            if (meta["namespace"], name) not in self._cluster.pods:  # one of the same name may still have to end
                # Pods below the partition stay unchanged.
                revision = before if ordinal < _partition(spec) and before in templates else update
                labels = {
                    HASH: revision,
                    "apps.kubernetes.io/pod-index": str(ordinal),
                    "statefulset.kubernetes.io/pod-name": name,
                }
                labels |= group_labels(obj, ordinal)
                template = labelled(templates.get(revision, spec["template"]), labels)
                self._cluster.create_pod(obj, name, template, now)
                message = f"create Pod {name} in StatefulSet {meta['name']} successful"
                self._event(obj, "SuccessfulCreate", message, now)
            if in_order and not (name in pods and pods[name].ready):
                break
        for pod in sorted(pods.values(), key=_ordinal, reverse=True):
            if not first <= _ordinal(pod) < first + spec["replicas"]:
                if pod.alive:
                    self._delete(obj, pod, now)
                if in_order:
                    break

    def _replace(self, obj: Object, update: str, now: float) -> None:
        """Delete the pod with the highest ordinal that has another revision, once those above it are ready."""
        if (obj["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") != "RollingUpdate":
            return
        first, replicas = _first(obj["spec"]), obj["spec"]["replicas"]
        for pod in sorted(self._cluster.owned.of(obj["metadata"]["uid"]), key=_ordinal, reverse=True):
            if not max(first, _partition(obj["spec"])) <= _ordinal(pod) < first + replicas:
                continue
            if pod.alive and pod.labels.get(HASH) != update:
                self._delete(obj, pod, now)
                return
            if not pod.ready:
                return

    def _delete(self, obj: Object, pod: Pod, now: float) -> None:
        self._cluster.terminate(pod, now)
        message = f"delete Pod {pod.name} in StatefulSet {obj['metadata']['name']} successful"
        self._event(obj, "SuccessfulDelete", message, now)

    def _event(self, obj: Object, reason: str, message: str, now: float) -> None:
        self._cluster.events.record(obj, "Normal", reason, message, "statefulset-controller", now)

    def _report(self, obj: Object, update: str, now: float) -> None:
        pods = self._cluster.owned.of(obj["metadata"]["uid"])
        alive = [pod for pod in pods if pod.alive]
        before = obj.get("status", {}).get("currentRevision", update)
        updated = sum(pod.labels.get(HASH) == update for pod in alive)
        waits = obj["spec"].get("minReadySeconds", 0)
        ready = [pod for pod in alive if pod.ready]
        complete = updated == len(pods) == obj["spec"]["replicas"] == len(ready)
        current = update if complete else before
        status = {
            "observedGeneration": obj["metadata"].get("generation", 1),
            "replicas": len(pods),
            "readyReplicas": len(ready),
            "availableReplicas": sum(now - pod.readiness_changed >= waits for pod in ready),
            "currentReplicas": sum(pod.labels.get(HASH) == current for pod in alive),
            "updatedReplicas": updated,
            "currentRevision": current,
            "updateRevision": update,
            "collisionCount": 0,
        }
        optional = ("readyReplicas", "currentReplicas", "updatedReplicas")
        put_status(
            self._cluster.store, obj, {key: value for key, value in status.items() if value or key not in optional}
        )

    def _prune(self, obj: Object, revisions: Sequence[Object], update: str) -> None:
        """Delete the oldest revisions beyond revisionHistoryLimit that no pod has."""
        used = {pod.labels.get(HASH) for pod in self._cluster.owned.of(obj["metadata"]["uid"])} | {update}
        idle = [r["metadata"] for r in revisions if r["metadata"]["name"] not in used]
        for meta in idle[: max(0, len(idle) - obj["spec"].get("revisionHistoryLimit", 10))]:
            self._cluster.store.delete("apps/v1", "ControllerRevision", meta["namespace"], meta["name"])


def _template(revision: Mapping[str, Any]) -> Object:
    """The pod template that a ControllerRevision holds: its data is a strategic merge patch."""
    return {key: value for key, value in revision["data"]["spec"]["template"].items() if key != "$patch"}


def _first(spec: Mapping[str, Any]) -> int:
    return int((spec.get("ordinals") or {}).get("start", 0))


def _partition(spec: Mapping[str, Any]) -> int:
    return int(((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition", 0))


def _ordinal(pod: Pod) -> int:
    return int(pod.name.rpartition("-")[2])
