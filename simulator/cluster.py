"""The machines and pods of the simulated cluster, and the scheduler that brings them together."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from simulator.blueprint import Blueprint, NodePool, WorkloadSpec
from simulator.gpu import Gpu
from simulator.objects import (
    NAME_ALPHABET,
    POOL_LABEL,
    Object,
    manifest,
    micro_timestamp,
    node_address,
    owner,
    timestamp,
    uid,
)
from simulator.pods import Phase, Pod
from simulator.store import Store

EVENT_TTL = 3600.0
"""Seconds after which the API server forgets an event."""
LOG_LINES = 400
"""Lines kept of each container's log; fewer in large fleets."""
_ADDRESSES = 62_500


@dataclass(slots=True)
class Machine:
    """A GPU node; `gpus` has one entry per GPU or per MIG instance."""

    name: str
    number: int
    pool: NodePool
    gpus: list[Gpu] = field(default_factory=list)
    images: set[str] = field(default_factory=set)
    """What was pulled before and need not be pulled again."""
    idle: int = 0
    """How many GPUs work and nobody holds."""

    def __post_init__(self) -> None:
        for index in range(self.pool.gpus):
            for instance in range(self.pool.mig_per_gpu or 1):
                mig_id = instance + 1 if self.pool.mig else -1
                self.gpus.append(Gpu(self.pool.gpu, self.name, index, self.pool.mig, mig_id))

        self.idle = len(self.gpus)

    def take(self, count: int, holder: tuple[str, str, str]) -> list[Gpu]:
        """Give some of the GPUs that work and are idle to a container (namespace, pod, name)."""
        taken = [gpu for gpu in self.gpus if gpu.holder is None and not gpu.lost][:count]
        for gpu in taken:
            gpu.holder = holder
        self.idle -= len(taken)
        return taken

    def release(self, gpus: Sequence[Gpu]) -> None:
        """Take GPUs back from a container that has ended."""
        for gpu in gpus:
            gpu.holder = None
            gpu.memory_used = 0.0
            self.idle += not gpu.lost


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
        self._by_owner: dict[str, dict[str, Pod]] = {}
        self._random = random.Random(f"{seed}/names")
        self._prefix = pod_prefix
        self._addresses = 0
        self._log_lines = LOG_LINES if blueprint.pods <= 200 else LOG_LINES // 8
        self._events: dict[tuple[str, str, str], Object] = {}

    def pods_of(self, owner_uid: str) -> list[Pod]:
        """The pods that an object controls, those that end included, oldest first."""
        return list(self._by_owner.get(owner_uid, {}).values())

    def suffix(self) -> str:
        """Five characters that make a generated name unique."""
        return "".join(self._random.choices(NAME_ALPHABET, k=5))

    def create_pod(
        self, controller: Object, name: str, template: Object, now: float, workload: WorkloadSpec | None
    ) -> Pod:
        """Create a pod for a ReplicaSet, StatefulSet or DaemonSet; it waits for the scheduler."""
        namespace = controller["metadata"]["namespace"]
        limits = template["spec"]["containers"][0]["resources"].get("limits", {})
        args = template["spec"]["containers"][0].get("args", [])
        pod = Pod(
            namespace=namespace,
            name=name,
            uid=uid("Pod", namespace, name, now),
            owner=owner(controller),
            template=template,
            created=now,
            ip=self._address(),
            workload=workload,
            revision=args[args.index("--revision") + 1] if "--revision" in args else "",
            gpus_wanted=sum(int(count) for key, count in limits.items() if key.startswith("nvidia.com/")),
            since=now,
            log=deque(maxlen=self._log_lines),
        )
        self.pods[namespace, name] = pod
        self._by_owner.setdefault(pod.owner["uid"], {})[name] = pod
        return pod

    def terminate(self, pod: Pod, now: float) -> None:
        """Begin to end a pod, as a DELETE does."""
        pod.terminate(now)
        self.event(pod, "Normal", "Killing", f"Stopping container {pod.container}", "kubelet", now)

    def remove(self, pod: Pod) -> None:
        """Forget a pod that has ended and free its GPUs."""
        if pod.node:
            self.machines[pod.node].release(pod.gpus)
        del self.pods[pod.namespace, pod.name]
        del self._by_owner[pod.owner["uid"]][pod.name]
        self.store.delete("v1", "Pod", pod.namespace, pod.name)

    def publish(self, pod: Pod) -> None:
        """Write a pod's present state to the store; what others wrote to its metadata stays."""
        obj = self.store.get("v1", "Pod", pod.namespace, pod.name) or pod.manifest()
        spec, metadata = obj["spec"], obj["metadata"]
        if pod.node and "nodeName" not in spec:
            spec = spec | {"nodeName": pod.node}
        if pod.phase is Phase.TERMINATING and "deletionTimestamp" not in metadata:
            grace = spec["terminationGracePeriodSeconds"]
            metadata = metadata | {
                "deletionTimestamp": timestamp(pod.since + grace),
                "deletionGracePeriodSeconds": grace,
            }
        self.store.put(obj | {"metadata": metadata, "spec": spec, "status": pod.status()})
        pod.dirty = False

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
        """Change part of an object's spec; its generation goes up."""
        generation = obj["metadata"].get("generation", 1) + 1
        metadata = obj["metadata"] | {"generation": generation}
        self.store.put(obj | {"metadata": metadata, "spec": obj["spec"] | change})

    def schedule(self, pod: Pod, now: float) -> bool:
        """Bind a pending pod to the fullest node on which it fits; False and an event if there is none."""
        pool = pod.template["spec"].get("nodeSelector", {}).get(POOL_LABEL)
        machines = [m for m in self.machines.values() if pool is None or m.pool.name == pool]
        if pod.owner["kind"] == "DaemonSet":
            taken = {sibling.node for sibling in self.pods_of(pod.owner["uid"])}
            fitting = (m for m in machines if m.name not in taken)
        else:
            wanted = pod.gpus_wanted
            enough = sorted((m.idle if wanted else 0, m.number, m) for m in machines if m.idle >= wanted)
            fitting = (m for _, _, m in enough if not self._cordoned(m))
        machine = next(fitting, None)
        if machine is None:
            self._unschedulable(pod, machines, now)
            return False
        pod.node = machine.name
        pod.host_ip = node_address(machine.number)
        pod.scheduled = now
        pod.gpus = machine.take(pod.gpus_wanted, (pod.namespace, pod.name, pod.container))
        pod.enter(Phase.CREATING, now)
        message = f"Successfully assigned {pod.namespace}/{pod.name} to {machine.name}"
        self.event(pod, "Normal", "Scheduled", message, "default-scheduler", now)
        return True

    def _cordoned(self, machine: Machine) -> bool:
        obj = self.store.get("v1", "Node", "", machine.name)
        return obj is None or bool(obj["spec"].get("unschedulable"))

    def _unschedulable(self, pod: Pod, machines: Sequence[Machine], now: float) -> None:
        total, cordoned = len(self.machines), sum(map(self._cordoned, machines))
        resource = machines[0].pool.resource if machines else "nvidia.com/gpu"
        clauses = (
            (len(machines) - cordoned, f"Insufficient {resource}"),
            (cordoned, "node(s) were unschedulable"),
            (total - len(machines), "node(s) didn't match Pod's node affinity/selector"),
        )
        why = ", ".join(f"{count} {text}" for count, text in clauses if count)
        message = f"0/{total} nodes are available: {why}. preemption: 0/{total} nodes are available: {total} "
        message += "Preemption is not helpful for scheduling."
        if message != pod.pending_message:
            pod.pending_message = message
            pod.dirty = True
            self.event(pod, "Warning", "FailedScheduling", message, "default-scheduler", now)

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

    def observe_deletions(self, now: float) -> None:
        """See which pods were deleted through the API, or lost their controller to it."""
        for siblings in self._by_owner.values():
            alive = [pod for pod in siblings.values() if pod.alive]
            if alive and not self._has_owner(alive[0]):
                for pod in alive:
                    self.terminate(pod, now)
        for pod in list(self.pods.values()):
            obj = self.store.get("v1", "Pod", pod.namespace, pod.name)
            if obj is None and not pod.dirty:
                self.remove(pod)
            elif obj and pod.alive and "deletionTimestamp" in obj["metadata"]:
                self.terminate(pod, now)

    def _has_owner(self, pod: Pod) -> bool:
        reference = pod.owner
        found = self.store.get(reference["apiVersion"], reference["kind"], pod.namespace, reference["name"])
        return found is not None and found["metadata"]["uid"] == reference["uid"]

    def publish_all(self) -> None:
        """Publish the pods that changed."""
        for pod in list(self.pods.values()):
            if pod.dirty:
                self.publish(pod)

    def _address(self) -> str:
        taken = {pod.ip for pod in self.pods.values()} if self._addresses >= _ADDRESSES else set()
        while True:
            number = self._addresses % _ADDRESSES
            self._addresses += 1
            address = f"{self._prefix}.{number // 250}.{number % 250 + 2}"
            if address not in taken:
                return address
