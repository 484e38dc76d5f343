"""A cluster with pods behind a Service, in memory: its ReplicaSets, budgets, evictions, endpoints and time.

Time is a number that ``HandWork`` moves on: nothing here sleeps.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from actions.kubeobj import controller_of, is_ready, labels_of, selects
from actions.planning.plan import Mutation
from actions.planning.plan_context import Rules
from actions.running.execution_context import MutationResult
from actions.running.writer import answer_of
from fleet.model.frame import Column, Frame
from fleet.model.objects import Workload
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import ModelGroup, Snapshot
from fleet.sources.kube.errors import ConflictError, ForbiddenError, KubeError, NotFoundError, error_of_status
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.nodes import project_node
from fleet.sources.kube.project.pods import project_pod
from fleet.sources.kube.responses import Response
from tests.actions.objects import GPU, Obj, node, owned_by, pod, replica_set, service
from tests.actions.stage import NOW, SNAPSHOT, FakeCluster, deployment


@dataclass
class PodCluster(FakeCluster):
    """``clock`` is Unix time, ``requests`` those of each pod by name; per second ``rate`` of them end on their own."""

    clock: float = NOW
    requests: dict[str, float] = field(default_factory=dict)
    rate: float = 5.0
    loads_in: float = 10.0
    """Seconds from a pod's creation to ready."""
    ends_in: float = 3.0
    """Seconds from an eviction to the end of the pod."""
    placeable: bool = True
    lagging: bool = False
    """The endpoints never see a change."""
    measured: bool = True
    hidden: set[str] = field(default_factory=set)
    """Kinds that may not be listed."""
    refusals: list[KubeError] = field(default_factory=list)
    """Errors of the next real evictions, before anything else."""
    moved_on: Callable[[PodCluster], None] = lambda _: None
    """Called with every second that passes."""
    made: dict[str, float] = field(default_factory=dict)
    ending: dict[str, float] = field(default_factory=dict)

    # what is there

    def pods(self) -> list[Obj]:
        """All pods."""
        return [obj for (kind, _, _), obj in self.objects.items() if kind == "Pod"]

    def names(self) -> set[str]:
        """Names of all pods."""
        return {str(obj["metadata"]["name"]) for obj in self.pods()}

    def all_of(self, kind: str) -> list[Obj]:
        """The objects of a kind."""
        return [obj for (of, _, _), obj in self.objects.items() if of == kind]

    def settle(self) -> PodCluster:
        """Let the controllers do all that is to be done."""
        for replicas in self.all_of("ReplicaSet"):
            self._replicate(replicas)
        for pdb in self.all_of("PodDisruptionBudget"):
            covered = [p for p in self.pods() if selects(pdb["spec"]["selector"], labels_of(p))]
            healthy, needed = sum(map(is_ready, covered)), pdb["spec"]["minAvailable"]
            counts = {"currentHealthy": healthy, "desiredHealthy": needed, "expectedPods": len(covered)}
            pdb["status"] = {"disruptionsAllowed": max(0, healthy - needed), **counts}
        for at in self.all_of("Node"):
            closed, taint = bool(at["spec"].get("unschedulable")), "node.kubernetes.io/unschedulable"
            taints = [t for t in at["spec"].get("taints", ()) if t["key"] != taint]
            at["spec"]["taints"] = taints + [{"key": taint, "effect": "NoSchedule"}] * closed
        self.snapshot = self._observed()
        return self

    def pass_second(self) -> None:
        """One second goes by."""
        self.clock += 1
        for name, left in self.requests.items():
            found = self.objects.get(("Pod", "serving", name))
            if found is not None and not self._served(found):
                self.requests[name] = max(0.0, left - self.rate)
        for name, at in list(self.ending.items()):
            if self.clock >= at:
                del self.ending[name]
                self.objects.pop(("Pod", "serving", name), None)
        for name, at in self.made.items():
            found = self.objects.get(("Pod", "serving", name))
            if found is not None and self.placeable and self.clock >= at + self.loads_in:
                found["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
        self.moved_on(self)
        self.settle()

    # the API

    async def list_raw(self, kind: str, namespace: str, selector: str = "", fields: str = "") -> list[Obj]:
        if kind in self.hidden:
            raise ForbiddenError(f"cannot list {kind}", status=403)
        if kind != "EndpointSlice":
            return await super().list_raw(kind, namespace, selector, fields)
        name = selector.partition("=")[2]
        self.asked.append(f"LIST endpoints of {name}")
        wanted = self.get("Service", namespace, name)["spec"]["selector"]
        endpoints = [
            {"targetRef": {"name": p["metadata"]["name"]}, "conditions": {"ready": is_ready(p)}}
            for p in self.pods()
            if self.lagging or wanted.items() <= labels_of(p).items()
        ]
        return [{"kind": "EndpointSlice", "endpoints": endpoints}]

    async def path_of(self, kind: str, namespace: str, name: str) -> str:
        if kind == "InferencePool" and any(of == kind for of, _, _ in self.objects):
            return f"/apis/inference.networking.k8s.io/v1/namespaces/{namespace}/inferencepools"
        return await super().path_of(kind, namespace, name)

    async def dry_run(self, mutation: Mutation) -> Obj:
        if mutation.path.endswith("/eviction"):
            self.asked.append(f"DRY {mutation.method} {mutation.path}")
            self._evict(mutation, dry=True)
            return {}
        return await super().dry_run(mutation)

    async def send(self, mutation: Mutation) -> MutationResult:
        if not mutation.path.endswith("/eviction"):
            response = await super().send(mutation)
            self.settle()
            return response
        self.asked.append(f"{mutation.method} {mutation.path}")
        if self.refusals:
            raise self.refusals.pop(0)
        self._evict(mutation, dry=False)
        self.settle()
        return answer_of(Response(201, orjson.dumps({"kind": "Status", "status": "Success"}), "application/json"))

    def _evict(self, mutation: Mutation, *, dry: bool) -> None:
        name = mutation.path.split("/")[-2]
        if mutation.path in self.fail:
            raise self.fail[mutation.path]
        found = self.objects.get(("Pod", "serving", name))
        if found is None:
            raise NotFoundError(f'pods "{name}" not found', status=404)
        over = [p for p in self.all_of("PodDisruptionBudget") if selects(p["spec"]["selector"], labels_of(found))]
        if len(over) > 1:
            message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            raise error_of_status({"code": 500, "message": message})
        for pdb in over:
            healthy, needed = pdb["status"]["currentHealthy"], pdb["status"]["desiredHealthy"]
            always = pdb["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
            if not is_ready(found) and (always or healthy >= needed > 0):
                # As in registry/core/pod/storage/eviction.go: it does not use the budget.
                continue
            if not pdb["status"]["disruptionsAllowed"]:
                raise refused(pdb["metadata"]["name"], pdb["spec"]["minAvailable"], pdb["status"]["currentHealthy"])
        if mutation.body["deleteOptions"]["preconditions"]["uid"] != found["metadata"]["uid"]:
            raise ConflictError("the UID in the precondition does not match", status=409)
        if not dry:
            found["metadata"]["deletionTimestamp"] = "2026-09-21T00:00:00Z"
            self.ending[name] = self.clock + self.ends_in

    # the controllers

    def _replicate(self, replicas: Obj) -> None:
        selector, uid = replicas["spec"]["selector"], replicas["metadata"]["uid"]
        mine = []
        for found in self.pods():
            owner = controller_of(found)
            if selects(selector, labels_of(found)) and (owner is None or owner[2] == uid):
                found["metadata"]["ownerReferences"] = [owned_by("ReplicaSet", replicas["metadata"]["name"], uid)]
                mine.append(found)
            elif owner is not None and owner[2] == uid:
                found["metadata"].pop("ownerReferences")
        alive = [p for p in mine if not p["metadata"].get("deletionTimestamp")]
        for _ in range(replicas["spec"]["replicas"] - len(alive)):
            name = f"{replicas['metadata']['name']}-new{len(self.made)}"
            new = pod(name, replicas["metadata"]["labels"]["app"], "", ready=False, labels=_template(mine))
            self.made[name] = self.clock
            self.add(new)
            alive.append(self.objects["Pod", "serving", name])
        ready = sum(map(is_ready, alive))
        replicas["status"]["readyReplicas"] = ready
        top = self.objects.get(("Deployment", "serving", replicas["metadata"]["ownerReferences"][0]["name"]))
        if top is not None:
            top["status"] |= {"readyReplicas": ready, "availableReplicas": ready}

    def _served(self, found: Obj) -> bool:
        """True if requests come to the pod."""
        fronts = (s["spec"]["selector"] for s in self.all_of("Service"))
        return any(front.items() <= labels_of(found).items() for front in fronts)

    def _observed(self) -> Snapshot:
        """Return the console's current view of the cluster."""
        rows = [project_pod(p, Interner()) for p in self.pods()]
        pods = {row.key: row for row in rows}
        tops = {f"serving/Deployment/{d['metadata']['name']}": d for d in self.all_of("Deployment")}
        workload_of = {
            row.key: f"serving/Deployment/{row.owner.name.removesuffix('-7c9f')}" for row in rows if row.owner
        }
        running = array("d", (self.requests.get(row.name, 0.0) for row in rows))
        columns = {
            Quantity.RUNNING: Column(running),
            Quantity.WAITING: Column(array("d", [0.0] * len(rows))),
            Quantity.KV_USAGE: Column(array("d", [0.6] * len(rows))),
            Quantity.REQUESTS: Column(array("d", [self.rate] * len(rows))),
        }
        state = bytes([State.FRESH if self.measured else State.UNKNOWN] * len(rows))
        nodes = {n["metadata"]["name"]: project_node(n, Interner()) for n in self.all_of("Node")}
        held = {name: sum(row.gpus for row in rows if row.node == name) for name in nodes}
        return replace(
            SNAPSHOT,
            at=self.clock,
            measured_at=self.clock,
            nodes=nodes,
            free_gpus={name: (n.gpus.get(GPU, 0) - held[name], n.gpus.get(GPU, 0)) for name, n in nodes.items()},
            pods=pods,
            workloads={key: _workload(top) for key, top in tops.items()},
            workload_of=workload_of,
            pods_of={key: tuple(p for p, w in workload_of.items() if w == key) for key in tops},
            model_of={key: f"serving/{key.rpartition('/')[2]}" for key in tops},
            models={
                f"serving/{key.rpartition('/')[2]}": ModelGroup("", "serving", key.rpartition("/")[2], (key,))
                for key in tops
            },
            by_pod=Frame.of(tuple(pods), columns, array("d", [0.0] * len(rows)), state),
        )


@dataclass
class HandWork:
    """Waiting moves the cluster's clock."""

    cluster: PodCluster
    rules: Rules = field(default_factory=lambda: Rules(follow_timeout=120.0))
    said: list[tuple[int, str, float, float, float | None]] = field(default_factory=list)
    sent: list[Mutation] = field(default_factory=list)
    at: int = -1

    @property
    def reads(self) -> PodCluster:
        return self.cluster

    @property
    def snapshot(self) -> Snapshot:
        return self.cluster.snapshot

    @property
    def words(self) -> list[str]:
        """Everything that was reported."""
        return [text for _, text, *_ in self.said]

    def now(self) -> float:
        return self.cluster.clock

    async def send(self, mutation: Mutation) -> Obj:
        self.sent.append(mutation)
        return (await self.cluster.send(mutation)).document

    def step(self, index: int) -> None:
        self.at = index

    def say(self, text: str, done: float = 0.0, total: float = 0.0, eta: float | None = None) -> None:
        self.said.append((self.at, text, done, total, eta))

    async def until(self, reached: Callable[[], Awaitable[bool]], timeout: float) -> bool:  # noqa: ASYNC109 - it says so
        deadline = self.cluster.clock + timeout
        while not await reached():
            if self.cluster.clock >= deadline:
                return False
            self.cluster.pass_second()
            # Let other waiting tasks run.
            await asyncio.sleep(0)
        return True


def refused(name: str, needs: int, has: int, retry_after: int | None = None) -> KubeError:
    """Return a server's answer to an eviction that its budget forbids (recording ``eviction_blocked_pdb_429``)."""
    cause = f"The disruption budget {name} needs {needs} healthy pods and has {has} currently"
    details: dict[str, Any] = {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    if retry_after is not None:
        details["retryAfterSeconds"] = retry_after
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    return error_of_status({"code": 429, "reason": "TooManyRequests", "message": message, "details": details})


def chat(replicas: int = 3, *, serving_label: bool = True, requests: float = 20.0) -> PodCluster:
    """Pods ``chat-0`` and on of one Deployment, behind a Service that may select by a label of its own."""
    cluster = PodCluster()
    label = {"serving": "on"} if serving_label else {}
    cluster.add(deployment(replicas=replicas), replica_set(replicas=replicas))
    cluster.add(service("chat-70b", app="chat-70b", **label), node("node-1", 4 * replicas))
    cluster.add(*(pod(f"chat-{i}", labels=label) for i in range(replicas)))
    cluster.requests = {f"chat-{i}": requests for i in range(replicas)}
    return cluster.settle()


def _template(pods: list[Obj]) -> dict[str, str]:
    """Return the labels of the template that are no part of the selector."""
    return {key: "on" for found in pods for key in labels_of(found) if key == "serving"}


def _workload(raw: Obj) -> Workload:
    metadata = raw["metadata"]
    return Workload("Deployment", "serving", metadata["name"], metadata["uid"], "1", NOW, raw["spec"]["replicas"])
