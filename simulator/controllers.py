"""The controllers of Kubernetes, as far as the fleet needs them; each makes the pods what an object asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from simulator import objects
from simulator.blueprint import WorkloadSpec
from simulator.cluster import Cluster
from simulator.objects import Object, annotated, condition, labelled
from simulator.pods import Pod

REVISION = "deployment.kubernetes.io/revision"


class Deployments:
    """Deployments with their ReplicaSets."""

    def __init__(self, cluster: Cluster, workloads: Mapping[tuple[str, str], WorkloadSpec]) -> None:
        self._cluster = cluster
        self._workloads = workloads
        self._progress: dict[str, tuple[object, float]] = {}
        """Per Deployment what it looked like when it last got further, and when that was."""

    def reconcile(self, namespace: str, name: str, now: float) -> None:
        """One look at a Deployment: start, stop and replace pods as its strategy allows, then report."""
        store = self._cluster.store
        obj = store.get("apps/v1", "Deployment", namespace, name)
        sets = [
            rs
            for rs in store.list("apps/v1", "ReplicaSet", namespace)
            if rs["metadata"]["ownerReferences"][0]["name"] == name
        ]
        if obj is None:  # garbage collection; the pods follow their ReplicaSets
            for rs in sets:
                store.delete("apps/v1", "ReplicaSet", namespace, rs["metadata"]["name"])
            return
        current, obj = self._current(obj, sets, now)
        old = [rs for rs in sets if rs["metadata"]["uid"] != current["metadata"]["uid"]]
        if not obj["spec"].get("paused"):
            self._roll(obj, current, old, now)
        for rs in (*old, current):
            self._report_set(obj, rs, now)
        self._report(obj, current, old, now)

    def _alive(self, rs: Object) -> list[Pod]:
        return [pod for pod in self._cluster.pods_of(rs["metadata"]["uid"]) if pod.alive]

    def _current(self, obj: Object, sets: Sequence[Object], now: float) -> tuple[Object, Object]:
        """The ReplicaSet of the present template, made or re-numbered if need be, and the Deployment."""
        store = self._cluster.store
        template = obj["spec"]["template"]
        name = f"{obj['metadata']['name']}-{objects.safe_hash(template)}"
        latest = max((int(rs["metadata"]["annotations"][REVISION]) for rs in sets), default=0)
        found = next((rs for rs in sets if rs["metadata"]["name"] == name), None)
        if found is None:
            found = objects.replica_set(obj, latest + 1, template, now)
            store.put(found)
            found = store.get("apps/v1", "ReplicaSet", obj["metadata"]["namespace"], name) or found
        elif int(found["metadata"]["annotations"][REVISION]) < latest:
            found = annotated(found, REVISION, str(latest + 1))
            store.put(found)
        revision = found["metadata"]["annotations"][REVISION]
        if obj["metadata"].get("annotations", {}).get(REVISION) != revision:
            obj = annotated(obj, REVISION, revision)
            store.put(obj)
        return found, obj

    def _roll(self, obj: Object, current: Object, old_sets: Sequence[Object], now: float) -> None:
        mine, old = self._alive(current), [(rs, pod) for rs in old_sets for pod in self._alive(rs)]
        desired = obj["spec"]["replicas"]
        surge, unavailable = self._limits(obj["spec"], desired)
        room = desired + (surge if old else 0) - len(old) - len(mine)
        for _ in range(min(desired - len(mine), room)):
            self._create(current, now)
        for pod in self._to_delete(mine, len(mine) - desired):
            self._delete(current, pod, now)
        spare = sum(pod.ready for pod in mine) + sum(pod.ready for _, pod in old) - (desired - unavailable)
        for rs, pod in old:
            if not pod.ready or spare > 0:
                spare -= pod.ready
                self._delete(rs, pod, now)

    @staticmethod
    def _limits(spec: Mapping[str, Any], desired: int) -> tuple[int, int]:
        rolling = spec.get("strategy", {}).get("rollingUpdate", {})
        surge = _share(rolling.get("maxSurge", "25%"), desired, math.ceil)
        unavailable = _share(rolling.get("maxUnavailable", "25%"), desired, math.floor)
        return surge, unavailable or int(not surge)

    @staticmethod
    def _to_delete(pods: Sequence[Pod], count: int) -> list[Pod]:
        """Which pods go first when a ReplicaSet shrinks: those without a node, not ready, youngest."""
        return sorted(pods, key=lambda p: (bool(p.node), p.ready, -p.created))[: max(0, count)]

    def _create(self, rs: Object, now: float) -> None:
        meta = rs["metadata"]
        workload = self._workloads.get((meta["namespace"], meta["ownerReferences"][0]["name"]))
        name = f"{meta['name']}-{self._cluster.suffix()}"
        self._cluster.create_pod(rs, name, rs["spec"]["template"], now, workload)
        self._cluster.event(rs, "Normal", "SuccessfulCreate", f"Created pod: {name}", "replicaset-controller", now)

    def _delete(self, rs: Object, pod: Pod, now: float) -> None:
        self._cluster.terminate(pod, now)
        message = f"Deleted pod: {pod.name}"
        self._cluster.event(rs, "Normal", "SuccessfulDelete", message, "replicaset-controller", now)

    def _report_set(self, obj: Object, rs: Object, now: float) -> None:
        pods, before = self._alive(rs), rs["spec"]["replicas"]
        if before != len(pods):
            how = "up" if len(pods) > before else "down"
            message = f"Scaled {how} replica set {rs['metadata']['name']} from {before} to {len(pods)}"
            self._cluster.event(obj, "Normal", "ScalingReplicaSet", message, "deployment-controller", now)
        ready = sum(pod.ready for pod in pods)
        generation = rs["metadata"].get("generation", 0) + (before != len(pods))
        status: Object = {
            "replicas": len(pods),
            "fullyLabeledReplicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "observedGeneration": generation,
        }
        rs = annotated(rs, "deployment.kubernetes.io/desired-replicas", str(obj["spec"]["replicas"]))
        rs |= {"metadata": rs["metadata"] | {"generation": generation}, "spec": rs["spec"] | {"replicas": len(pods)}}
        self._cluster.put_status(rs, self._without_zeros(status, (rs,), keep="replicas"))

    def _report(self, obj: Object, current: Object, old_sets: Sequence[Object], now: float) -> None:
        mine = self._alive(current)
        pods = mine + [pod for rs in old_sets for pod in self._alive(rs)]
        desired, ready = obj["spec"]["replicas"], sum(pod.ready for pod in pods)
        updated_ready = sum(pod.ready for pod in mine)
        done = updated_ready == desired == len(pods)
        state = (desired, len(mine), updated_ready, len(pods), current["metadata"]["uid"])
        progress = self._progress.get(obj["metadata"]["uid"])
        if progress is None or progress[0] != state:
            progress = self._progress[obj["metadata"]["uid"]] = (state, now)
        late = now - progress[1] > obj["spec"]["progressDeadlineSeconds"] and not done
        enough = ready >= desired - self._limits(obj["spec"], desired)[1]
        replica_set = f'ReplicaSet "{current["metadata"]["name"]}"'
        progressing = ("ReplicaSetUpdated", f"{replica_set} is progressing.")
        if done:
            progressing = ("NewReplicaSetAvailable", f"{replica_set} has successfully progressed.")
        elif late:
            progressing = ("ProgressDeadlineExceeded", f"{replica_set} has timed out progressing.")
        available = ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        if enough:
            available = ("MinimumReplicasAvailable", "Deployment has minimum availability.")
        at = objects.timestamp(now)
        status: Object = {
            "observedGeneration": obj["metadata"].get("generation", 1),
            "replicas": len(pods),
            "updatedReplicas": len(mine),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": max(0, desired - ready),
            "conditions": [
                condition("Available", enough, now, *available, lastUpdateTime=at),
                condition("Progressing", not late, now, *progressing, lastUpdateTime=at),
            ],
        }
        self._cluster.put_status(obj, self._without_zeros(status, (current, *old_sets)))

    def _without_zeros(self, status: Object, sets: Sequence[Object], keep: str = "") -> Object:
        """As Go writes it: counts that are 0 are left out, but for what is a pointer there (terminatingReplicas)."""
        ending = sum(not pod.alive for rs in sets for pod in self._cluster.pods_of(rs["metadata"]["uid"]))
        shown = {key: value for key, value in status.items() if value != 0 or key == keep}
        return shown | {"terminatingReplicas": ending}


class StatefulSets:
    """StatefulSets with their ControllerRevisions."""

    def __init__(self, cluster: Cluster, workloads: Mapping[tuple[str, str], WorkloadSpec]) -> None:
        self._cluster = cluster
        self._workloads = workloads

    def reconcile(self, namespace: str, name: str, now: float) -> None:
        """One look at a StatefulSet; a rollout replaces one pod at a time, the last ordinal first."""
        store = self._cluster.store
        obj = store.get("apps/v1", "StatefulSet", namespace, name)
        if obj is None:
            return
        template, desired = obj["spec"]["template"], obj["spec"]["replicas"]
        revision = f"{name}-{objects.safe_hash(template)}"
        if store.get("apps/v1", "ControllerRevision", namespace, revision) is None:
            known = [
                r["revision"]
                for r in store.list("apps/v1", "ControllerRevision", namespace)
                if r["metadata"]["name"].startswith(f"{name}-")
            ]
            store.put(objects.controller_revision(obj, max(known, default=0) + 1, template, now))
        pods = {pod.name: pod for pod in self._cluster.pods_of(obj["metadata"]["uid"])}
        for ordinal in range(desired):
            pod_name = f"{name}-{ordinal}"
            if pod_name not in pods:
                labels = {
                    "controller-revision-hash": revision,
                    "apps.kubernetes.io/pod-index": str(ordinal),
                    "statefulset.kubernetes.io/pod-name": pod_name,
                }
                workload = self._workloads.get((namespace, name))
                pods[pod_name] = self._cluster.create_pod(obj, pod_name, labelled(template, labels), now, workload)
        for pod in pods.values():
            if pod.alive and int(pod.name.rpartition("-")[2]) >= desired:
                self._cluster.terminate(pod, now)
        outdated = [p for p in pods.values() if p.alive and _revision(p) != revision]
        if outdated and all(p.ready for p in pods.values()):
            self._cluster.terminate(max(outdated, key=lambda p: int(p.name.rpartition("-")[2])), now)
        self._report(obj, [p for p in pods.values() if p.alive], revision)

    def _report(self, obj: Object, pods: Sequence[Pod], revision: str) -> None:
        ready = sum(pod.ready for pod in pods)
        updated = sum(_revision(pod) == revision for pod in pods)
        before = obj.get("status", {}).get("currentRevision", revision)
        status = {
            "observedGeneration": obj["metadata"].get("generation", 1),
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "currentReplicas": updated,
            "updatedReplicas": updated,
            "currentRevision": revision if updated == len(pods) else before,
            "updateRevision": revision,
            "collisionCount": 0,
        }
        self._cluster.put_status(obj, status)


def reconcile_daemon_set(cluster: Cluster, namespace: str, name: str, now: float) -> None:
    """A pod for each node; the scheduler brings each to a node that has none."""
    obj = cluster.store.get("apps/v1", "DaemonSet", namespace, name)
    if obj is not None:
        alive = [pod for pod in cluster.pods_of(obj["metadata"]["uid"]) if pod.alive]
        for _ in range(len(cluster.machines) - len(alive)):
            cluster.create_pod(obj, f"{name}-{cluster.suffix()}", obj["spec"]["template"], now, None)


def reconcile_service(cluster: Cluster, namespace: str, name: str, pods: Sequence[Pod]) -> None:
    """EndpointSlices and PodDisruptionBudget of a workload follow its pods."""
    service = cluster.store.get("v1", "Service", namespace, name)
    listed = [pod for pod in pods if pod.node and pod.started]
    if service:
        for number in range(max(1, math.ceil(len(listed) / 100))):
            part = [_endpoint(pod) for pod in listed[number * 100 : number * 100 + 100]]
            cluster.store.put(objects.endpoint_slice(service, number, part))
    budget = cluster.store.get("policy/v1", "PodDisruptionBudget", namespace, name)
    if budget:
        alive = [pod for pod in pods if pod.alive]
        healthy = sum(pod.ready for pod in alive)
        needed = budget["spec"]["minAvailable"]
        allowed = max(0, healthy - needed)
        at = max((pod.since for pod in alive), default=0.0)
        why = "SufficientPods" if allowed else "InsufficientPods"
        generation = budget["metadata"].get("generation", 1)
        status = {
            "observedGeneration": generation,
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": needed,
            "expectedPods": len(alive),
            "conditions": [
                condition("DisruptionAllowed", allowed > 0, at, why, "") | {"observedGeneration": generation}
            ],
        }
        cluster.put_status(budget, status)


def _endpoint(pod: Pod) -> Object:
    ended = not pod.alive
    return {
        "addresses": [pod.ip],
        "conditions": {"ready": pod.ready, "serving": pod.ready, "terminating": ended},
        "targetRef": {"kind": "Pod", "namespace": pod.namespace, "name": pod.name, "uid": pod.uid},
        "nodeName": pod.node,
    }


def _revision(pod: Pod) -> str:
    return str(pod.template["metadata"]["labels"].get("controller-revision-hash", ""))


def _share(value: int | str, of: int, rounded: Any) -> int:
    """An absolute number or a percentage of `of`."""
    return value if isinstance(value, int) else int(rounded(int(value.rstrip("%")) * of / 100))
