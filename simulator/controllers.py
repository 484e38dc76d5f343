"""The controllers of Kubernetes, as far as the fleet needs them; each makes the pods what an object asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from simulator import objects, workloads
from simulator.blueprint import WorkloadSpec
from simulator.cluster import Cluster
from simulator.objects import Object, condition
from simulator.pods import Pod

REVISION = "deployment.kubernetes.io/revision"


def put_status(cluster: Cluster, obj: Object, status: Object) -> None:
    """Write an object's status; conditions that say the same as before keep their lastTransitionTime."""
    before = {c["type"]: c for c in obj.get("status", {}).get("conditions", [])}
    for new in status.get("conditions", []):
        old = before.get(new["type"])
        if old and old["status"] == new["status"]:
            new["lastTransitionTime"] = old["lastTransitionTime"]
            if "lastUpdateTime" in new and old.get("message") == new["message"]:
                new["lastUpdateTime"] = old["lastUpdateTime"]
    if obj.get("status") != status:
        cluster.store.put(obj | {"status": status})


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
        pods = {rs["metadata"]["uid"]: self._alive(rs) for rs in (*sets, current)}
        mine = pods.pop(current["metadata"]["uid"])
        if not obj["spec"].get("paused"):
            old = [(rs, pods[rs["metadata"]["uid"]]) for rs in sets if rs["metadata"]["uid"] in pods]
            self._roll(obj, current, mine, old, now)
        for rs in (*(rs for rs in sets if rs["metadata"]["uid"] in pods), current):
            pods_now = self._alive(rs)
            self._scaled(obj, rs, rs["spec"]["replicas"], len(pods_now), now)
            self._report_set(rs, pods_now, obj["spec"]["replicas"])
        self._report(obj, current, [rs for rs in sets if rs["metadata"]["uid"] in pods], now)

    def _alive(self, rs: Object) -> list[Pod]:
        return [pod for pod in self._cluster.pods_of(rs["metadata"]["uid"]) if pod.alive]

    def _terminating(self, rs: Object) -> int:
        return sum(not pod.alive for pod in self._cluster.pods_of(rs["metadata"]["uid"]))

    def _current(self, obj: Object, sets: Sequence[Object], now: float) -> tuple[Object, Object]:
        """The ReplicaSet of the present template, made or re-numbered if need be, and the Deployment."""
        store = self._cluster.store
        template = obj["spec"]["template"]
        name = f"{obj['metadata']['name']}-{objects.safe_hash(template)}"
        latest = max((int(rs["metadata"]["annotations"][REVISION]) for rs in sets), default=0)
        found = next((rs for rs in sets if rs["metadata"]["name"] == name), None)
        if found is None:
            found = workloads.replica_set(obj, latest + 1, template, now, 0)
            store.put(found)
            found = store.get("apps/v1", "ReplicaSet", obj["metadata"]["namespace"], name) or found
        elif int(found["metadata"]["annotations"][REVISION]) < latest:
            found = _annotated(found, REVISION, str(latest + 1))
            store.put(found)
        revision = found["metadata"]["annotations"][REVISION]
        if obj["metadata"].get("annotations", {}).get(REVISION) != revision:
            obj = _annotated(obj, REVISION, revision)
            store.put(obj)
        return found, obj

    def _roll(
        self, obj: Object, current: Object, mine: list[Pod], old: list[tuple[Object, list[Pod]]], now: float
    ) -> None:
        desired = obj["spec"]["replicas"]
        surge, unavailable = self._limits(obj["spec"], desired)
        before = sum(len(pods) for _, pods in old)
        room = desired + surge - before - len(mine) if before else desired - len(mine)
        for _ in range(min(desired - len(mine), room)):
            self._create(current, now)
        for pod in self._to_delete(mine, len(mine) - desired):
            self._delete(current, pod, now)
        ready = sum(pod.ready for pod in mine) + sum(pod.ready for _, pods in old for pod in pods)
        spare = ready - (desired - unavailable)
        for rs, pods in old:
            for pod in sorted(pods, key=lambda p: p.ready):
                if pod.ready:
                    if spare <= 0:
                        break
                    spare -= 1
                self._delete(rs, pod, now)

    def _scaled(self, obj: Object, rs: Object, before: int, after: int, now: float) -> None:
        if before != after:
            how = "up" if after > before else "down"
            message = f"Scaled {how} replica set {rs['metadata']['name']} from {before} to {after}"
            self._cluster.event(obj, "Normal", "ScalingReplicaSet", message, "deployment-controller", now)

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

    def _report_set(self, rs: Object, pods: Sequence[Pod], desired: int) -> None:
        ready = sum(pod.ready for pod in pods)
        changed = rs["spec"]["replicas"] != len(pods)
        generation = rs["metadata"].get("generation", 0) + changed
        rs = rs | {"metadata": rs["metadata"] | {"generation": generation}}
        status: Object = {
            "replicas": len(pods),
            "terminatingReplicas": self._terminating(rs),
            "observedGeneration": generation,
        }
        if pods:
            status["fullyLabeledReplicas"] = len(pods)
        if ready:
            status |= {"readyReplicas": ready, "availableReplicas": ready}
        rs = _annotated(rs, "deployment.kubernetes.io/desired-replicas", str(desired))
        put_status(self._cluster, rs | {"spec": rs["spec"] | {"replicas": len(pods)}}, status)

    def _report(self, obj: Object, current: Object, old_sets: Sequence[Object], now: float) -> None:
        mine = self._alive(current)
        old = [self._alive(rs) for rs in old_sets]
        desired = obj["spec"]["replicas"]
        total = len(mine) + sum(len(pods) for pods in old)
        ready = sum(pod.ready for pod in mine) + sum(pod.ready for pods in old for pod in pods)
        updated_ready = sum(pod.ready for pod in mine)
        done = updated_ready == desired == total
        state = (desired, len(mine), updated_ready, total, current["metadata"]["uid"])
        key = obj["metadata"]["uid"]
        if self._progress.get(key, (None, 0.0))[0] != state:
            self._progress[key] = (state, now)
        late = now - self._progress[key][1] > obj["spec"]["progressDeadlineSeconds"] and not done
        enough = ready >= desired - self._limits(obj["spec"], desired)[1]
        set_name = current["metadata"]["name"]
        if done:
            why = ("NewReplicaSetAvailable", f'ReplicaSet "{set_name}" has successfully progressed.')
        elif late:
            why = ("ProgressDeadlineExceeded", f'ReplicaSet "{set_name}" has timed out progressing.')
        else:
            why = ("ReplicaSetUpdated", f'ReplicaSet "{set_name}" is progressing.')
        available = (
            ("MinimumReplicasAvailable", "Deployment has minimum availability.")
            if enough
            else ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        )
        at = objects.timestamp(now)
        status: Object = {
            "observedGeneration": obj["metadata"].get("generation", 1),
            "replicas": total,
            "updatedReplicas": len(mine),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "conditions": [
                condition("Available", enough, now, *available, lastUpdateTime=at),
                condition("Progressing", not late, now, *why, lastUpdateTime=at),
            ],
        }
        if ready < desired:
            status["unavailableReplicas"] = desired - ready
        status = {key: value for key, value in status.items() if value != 0}
        status["terminatingReplicas"] = sum(self._terminating(rs) for rs in (current, *old_sets))
        put_status(self._cluster, obj, status)


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
            store.put(workloads.controller_revision(obj, max(known, default=0) + 1, template, now))
        pods = {pod.name: pod for pod in self._cluster.pods_of(obj["metadata"]["uid"])}
        labels = {**template["metadata"]["labels"], "controller-revision-hash": revision}
        stamped = template | {"metadata": template["metadata"] | {"labels": labels}}
        for ordinal in range(desired):
            if f"{name}-{ordinal}" not in pods:
                workload = self._workloads.get((namespace, name))
                pod_labels = labels | {
                    "apps.kubernetes.io/pod-index": str(ordinal),
                    "statefulset.kubernetes.io/pod-name": f"{name}-{ordinal}",
                }
                mine = stamped | {"metadata": stamped["metadata"] | {"labels": pod_labels}}
                pod = self._cluster.create_pod(obj, f"{name}-{ordinal}", mine, now, workload)
                pods[pod.name] = pod
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
        put_status(self._cluster, obj, status)


def reconcile_service(cluster: Cluster, namespace: str, name: str, pods: Sequence[Pod], port: int) -> None:
    """EndpointSlices and PodDisruptionBudget of a workload follow its pods."""
    service = cluster.store.get("v1", "Service", namespace, name)
    listed = [pod for pod in pods if pod.node and pod.started]
    if service:
        for number in range(max(1, math.ceil(len(listed) / 100))):
            part = [_endpoint(pod) for pod in listed[number * 100 : number * 100 + 100]]
            cluster.store.put(objects.endpoint_slice(service, number, part, port))
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
        put_status(cluster, budget, status)


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


def _annotated(obj: Object, key: str, value: str) -> Object:
    annotations = obj["metadata"].get("annotations", {}) | {key: value}
    return obj | {"metadata": obj["metadata"] | {"annotations": annotations}}


def _share(value: int | str, of: int, rounded: Any) -> int:
    """An absolute number or a percentage of `of`."""
    return value if isinstance(value, int) else int(rounded(int(value.rstrip("%")) * of / 100))
