"""A cluster of a few objects in memory, for the tests of plans and of what carries them out.

It keeps what matters of a real server: resourceVersions, 409 for a stale one, dry runs that keep nothing, 403 for what
is not allowed, and the order in which everything was asked. What the real one says word for word is tested against the
recordings and the simulator.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from actions.cluster import ClusterExecutor
from actions.planning.plan import JSON_PATCH, Mutation, Scope
from actions.planning.plan_context import ClusterContext, Rules
from actions.running.action_run import ActionRun
from actions.running.execution_context import MutationResult
from actions.running.runner import Runner
from actions.running.writer import answer_of
from fleet.model.snapshot import Cluster, Health, Snapshot, SourceStatus
from fleet.sources.kube.errors import ConflictError, ForbiddenError, KubeError, NotFoundError
from fleet.sources.kube.reads import AccessReview
from fleet.sources.kube.resources import all_resources, object_path
from fleet.sources.kube.responses import Response

NOW = 1_790_000_000.0
OTHERS = {
    "ScaledObject": ("keda.sh", "v1alpha1", "scaledobjects"),
    "ControllerRevision": ("apps", "v1", "controllerrevisions"),
    "ResourceQuota": ("", "v1", "resourcequotas"),
}
"""Kinds that the console does not watch, with where they are."""


SNAPSHOT = Snapshot(
    1,
    NOW,
    Cluster(context="prod-eu1", server="https://eu1", user="oncall@corp"),
    sources=(SourceStatus("kubernetes", Health.LIVE, NOW - 60, last_ok=NOW - 1),),
    measured_at=NOW - 2,
)
RULES = Rules(follow_timeout=5.0)
SCOPE = Scope("prod-eu1", "https://eu1", "oncall@corp")


def deployment(name: str = "chat-70b", replicas: int = 4, **metadata: Any) -> dict[str, Any]:
    """One that has settled."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "serving", "uid": f"uid-{name}", "generation": 3, **metadata},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}},
        "status": {
            "observedGeneration": 3,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": replicas,
            "availableReplicas": replicas,
            "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}],
        },
    }


def settled(obj: dict[str, Any]) -> dict[str, Any]:
    """The status that its controller writes in the end."""
    count = obj["spec"].get("replicas", 1)
    generation = obj["metadata"].get("generation", 1)
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count)
    return {**obj, "status": {**obj.get("status", {}), "observedGeneration": generation, **counts}}


