"""A control plane that lives through two days: what it keeps of them afterwards is what a real one keeps.

Each method does one thing at one time. It changes the objects as the API server and its controllers would (revisions,
managedFields of each tool, conditions, events that live for an hour), and the series that kube-state-metrics would have
written. ``did`` is the list of what was done, which nothing of the timeline is made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from fleet.model.objects import ObjectRef

SCRAPE = 60
EVENTS_LIVE = 3600.0
NAMESPACE = "llm"
_LABELS = 'instance="ksm",job="kube-state-metrics"'


class Did(NamedTuple):
    """One thing that happened."""

    at: float
    about: ObjectRef
    what: str
    """A regular expression for the expected message."""
    who: str = ""
    """Tool that did it, where something keeps that."""


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class ControlPlane:
    """One Deployment with an autoscaler on some nodes, from ``began`` to ``now``."""

    began: int
    now: int
    did: list[Did] = field(default_factory=list)
    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Kind → name → raw object."""
    _values: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=dict)
    """(metric, labels) → (time, value) of each change; NaN ends it."""
    _numbers: int = 0

    # what is done

    def join(self, name: str, at: float) -> None:
        """A node joins."""
        raw = self._make("Node", name, at, namespace="")
        raw["spec"], raw["status"] = {}, {"conditions": [_condition("Ready", "True", at)]}
        self._tell(at, ObjectRef("Node", "", name), r"node joined")
        self._set("kube_node_info", f'node="{name}"', at, 1)
        self._set("kube_node_created", f'node="{name}"', at, at)
        self._set("kube_node_status_condition", f'node="{name}",condition="Ready",status="true"', at, 1)
        self._set("kube_node_spec_unschedulable", f'node="{name}"', at, 0)

    def lose(self, name: str, at: float) -> None:
        """Stop the kubelet of a node from answering."""
        self.objects["Node"][name]["status"]["conditions"] = [_condition("Ready", "Unknown", at)]
        self._tell(at, ObjectRef("Node", "", name), r"node (not ready|says nothing any more)")
        self._set("kube_node_status_condition", f'node="{name}",condition="Ready",status="true"', at, 0)

    def find(self, name: str, at: float) -> None:
        """Let the kubelet of a node answer again."""
        self.objects["Node"][name]["status"]["conditions"] = [_condition("Ready", "True", at)]
        self._tell(at, ObjectRef("Node", "", name), r"node ready")
        self._set("kube_node_status_condition", f'node="{name}",condition="Ready",status="true"', at, 1)

    def remove(self, name: str, at: float) -> None:
        """A node is deleted."""
        del self.objects["Node"][name]
        self._tell(at, ObjectRef("Node", "", name), r"node gone")
        for metric, labels in [key for key in self._values if key[1].startswith(f'node="{name}"')]:
            self._end(metric, labels, at)

    def cordon(self, name: str, at: float, off: bool = False) -> None:
        """kubectl cordon, or (``off``) uncordon."""
        raw = self.objects["Node"][name]
        raw["spec"] = {} if off else {"unschedulable": True}
        self._wrote(raw, "kubectl", at, {} if off else {"f:unschedulable": {}})
        what, who = (r"^uncordoned", "") if off else (r"^cordoned", "kubectl")
        self._tell(at, ObjectRef("Node", "", name), what, who)
        self._set("kube_node_spec_unschedulable", f'node="{name}"', at, 0 if off else 1)

    def create(self, name: str, at: float, replicas: int, image: str, *args: str) -> None:
        """Helm installs a Deployment."""
        raw = self._make("Deployment", name, at)
        raw["spec"] = {"replicas": replicas}
        self._wrote(raw, "helm", at, {"f:replicas": {}, "f:template": {}})
        self._tell(at, self._deployment(name), r"^Deployment created", "Helm")
        self._set("kube_deployment_created", f'namespace="{NAMESPACE}",deployment="{name}"', at, at)
        self._set("kube_deployment_spec_replicas", f'namespace="{NAMESPACE}",deployment="{name}"', at, replicas)
        self.roll(name, at + 1, image, *args, manager="helm", first=True)

    def delete(self, name: str, at: float) -> None:
        """A Deployment is deleted, and with it all that it made."""
        del self.objects["Deployment"][name]
        for made in [key for key in self.objects["ReplicaSet"] if key.startswith(f"{name}-")]:
            self.prune(made, at)
        for pod in self._pods(name):
            self._kill(pod, at)
        self._tell(at, self._deployment(name), r"^Deployment gone")
        for metric in ("kube_deployment_created", "kube_deployment_spec_replicas"):
            self._end(metric, f'namespace="{NAMESPACE}",deployment="{name}"', at)

    def roll(self, name: str, at: float, image: str, *args: str, manager: str, first: bool = False) -> None:
        """A new template: a ReplicaSet a second later, pods of it, and the old ones go."""
        raw = self.objects["Deployment"][name]
        number = raw["metadata"].setdefault("revisions", 0) + 1
        raw["metadata"]["revisions"] = number
        self._wrote(raw, manager, at, {"f:template": {}})
        made = f"{name}-{number * 1111}"
        template = {"spec": {"containers": [{"name": "vllm", "image": image, "args": list(args)}]}}
        rs = self._make("ReplicaSet", made, at + 1, owner=("Deployment", name))
        rs["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": str(number)}
        rs["spec"] = {"template": template}
        who = {"helm": "Helm", "argocd-controller": "Argo CD", "kubectl-rollout": "kubectl rollout"}[manager]
        self._tell(at + 1, self._deployment(name), r"^(revision \d+|rollout began)", who)
        owned = f'namespace="{NAMESPACE}",replicaset="{made}",owner_kind="Deployment",owner_name="{name}"'
        self._set("kube_replicaset_owner", owned, at + 1, 1)
        self._set("kube_replicaset_created", f'namespace="{NAMESPACE}",replicaset="{made}"', at + 1, at + 1)
        old = self._pods(name)
        for _ in range(raw["spec"]["replicas"]):
            self._pod(name, made, at + 2)
        for place, pod in enumerate(old):
            self._kill(pod, at + 90 + 30 * place)
        del first

    def prune(self, made: str, at: float) -> None:
        """An old ReplicaSet goes: revisionHistoryLimit."""
        del self.objects["ReplicaSet"][made]
        for metric, labels in [key for key in self._values if f'replicaset="{made}"' in key[1]]:
            self._end(metric, labels, at)

    def scale(self, name: str, at: float, replicas: int, manager: str = "kubectl") -> None:
        """Another number of replicas."""
        raw = self.objects["Deployment"][name]
        before, raw["spec"]["replicas"] = raw["spec"]["replicas"], replicas
        self._wrote(raw, manager, at, {"f:replicas": {}}, "scale")
        self._tell(at, self._deployment(name), rf"(replicas {before} → {replicas}|spec.replicas set to {replicas})")
        self._set("kube_deployment_spec_replicas", f'namespace="{NAMESPACE}",deployment="{name}"', at, replicas)
        pods = self._pods(name)
        for pod in pods[replicas:]:
            self._kill(pod, at + 1)
        made = self.objects["Pod"][pods[0]]["metadata"]["ownerReferences"][0]["name"]
        for _ in range(replicas - len(pods)):
            self._pod(name, made, at + 1)

    def bound(self, name: str, at: float, most: int) -> None:
        """An autoscaler gets another upper bound; the first time it is made."""
        ref = ObjectRef("HorizontalPodAutoscaler", NAMESPACE, name)
        raw = self.objects.get(ref.kind, {}).get(name)
        if raw is None:
            raw = self._make(ref.kind, name, at)
            self._tell(at, ref, r"created")
        else:
            self._tell(at, ref, rf"maxReplicas (\d+ → {most}|set to {most})|spec.maxReplicas set to {most}")
        raw["spec"] = {"maxReplicas": most, "scaleTargetRef": {"kind": "Deployment", "name": name}}
        raw["status"] = {}
        self._wrote(raw, "kubectl-edit", at, {"f:maxReplicas": {}})
        labels = f'namespace="{NAMESPACE}",horizontalpodautoscaler="{name}"'
        self._set("kube_horizontalpodautoscaler_spec_max_replicas", labels, at, most)

    def crash(self, pod: str, at: float, reason: str = "OOMKilled", code: int = 137) -> None:
        """A container ends and is started again."""
        status = self.objects["Pod"][pod]["status"]["containerStatuses"][0]
        status["restartCount"] += 1
        ended = {"exitCode": code, "reason": reason, "finishedAt": _stamp(at)}
        status["lastState"] = {"terminated": ended}
        self._tell(at, ObjectRef("Pod", NAMESPACE, pod), r"^vllm (restarted|ended)")
        labels = f'namespace="{NAMESPACE}",pod="{pod}",container="vllm"'
        self._set("kube_pod_container_status_restarts_total", labels, at, status["restartCount"])

    def pod_of(self, name: str) -> str:
        """A pod of a Deployment."""
        return self._pods(name)[0]

    # what is left of it

    def listed(self, kind: str) -> list[dict[str, Any]]:
        """The objects of a kind, as a list of the API has them."""
        return list(self.objects.get(kind, {}).values())

    def samples(self) -> Iterator[str]:
        """All series in OpenMetrics, by metric."""
        seen: set[str] = set()
        for (metric, labels), changes in sorted(self._values.items()):
            if metric not in seen:
                seen.add(metric)
                yield f"# TYPE {metric} gauge"
            for scrape in range(self.began, self.now + 1, SCRAPE):
                value = next((value for since, value in reversed(changes) if since <= scrape), None)
                if value is not None and value == value:
                    yield f"{metric}{{{labels},{_LABELS}}} {value:.12g} {scrape}"
        yield "# EOF"

    # how it is kept

    def _deployment(self, name: str) -> ObjectRef:
        return ObjectRef("Deployment", NAMESPACE, name)

    def _pods(self, name: str) -> list[str]:
        return [pod for pod in self.objects.get("Pod", {}) if pod.startswith(f"{name}-")]

    def _pod(self, name: str, made: str, at: float) -> None:
        self._numbers += 1
        pod = f"{made}-{self._numbers:05}"
        raw = self._make("Pod", pod, at, owner=("ReplicaSet", made))
        raw["spec"] = {"nodeName": "gpu-1"}
        raw["status"] = {
            "startTime": _stamp(at),
            "conditions": [_condition("Ready", "True", at + 45)],
            "containerStatuses": [{"name": "vllm", "restartCount": 0, "state": {"running": {}}}],
        }
        ref = ObjectRef("Pod", NAMESPACE, pod)
        self._tell(at, ref, r"^pod made")
        self._event(at, ObjectRef("ReplicaSet", NAMESPACE, made), "SuccessfulCreate", f"Created pod: {pod}")
        info = f'namespace="{NAMESPACE}",pod="{pod}",node="gpu-1",created_by_kind="ReplicaSet",created_by_name="{made}"'
        self._set("kube_pod_info", info, at, 1)
        self._set("kube_pod_created", f'namespace="{NAMESPACE}",pod="{pod}"', at, at)
        labels = f'namespace="{NAMESPACE}",pod="{pod}",container="vllm"'
        self._set("kube_pod_container_status_restarts_total", labels, at, 0)
        del name

    def _kill(self, pod: str, at: float) -> None:
        made = self.objects["Pod"].pop(pod)["metadata"]["ownerReferences"][0]["name"]
        self._tell(at, ObjectRef("Pod", NAMESPACE, pod), r"^pod (gone|deleted)")
        self._event(at, ObjectRef("ReplicaSet", NAMESPACE, made), "SuccessfulDelete", f"Deleted pod: {pod}")
        for metric, labels in [key for key in self._values if f'pod="{pod}"' in key[1]]:
            self._end(metric, labels, at)

    def _make(
        self, kind: str, name: str, at: float, namespace: str = NAMESPACE, owner: tuple[str, str] | None = None
    ) -> dict[str, Any]:
        metadata: dict[str, Any] = {"name": name, "creationTimestamp": _stamp(at), "managedFields": []}
        if namespace:
            metadata["namespace"] = namespace
        if owner is not None:
            above, of = owner
            metadata["ownerReferences"] = [{"kind": above, "name": of, "uid": f"uid-{of}", "controller": True}]
        raw: dict[str, Any] = {"metadata": metadata, "spec": {}, "status": {}}
        self.objects.setdefault(kind, {})[name] = raw
        return raw

    def _wrote(self, raw: dict[str, Any], manager: str, at: float, spec: Mapping[str, Any], sub: str = "") -> None:
        """Record a write as a server does: the last one of each manager, with a field owned by its last writer."""
        fields = raw["metadata"]["managedFields"]
        for other in fields:
            other["fieldsV1"]["f:spec"] = {k: v for k, v in other["fieldsV1"]["f:spec"].items() if k not in spec}
        own = {**next((f["fieldsV1"]["f:spec"] for f in fields if f["manager"] == manager), {}), **spec}
        kept = [f for f in fields if f["manager"] != manager and f["fieldsV1"]["f:spec"]]
        entry = {"manager": manager, "operation": "Update", "time": _stamp(at), "fieldsV1": {"f:spec": own}}
        raw["metadata"]["managedFields"] = [*kept, entry | ({"subresource": sub} if sub else {})] if own else kept

    def _event(self, at: float, about: ObjectRef, reason: str, message: str) -> None:
        if at < self.now - EVENTS_LIVE:
            return
        self._numbers += 1
        raw = self._make("Event", f"event-{self._numbers}", at)
        raw |= {
            "involvedObject": {"kind": about.kind, "namespace": about.namespace, "name": about.name},
            "reason": reason,
            "message": message,
            "firstTimestamp": _stamp(at),
            "lastTimestamp": _stamp(at),
            "source": {"component": "replicaset-controller"},
        }

    def _tell(self, at: float, about: ObjectRef, what: str, who: str = "") -> None:
        if at >= self.began:
            self.did.append(Did(at, about, what, who))

    def _set(self, metric: str, labels: str, at: float, value: float) -> None:
        self._values.setdefault((metric, labels), []).append((at, value))

    def _end(self, metric: str, labels: str, at: float) -> None:
        self._set(metric, labels, at, float("nan"))


def _condition(kind: str, status: str, at: float) -> dict[str, str]:
    return {"type": kind, "status": status, "lastTransitionTime": _stamp(at)}
