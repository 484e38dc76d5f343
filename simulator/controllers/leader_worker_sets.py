"""LeaderWorkerSets: groups of a leader and its workers, which start and end together.

As the operator does it: a StatefulSet of leaders, whose ordinals are the groups, and for each leader a StatefulSet of
its workers that the leader's pod owns, so that they are deleted with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.cluster import Cluster
from simulator.objects import Object, condition, labelled, manifest, owner, safe_hash
from simulator.pod_objects import identity
from simulator.pods import Pod
from simulator.writes import put_spec, put_status

API_VERSION, KIND = "leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"
PREFIX = "leaderworkerset.sigs.k8s.io/"
NAME, GROUP, WORKER = f"{PREFIX}name", f"{PREFIX}group-index", f"{PREFIX}worker-index"
REVISION = f"{PREFIX}template-revision-hash"


class LeaderWorkerSets:
    """All LeaderWorkerSets. StatefulSets make the pods: `arrange` before they do, `report` afterwards."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def arrange(self, now: float) -> None:
        """Create the StatefulSets of each; recreate a group if one of its pods ends or restarts."""
        for obj in self._cluster.store.list(API_VERSION, KIND):
            revision = safe_hash(obj["spec"]["leaderWorkerTemplate"])
            for leader in self._leaders(obj, revision, now):
                workers = self._workers(obj, leader, now)
                if any(not pod.alive or pod.restarts for pod in workers) and leader.alive:
                    self._cluster.terminate(leader, now)

    def report(self, now: float) -> None:
        """Write the status of each: replicas are groups."""
        for obj in self._cluster.store.list(API_VERSION, KIND):
            meta, wanted = obj["metadata"], obj["spec"].get("replicas", 1)
            revision = safe_hash(obj["spec"]["leaderWorkerTemplate"])
            leaders = self._cluster.store.get("apps/v1", "StatefulSet", meta["namespace"], meta["name"])
            pods = [pod for pod in self._cluster.owned.of(leaders["metadata"]["uid"]) if pod.alive] if leaders else []
            ready = sum(pod.ready and all(worker.ready for worker in self._pods_of(pod)) for pod in pods)
            updated = sum(pod.labels.get(REVISION) == revision for pod in pods)
            done = ready == updated == len(pods) == wanted
            available = (
                ("AllGroupsReady", "All replicas are ready")
                if done
                else ("GroupsProgressing", "Replicas are progressing")
            )
            status = {
                "replicas": len(pods),
                "readyReplicas": ready,
                "updatedReplicas": updated,
                "hpaPodSelector": f"{NAME}={meta['name']},{WORKER}=0",
                "conditions": [
                    condition("Available", done, now, *available),
                    condition("Progressing", not done, now, "GroupsProgressing", "Replicas are progressing"),
                ],
            }
            put_status(self._cluster.store, obj, status)

    def _leaders(self, obj: Object, revision: str, now: float) -> list[Pod]:
        meta, spec = obj["metadata"], obj["spec"]
        groups = spec["leaderWorkerTemplate"]
        template = groups.get("leaderTemplate") or groups["workerTemplate"]
        labels = {NAME: meta["name"], WORKER: "0", REVISION: revision}
        found = self._stateful_set(obj, obj, meta["name"], spec.get("replicas", 1), labelled(template, labels), 0, now)
        return self._cluster.owned.of(found["metadata"]["uid"])

    def _workers(self, obj: Object, leader: Pod, now: float) -> list[Pod]:
        groups = obj["spec"]["leaderWorkerTemplate"]
        count = groups.get("size", 1) - 1
        if count < 1:
            return []
        if leader.alive and not leader.dirty:  # the API knows it
            labels = {key: leader.labels[key] for key in (NAME, GROUP, REVISION) if key in leader.labels}
            template = labelled(groups["workerTemplate"], labels)
            self._stateful_set(obj, identity(leader), leader.name, count, template, 1, now)
        return self._pods_of(leader)

    def _pods_of(self, leader: Pod) -> list[Pod]:
        found = self._cluster.store.get("apps/v1", "StatefulSet", leader.namespace, leader.name)
        if found is None or found["metadata"]["ownerReferences"][0]["uid"] != leader.uid:
            return []
        return self._cluster.owned.of(found["metadata"]["uid"])

    def _stateful_set(
        self, obj: Object, owned_by: Object, name: str, replicas: int, template: Object, start: int, now: float
    ) -> Object:
        """The StatefulSet of this name, made or changed as need be."""
        store, meta = self._cluster.store, obj["metadata"]
        found = store.get("apps/v1", "StatefulSet", meta["namespace"], name)
        if found is None:
            values = {"replicas": replicas, "template": template}
            found = manifest("StatefulSet", name, now, namespace=meta["namespace"], owned_by=owned_by, **values)
            found["metadata"]["labels"] = template["metadata"]["labels"]
            selected = {
                key: value for key, value in template["metadata"]["labels"].items() if key in (NAME, GROUP, WORKER)
            }
            found["spec"] |= {
                "selector": {"matchLabels": selected},
                "ordinals": {"start": start},
                "serviceName": meta["name"],
            }
            store.put(found)
        elif found["metadata"]["ownerReferences"] == [owner(owned_by)]:
            change = {"replicas": replicas, "template": template}
            if found["spec"] | change != found["spec"]:
                put_spec(self._cluster.store, found, change)
        return found


def group_labels(stateful_set: Object, ordinal: int) -> Object:
    """Return the labels of the operator's webhook: a leader's group, else the pod's place in the group."""
    labels: Sequence[str] = stateful_set["metadata"].get("labels") or ()
    if NAME not in labels:
        return {}
    return {GROUP: str(ordinal)} if WORKER in labels else {WORKER: str(ordinal)}
