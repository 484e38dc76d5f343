"""The machines and pods of the simulated cluster, and their mirror in the object store."""

from __future__ import annotations

import random
from collections import deque

from simulator import templates
from simulator.blueprint import Blueprint
from simulator.events import Events
from simulator.machines import Machine
from simulator.objects import NAME_ALPHABET, Object, owner, timestamp, uid
from simulator.owned_pods import OwnedPods
from simulator.pod_objects import manifest_of, status_of
from simulator.pods import Phase, Pod
from simulator.store import ExpiredError, Store

LOG_LINES = 400
"""Lines kept of each container's log; fewer in large fleets."""
_ADDRESSES = 62_500


class Cluster:
    """Holds pods and machines, and writes every change to the object store."""

    def __init__(self, store: Store, blueprint: Blueprint, seed: int, pod_prefix: str) -> None:
        self.store = store
        self.pods: dict[tuple[str, str], Pod] = {}
        names = [(pool, n) for pool in blueprint.pools for n in range(pool.nodes)]
        self.machines = {
            f"gpu-{pool.name}-{n}": Machine(f"gpu-{pool.name}-{n}", number, pool)
            for number, (pool, n) in enumerate(names)
        }
        self._engines = templates.Engines(blueprint.workloads)
        self.owned = OwnedPods()
        self.events = Events(store)
        self._seen = store.version
        """The resourceVersion up to which every change of a pod has been applied here."""
        self._random = random.Random(f"{seed}/names")
        self._prefix = pod_prefix
        self._addresses = 0
        self._log_lines = LOG_LINES if blueprint.pods <= 200 else LOG_LINES // 8

    def pods_in(self, namespace: str) -> list[Pod]:
        """All pods of a namespace."""
        return [pod for pod in self.pods.values() if pod.namespace == namespace]

    def suffix(self) -> str:
        """Five characters that make a generated name unique."""
        return "".join(self._random.choices(NAME_ALPHABET, k=5))

    def create_pod(self, controller: Object, name: str, template: Object, now: float, pinned: str = "") -> Pod:
        """Create a pod for its controller; it waits for the scheduler, and for its node if it is pinned."""
        return self._add(controller["metadata"]["namespace"], name, template, now, owner(controller), pinned)

    def _add(
        self, namespace: str, name: str, template: Object, now: float, reference: Object | None, pinned: str = ""
    ) -> Pod:
        metadata = template["metadata"]
        pod = Pod(
            namespace=namespace,
            name=name,
            uid=uid("Pod", namespace, name, now),
            owner=reference,
            template=template,
            created=now,
            ip=self._address(),
            workload=self._engines.workload_of(namespace, template),
            labels=dict(metadata.get("labels") or {}),
            annotations=dict(metadata.get("annotations") or {}),
            gpu_requests=templates.gpu_requests(template),
            pinned=pinned,
            since=now,
            log=deque(maxlen=self._log_lines),
        )
        self.pods[namespace, name] = pod
        self.owned.add(pod)
        return pod

    def give(self, pod: Pod, controller: Object | None) -> None:
        """Have a controller adopt a pod, or (None) release it."""
        self.owned.remove(pod)
        pod.owner = owner(controller) if controller else None
        self.owned.add(pod)
        obj = self.store.get("v1", "Pod", pod.namespace, pod.name)
        if obj:
            metadata = {key: value for key, value in obj["metadata"].items() if key != "ownerReferences"}
            if pod.owner:
                metadata["ownerReferences"] = [pod.owner]
            self.store.put(obj | {"metadata": metadata})

    def terminate(self, pod: Pod, now: float, grace: float | None = None, *, evicted: bool = False) -> None:
        """Delete a pod: it has `grace` seconds (its own, if None) to end, and is gone at once with 0."""
        seconds = templates.grace(pod.template) if grace is None else grace
        if not seconds:
            self.remove(pod)
        elif pod.alive:
            pod.evicted = now if evicted else None
            pod.terminate(now, seconds)
            self.events.record(pod, "Normal", "Killing", f"Stopping container {pod.container}", "kubelet", now)
        else:
            pod.shorten_grace(now, seconds)

    def remove(self, pod: Pod) -> None:
        """Forget a pod that has ended and free its GPUs."""
        if pod.node:
            self.machines[pod.node].release(pod.gpus)
        pod.server = None
        del self.pods[pod.namespace, pod.name]
        self.owned.remove(pod)
        self.store.delete("v1", "Pod", pod.namespace, pod.name)

    def publish(self, pod: Pod) -> None:
        """Write a pod's current state to the store; others' changes of its metadata are kept."""
        obj = self.store.get("v1", "Pod", pod.namespace, pod.name) or manifest_of(pod)
        spec, metadata = obj["spec"], obj["metadata"]
        if pod.node and "nodeName" not in spec:
            spec = spec | {"nodeName": pod.node}
        if pod.phase is Phase.TERMINATING and metadata.get("deletionGracePeriodSeconds") != int(pod.grace):
            metadata = metadata | {
                "generation": metadata.get("generation", 1) + 1,
                "deletionTimestamp": timestamp(pod.deadline),
                "deletionGracePeriodSeconds": int(pod.grace),
            }
        self.store.put(obj | {"metadata": metadata, "spec": spec, "status": status_of(pod)})
        pod.dirty = False
        self.owned.touched.add(pod.namespace)

    def observe(self, now: float) -> None:
        """Apply changes made to pods through the API since they were last published."""
        table = self.store.table("v1", "Pod")
        try:
            keys = dict.fromkeys(change.key for change in table.since(self._seen))
        except ExpiredError:
            keys = dict.fromkeys([*self.pods, *table.entries])
        for key in keys:
            self.observe_pod(*key, now)

    def observe_pod(self, namespace: str, name: str, now: float) -> None:
        """Apply changes made to one pod: deleted, labelled, orphaned, adopted, created."""
        obj = self.store.get("v1", "Pod", namespace, name)
        pod = self.pods.get((namespace, name))
        if obj is None:
            if pod:
                self.remove(pod)
            return
        metadata = obj["metadata"]
        if pod is None:
            pod = self._add(namespace, name, obj, now, _controller(obj))
            pod.uid = metadata["uid"]
        pod.labels = metadata.get("labels") or {}
        pod.annotations = metadata.get("annotations") or {}
        if _controller(obj) != pod.owner:
            self.owned.remove(pod)
            pod.owner = _controller(obj)
            self.owned.add(pod)
        self.owned.touched.add(namespace)
        if pod.alive and "deletionTimestamp" in metadata:
            self.terminate(pod, now, metadata.get("deletionGracePeriodSeconds"))

    def publish_all(self) -> None:
        """Publish the pods that changed."""
        for pod in list(self.pods.values()):
            if pod.dirty:
                self.publish(pod)
        self._seen = self.store.version

    def _address(self) -> str:
        taken = {pod.ip for pod in self.pods.values()} if self._addresses >= _ADDRESSES else set()
        while True:
            number = self._addresses % _ADDRESSES
            self._addresses += 1
            address = f"{self._prefix}.{number // 250}.{number % 250 + 2}"
            if address not in taken:
                return address


def _controller(obj: Object) -> Object | None:
    """The ownerReference to the controller of an object."""
    references = obj["metadata"].get("ownerReferences") or ()
    return next((reference for reference in references if reference.get("controller")), None)
