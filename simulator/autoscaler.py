"""The HorizontalPodAutoscaler, on a metric of the engines."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simulator import objects
from simulator.blueprint import WorkloadSpec
from simulator.cluster import Cluster
from simulator.objects import Object, condition
from simulator.pods import Pod


class Autoscalers:
    """HorizontalPodAutoscalers on the requests that wait per pod."""

    PERIOD = 15.0
    DOWN_AFTER = 300.0
    """Seconds for which fewer replicas must be enough before it takes some away."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._wanted: dict[str, list[tuple[float, int]]] = {}

    def remember(self, workload: WorkloadSpec, now: float) -> None:
        """A rush that is over: some time ago it added a replica, and later took it away again."""
        place = (workload.namespace, workload.name)
        hpa = self._cluster.store.get("autoscaling/v2", "HorizontalPodAutoscaler", *place)
        if hpa is not None:
            before = workload.replicas
            self._rescaled(hpa, before, before + 1, now - 2900.0)
            self._rescaled(hpa, before + 1, before, now - 1700.0)
            status = hpa["status"] | {"lastScaleTime": objects.timestamp(now - 1700.0)}
            self._cluster.put_status(hpa, status)

    def _rescaled(self, hpa: Object, before: int, after: int, now: float) -> None:
        reason = "pods metric vllm:num_requests_waiting above target" if after > before else "All metrics below target"
        message = f"New size: {after}; reason: {reason}"
        self._cluster.event(hpa, "Normal", "SuccessfulRescale", message, "horizontal-pod-autoscaler", now)

    def reconcile(self, workload: WorkloadSpec, pods: Sequence[Pod], now: float) -> None:
        """Compute the replicas that one workload needs and scale it."""
        store = self._cluster.store
        place = (workload.namespace, workload.name)
        hpa = store.get("autoscaling/v2", "HorizontalPodAutoscaler", *place)
        target = store.get("apps/v1", workload.kind, *place)
        servers = [pod.server for pod in pods if pod.server]
        if hpa is None or target is None or not servers:
            return
        spec, replicas = hpa["spec"], target["spec"]["replicas"]
        average = sum(server.engine.shown[1] for server in servers) / len(servers)
        goal = int(spec["metrics"][0]["pods"]["target"]["averageValue"])
        ratio = average / goal
        raw = math.ceil(len(servers) * ratio) if abs(ratio - 1) > 0.1 else replicas
        raw = max(raw, replicas) if ratio > 1 else raw
        recent = [(at, n) for at, n in self._wanted.get(hpa["metadata"]["uid"], []) if now - at < self.DOWN_AFTER]
        recent.append((now, raw))
        self._wanted[hpa["metadata"]["uid"]] = recent
        wanted = max(n for _, n in recent) if now - recent[0][0] >= self.PERIOD else max(raw, replicas)
        low, high = spec["minReplicas"], spec["maxReplicas"]
        desired = min(max(wanted if wanted > replicas else min(wanted, replicas), low), high)
        if desired != replicas:
            self._rescaled(hpa, replicas, desired, now)
            self._cluster.put_spec(target, {"replicas": desired})
        limited = wanted > high
        metric = {"name": "vllm:num_requests_waiting"}
        limit = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
        within = ("DesiredWithinRange", "the desired count is within the acceptable range")
        found = "the HPA was able to successfully calculate a replica count from pods metric vllm:num_requests_waiting"
        status = {
            "currentReplicas": replicas,
            "desiredReplicas": desired,
            "currentMetrics": [
                {"type": "Pods", "pods": {"metric": metric, "current": {"averageValue": f"{round(average * 1000)}m"}}}
            ],
            "conditions": [
                condition("AbleToScale", True, now, "ReadyForNewScale", "recommended size matches current size"),
                condition("ScalingActive", True, now, "ValidMetricFound", found),
                condition("ScalingLimited", limited, now, *(limit if limited else within)),
            ],
        }
        if last := hpa.get("status", {}).get("lastScaleTime"):
            status["lastScaleTime"] = last
        if desired != replicas:
            status["lastScaleTime"] = objects.timestamp(now)
        self._cluster.put_status(hpa, status)