@dataclass
class FakeCluster:
    """Objects by kind, namespace and name. ``react`` plays the controllers: it is given what was written."""

    objects: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    """``patch deployments/scale`` and the like."""
    react: Callable[[dict[str, Any]], dict[str, Any]] = settled
    asked: list[str] = field(default_factory=list)
    """Everything, in order: ``GET …``, ``DRY PATCH …``, ``PATCH …``, and records of the audit log as ``AUDIT …``."""
    fail: dict[str, KubeError] = field(default_factory=dict)
    """Path → what its next write fails with."""
    audited: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)
    audit_error: Exception | None = None
    snapshot: Snapshot = SNAPSHOT
    rules: Rules = RULES
    scope: Scope = SCOPE
    _version: int = 100

    def add(self, *objects: dict[str, Any]) -> None:
        """Put objects there, each with a new resourceVersion."""
        for obj in objects:
            self._version += 1
            obj = copy.deepcopy(obj)
            obj["metadata"]["resourceVersion"] = str(self._version)
            metadata = obj["metadata"]
            self.objects[obj["kind"], metadata.get("namespace", ""), metadata["name"]] = obj

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """The object as it is now."""
        try:
            return copy.deepcopy(self.objects[kind, namespace, name])
        except KeyError:
            raise NotFoundError(f"{kind} {name} not found", status=404) from None

    # Reads

    async def get_raw(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        self.asked.append(f"GET {await self.path_of(kind, namespace, name)}")
        return self.get(kind, namespace, name)

    async def list_raw(self, kind: str, namespace: str, selector: str = "", fields: str = "") -> list[dict[str, Any]]:
        path = await self.path_of(kind, namespace, "")
        self.asked.append(f"LIST {path}")
        if (verb := f"list {path.split('/')[-1]}") in self.forbidden:
            raise ForbiddenError(f"cannot {verb}", status=403)
        wanted = dict(part.split("=", 1) for part in selector.split(",") if "=" in part)
        return [
            copy.deepcopy(obj)
            for (of, place, _), obj in self.objects.items()
            if of == kind
            and place == (namespace or place)
            and wanted.items() <= (obj["metadata"].get("labels") or {}).items()
            and all(_at(obj, *part.split("=", 1)) for part in fields.split(",") if "=" in part)
        ]

    async def path_of(self, kind: str, namespace: str, name: str) -> str:
        for resource in all_resources():
            if resource.kind == kind:
                return resource.path(namespace, name)
        if kind in OTHERS:
            return object_path(*OTHERS[kind], namespace, name)
        raise NotFoundError(f"this server has no kind {kind}")

    async def can_i(
        self, verb: str, resource: str, group: str = "", subresource: str = "", namespace: str = ""
    ) -> AccessReview:
        del group, namespace
        asked = f"{verb} {resource}/{subresource}" if subresource else f"{verb} {resource}"
        return AccessReview(asked not in self.forbidden, "")

    # writes

    async def dry_run(self, mutation: Mutation) -> dict[str, Any]:
        self.asked.append(f"DRY {mutation.method} {mutation.path}")
        return self._written(mutation.dry())

    async def send(self, mutation: Mutation) -> MutationResult:
        self.asked.append(f"{mutation.method} {mutation.path}")
        obj = self._written(mutation)
        if obj.get("kind") not in {None, "Event", "Status"}:
            self.add(self.react(obj))
        return answer_of(Response(200, orjson.dumps(obj), "application/json", {"Audit-Id": "audit-1"}))

    async def close(self) -> None:
        return None

    def _written(self, mutation: Mutation) -> dict[str, Any]:
        if mutation.path in self.fail:
            raise self.fail.pop(mutation.path)
        if mutation.method == "POST":
            return dict(mutation.body)
        path = mutation.path.removesuffix("/scale")
        for kind, namespace, name in self.objects:
            of = next((r.path(namespace, name) for r in all_resources() if r.kind == kind), "")
            if kind in OTHERS:
                of = object_path(*OTHERS[kind], namespace, name)
            if of == path:
                obj = self.objects[kind, namespace, name]
                break
        else:
            raise NotFoundError("not found", status=404)
        verb = {"PATCH": "patch", "DELETE": "delete"}[mutation.method]
        plural = path.split("/")[-2] + ("/scale" if mutation.path.endswith("/scale") else "")
        if f"{verb} {plural}" in self.forbidden:
            raise ForbiddenError(f"cannot {verb} {plural}", status=403)
        if mutation.method == "DELETE":
            if mutation.body["preconditions"]["uid"] != obj["metadata"]["uid"]:
                raise ConflictError("the UID in the precondition does not match", status=409)
            if "dryRun" not in mutation.body:
                # A real server ignores the query of a DELETE with a body.
                del self.objects[kind, namespace, name]
            return {"kind": "Status", "status": "Success"}
        version = obj["metadata"]["resourceVersion"]
        merged = _patched(copy.deepcopy(obj), mutation)
        if merged["metadata"].get("resourceVersion") != version:
            raise ConflictError("the object has been modified", status=409)
        if merged["spec"] != obj["spec"]:
            merged["metadata"]["generation"] = obj["metadata"].get("generation", 1) + 1
        return merged

    # audit

    def append(self, event: str, action: str, content: Mapping[str, Any]) -> None:
        if self.audit_error is not None:
            raise self.audit_error
        self.asked.append(f"AUDIT {event}")
        self.audited.append((event, action, content))

    def check(self) -> None:
        if self.audit_error is not None:
            raise self.audit_error

    # what the actions are given

    def context(self) -> ClusterContext:
        """The context of now."""
        return ClusterContext(self.snapshot, self.scope, self.rules, lambda: NOW, self, self.dry_run)

    @property
    def executor(self) -> ClusterExecutor:
        """Return the executor that plans on the cluster and sends to it."""
        return ClusterExecutor(self.context, self)

    def runner(self, changed: Callable[[ActionRun], None] = lambda _: None) -> Runner:
        """A runner on it; it takes the stage for its writer and its audit log."""
        return Runner(self.executor, self, changed=changed, settle=0.0)

    def mutations(self) -> list[str]:
        """The changes that were really sent, in order."""
        return [line for line in self.asked if line.split()[0] in {"PATCH", "POST", "PUT", "DELETE"}]

    def with_rules(self, **rules: Any) -> FakeCluster:
        """The same with other rules."""
        self.rules = replace(self.rules, **rules)
        return self


def _patched(obj: dict[str, Any], mutation: Mutation) -> dict[str, Any]:
    """Apply any of the three kinds of patches, as far as actions send them: lists are not merged."""
    if mutation.content_type != JSON_PATCH:
        return _merge(obj, mutation.body)
    for operation in mutation.body:
        *parents, last = (part.replace("~1", "/") for part in operation["path"].split("/")[1:])
        place = obj
        for parent in parents:
            place = place[parent]
        assert operation["op"] == "add" or last in place, f"nothing is at {operation['path']}"
        if operation["op"] == "remove":
            del place[last]
        else:
            place[last] = copy.deepcopy(operation["value"])
    return obj


def _merge(obj: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    for key, value in patch.items():
        if value is None:
            obj.pop(key, None)
        elif isinstance(value, Mapping):
            obj[key] = _merge(obj.get(key) or {}, value)
        else:
            obj[key] = value
    return obj


def _at(obj: Mapping[str, Any], path: str, value: str) -> bool:
    found: Any = obj
    for part in path.split("."):
        found = found.get(part, {}) if isinstance(found, Mapping) else {}
    return bool(found == value)
