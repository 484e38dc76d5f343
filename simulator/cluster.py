"""The machines and pods of the simulated cluster, and the events that tell of them."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable

from simulator import templates
from simulator.blueprint import Blueprint
from simulator.gpu import Gpu
from simulator.machines import Machine
from simulator.objects import NAME_ALPHABET, Object, manifest, micro_timestamp, owner, timestamp, uid
from simulator.pods import Phase, Place, Pod
from simulator.store import ExpiredError, Store

EVENT_TTL = 3600.0
"""Seconds after which the API server forgets an event."""
LOG_LINES = 400
"""Lines kept of each container's log; fewer in large fleets."""
_ADDRESSES = 62_500


class Cluster:
    """Keeps pods and machines, and tells the object store of every change."""

    def __init__(self, store: Store, blueprint: Blueprint, seed: int, pod_prefix: str) -> None:
        self.store = store
        self.pods: dict[tuple[str, str], Pod] = {}
        names = [(pool, n) for pool in blueprint.pools for n in range(pool.nodes)]
        self.machines = {
            f"gpu-{pool.name}-{n}": Machine(f"gpu-{pool.name}-{n}", number, pool)
            for number, (pool, n) in enumerate(names)
        }
        self.engines = templates.Engines(blueprint.workloads)
        self.touched: set[str] = set()
        """Namespaces whose pods came, went or were changed since the last look at their endpoints and budgets."""
        self._by_owner: dict[str, dict[Place, Pod]] = {}
        self._seen = store.version
        """The resourceVersion up to which every change of a pod is known here."""
        self._random = random.Random(f"{seed}/names")
        self._prefix = pod_prefix
        self._addresses = 0
        self._log_lines = LOG_LINES if blueprint.pods <= 200 else LOG_LINES // 8
        self._events: dict[tuple[str, str, str], Object] = {}

    def pods_of(self, owner_uid: str) -> list[Pod]:
        """The pods that an object controls, those that end included, oldest first."""
        return list(self._by_owner.get(owner_uid, {}).values())

    def pods_in(self, namespace: str) -> list[Pod]:
        """All pods of a namespace."""
        return [pod for pod in self.pods.values() if pod.namespace == namespace]

    def orphans(self, namespace: str) -> list[Pod]:
        """The pods of a namespace that nobody controls."""
        return [pod for pod in self.pods_of("") if pod.namespace == namespace]

    def owners(self) -> Iterable[tuple[str, Object]]:
        """Namespace and ownerReference of every controller that has pods."""
        for siblings in list(self._by_owner.values()):
            pod = next(iter(siblings.values()), None)
            if pod and pod.owner:
                yield pod.namespace, pod.owner

    def suffix(self) -> str:
        """Five characters that make a generated name unique."""
        return "".join(self._random.choices(NAME_ALPHABET, k=5))

    def create_pod(self, controller: Object, name: str, template: Object, now: float, pinned: str = "") -> Pod:
        """Create a pod for its controller; it waits for the scheduler, and for the node to which it is pinned."""
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
            workload=self.engines.workload_of(namespace, template),
            labels=dict(metadata.get("labels") or {}),
            annotations=dict(metadata.get("annotations") or {}),
            gpu_requests=templates.gpu_requests(template),
            pinned=pinned,
            since=now,
            log=deque(maxlen=self._log_lines),
        )
        self.pods[namespace, name] = pod
        self._index(pod)
        return pod

    def _index(self, pod: Pod) -> None:
        self._by_owner.setdefault(pod.owner["uid"] if pod.owner else "", {})[pod.namespace, pod.name] = pod
        self.touched.add(pod.namespace)

    def _unindex(self, pod: Pod) -> None:
        siblings = self._by_owner[pod.owner["uid"] if pod.owner else ""]
        del siblings[pod.namespace, pod.name]
        if not siblings and pod.owner:
            del self._by_owner[pod.owner["uid"]]
        self.touched.add(pod.namespace)

    def give(self, pod: Pod, controller: Object | None) -> None:
        """A controller adopts a pod, or (None) lets go of it."""
        self._unindex(pod)
        pod.owner = owner(controller) if controller else None
        self._index(pod)
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
            self.event(pod, "Normal", "Killing", f"Stopping container {pod.container}", "kubelet", now)
        else:
            pod.shorten_grace(now, seconds)

    def remove(self, pod: Pod) -> None:
        """Forget a pod that has ended and free its GPUs."""
        if pod.node:
            self.machines[pod.node].release(pod.gpus)
        pod.server = None
        del self.pods[pod.namespace, pod.name]
        self._unindex(pod)
        self.store.delete("v1", "Pod", pod.namespace, pod.name)

    def publish(self, pod: Pod) -> None:
        """Write a pod's present state to the store; what others wrote to its metadata stays."""
        obj = self.store.get("v1", "Pod", pod.namespace, pod.name) or pod.manifest()
        spec, metadata = obj["spec"], obj["metadata"]
        if pod.node and "nodeName" not in spec:
            spec = spec | {"nodeName": pod.node}
        if pod.phase is Phase.TERMINATING and metadata.get("deletionGracePeriodSeconds") != int(pod.grace):
            metadata = metadata | {
                "generation": metadata.get("generation", 1) + 1,
                "deletionTimestamp": timestamp(pod.deadline),
                "deletionGracePeriodSeconds": int(pod.grace),
            }
        self.store.put(obj | {"metadata": metadata, "spec": spec, "status": pod.status()})
        pod.dirty = False
        self.touched.add(pod.namespace)

    def put_status(self, obj: Object, status: Object) -> None:
        """Write an object's status; conditions that say the same as before keep their times."""
        before = {c["type"]: c for c in obj.get("status", {}).get("conditions", [])}
        for new in status.get("conditions", []):
            old = before.get(new["type"])
            if old and old["status"] == new["status"]:
                new["lastTransitionTime"] = old["lastTransitionTime"]
                if "lastUpdateTime" in new and old.get("message") == new["message"]:
                    new["lastUpdateTime"] = old["lastUpdateTime"]
        if obj.get("status") != status:
            self.store.put(obj | {"status": status})

    def put_spec(self, obj: Object, change: Object) -> None:
        """Change part of an object's spec, as a controller does; its generation goes up."""
        generation = obj["metadata"].get("generation", 1) + 1
        metadata = obj["metadata"] | {"generation": generation}
        self.store.put(obj | {"metadata": metadata, "spec": obj["spec"] | change})

    def event(self, about: Pod | Object, kind: str, reason: str, message: str, component: str, now: float) -> None:
        """Record an event; one that repeats is counted up, as client-go's correlator does."""
        obj: Object = about.identity if isinstance(about, Pod) else about
        meta = obj["metadata"]
        regarding = {"kind": obj["kind"], "apiVersion": obj["apiVersion"]}
        regarding |= {key: meta[key] for key in ("namespace", "name", "uid") if key in meta}
        key = (meta["uid"], reason, message)
        if known := self._events.get(key):
            event = known | {"count": known["count"] + 1, "lastTimestamp": timestamp(now)}
        else:
            event = manifest(
                "Event",
                f"{meta['name']}.{uid(reason, meta['uid'], message, now).replace('-', '')[:16]}",
                now,
                namespace=meta.get("namespace", "default"),
                about=regarding,
                type=kind,
                reason=reason,
                message=message,
                component=component,
                at=timestamp(now),
                at_micro=micro_timestamp(now),
            )
        self._events[key] = event
        self.store.put(event)

    def heartbeat(self, now: float) -> None:
        """Every kubelet reports that its node is well."""
        at = timestamp(now)
        for name in self.machines:
            obj = self.store.get("v1", "Node", "", name)
            if obj:
                conditions = [c | {"lastHeartbeatTime": at} for c in obj["status"]["conditions"]]
                self.store.put(obj | {"status": obj["status"] | {"conditions": conditions}})

    def lose(self, gpu: Gpu, xid: int, now: float) -> None:
        """A GPU falls off the bus: the device plugin takes it out of what its node offers."""
        gpu.xid = xid
        gpu.lost = True
        self.machines[gpu.node].idle -= gpu.holder is None
        obj = self.store.get("v1", "Node", "", gpu.node)
        if obj:
            resource = self.machines[gpu.node].pool.resource
            left = sum(not other.lost for other in self.machines[gpu.node].gpus)
            allocatable = obj["status"]["allocatable"] | {resource: str(left)}
            self.store.put(obj | {"status": obj["status"] | {"allocatable": allocatable}})
            message = f"NVRM: Xid (PCI:{gpu.pci_bus_id}): {xid}, GPU has fallen off the bus."
            self.event(obj, "Warning", "XIDError", message, "node-problem-detector", now)

    def forget_events(self, now: float) -> None:
        """Drop the events that did not repeat within their time to live."""
        limit = timestamp(now - EVENT_TTL)
        for key in [key for key, obj in self._events.items() if obj["lastTimestamp"] < limit]:
            meta = self._events.pop(key)["metadata"]
            self.store.delete("v1", "Event", meta["namespace"], meta["name"])

    def observe(self, now: float) -> None:
        """Notice what was done to pods through the API since they were last published."""
        table = self.store.table("v1", "Pod")
        try:
            keys = dict.fromkeys(change.key for change in table.since(self._seen))
        except ExpiredError:
            keys = dict.fromkeys([*self.pods, *table.entries])
        for key in keys:
            self.observe_pod(*key, now)

    def observe_pod(self, namespace: str, name: str, now: float) -> None:
        """Notice what was done to one pod: deleted, labelled, orphaned, adopted, created."""
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
            self._unindex(pod)
            pod.owner = _controller(obj)
            self._index(pod)
        self.touched.add(namespace)
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
