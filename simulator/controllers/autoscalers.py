"""HorizontalPodAutoscalers, on the requests that wait in the engines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from simulator import objects
from simulator.cluster import Cluster
from simulator.objects import Object, condition
from simulator.selection import matches
from simulator.writes import put_spec, put_status

WAITING = "vllm:num_requests_waiting"
_COMPONENT = "horizontal-pod-autoscaler"


class Autoscalers:
    """All HorizontalPodAutoscalers."""

    PERIOD = 15.0
    """Seconds between two looks."""
    DOWN_AFTER = 300.0
    """Seconds for which fewer replicas must be enough before it takes some away."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._wanted: dict[str, list[tuple[float, int]]] = {}

    def remember(self, namespace: str, name: str, now: float) -> None:
        """A rush that is over: some time ago an autoscaler added a replica, and later took it away again."""
        hpa = self._cluster.store.get("autoscaling/v2", "HorizontalPodAutoscaler", namespace, name)
        if hpa is not None:
            before = hpa["spec"]["minReplicas"]
            self._rescaled(hpa, before + 1, f"pods metric {WAITING} above target", now - 2900.0)
            self._rescaled(hpa, before, "All metrics below target", now - 1700.0)
            status = (hpa.get("status") or {}) | {"lastScaleTime": objects.timestamp(now - 1700.0)}
            put_status(self._cluster.store, hpa, status)

    def reconcile(self, now: float) -> None:
        """One look at each."""
        for hpa in self._cluster.store.list("autoscaling/v2", "HorizontalPodAutoscaler"):
            namespace, reference = hpa["metadata"]["namespace"], hpa["spec"]["scaleTargetRef"]
            place = (reference["apiVersion"], reference["kind"], namespace, reference["name"])
            target = self._cluster.store.get(*place)
            if target is None:
                why = f'{reference["kind"].lower()}s "{reference["name"]}" not found'
                message = f"the HPA controller was unable to get the target's current scale: {why}"
                status = (hpa.get("status") or {}) | {
                    "conditions": [condition("AbleToScale", False, now, "FailedGetScale", message)]
                }
                put_status(self._cluster.store, hpa, status)
            else:
                self._scale(hpa, target, now)

    def _scale(self, hpa: Object, target: Object, now: float) -> None:
        """Compute how many replicas the target needs, and set them."""
        spec, replicas = hpa["spec"], target["spec"].get("replicas", 1)
        low, high = spec.get("minReplicas", 1), spec["maxReplicas"]
        got = condition(
            "AbleToScale",
            True,
            now,
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        )
        if replicas == 0 and low:  # somebody switched it off
            self._wanted.pop(hpa["metadata"]["uid"], None)
            message = "scaling is disabled since the replica count of the target is zero"
            off = condition("ScalingActive", False, now, "ScalingDisabled", message)
            self._report(hpa, 0, 0, None, [got, off], now)
            return
        average = self._average(hpa, target)
        if replicas > high or replicas < low:
            desired = high if replicas > high else low
            bound = "above Spec.MaxReplicas" if replicas > high else "below Spec.MinReplicas"
            why = f"Current number of replicas {bound}"
        else:
            desired, why = self._by_metric(hpa, replicas, average, now)
        if desired != replicas:
            self._rescaled(hpa, desired, why, now)
            put_spec(self._cluster.store, target, {"replicas": desired})
        if average is None:
            metric = _metric_name(spec)
            message = f"the HPA was unable to compute the replica count: unable to get metric {metric}: "
            message += "no metrics returned from custom metrics API"
            failed = condition("ScalingActive", False, now, "FailedGetPodsMetric", message)
            self._report(hpa, replicas, desired, None, [got, failed], now)
            return
        self._report(hpa, replicas, desired, average, self._working(hpa, now, limited=why == _TOO_MANY), now)

    def _by_metric(self, hpa: Object, replicas: int, average: float | None, now: float) -> tuple[int, str]:
        """Return the replicas that the metric requires within the bounds, and why."""
        spec, uid = hpa["spec"], hpa["metadata"]["uid"]
        if average is None:
            return replicas, ""
        ratio = average / _goal(spec)
        raw = math.ceil(replicas * ratio) if abs(ratio - 1) > 0.1 else replicas
        raw = max(raw, replicas) if ratio > 1 else raw
        recent = [(at, n) for at, n in self._wanted.get(uid, []) if now - at < self.DOWN_AFTER]
        recent.append((now, raw))
        self._wanted[uid] = recent
        wanted = max(n for _, n in recent) if now - recent[0][0] >= self.PERIOD else max(raw, replicas)
        desired = wanted if wanted > replicas else min(wanted, replicas)
        if desired > spec["maxReplicas"]:
            return spec["maxReplicas"], _TOO_MANY
        above = f"pods metric {WAITING} above target"
        return max(desired, spec.get("minReplicas", 1)), above if desired > replicas else "All metrics below target"

    def _average(self, hpa: Object, target: Object) -> float | None:
        """Return waiting requests per engine of the target; None without an engine or for another metric."""
        if WAITING not in _metric_name(hpa["spec"]):
            return None
        namespace, selector = target["metadata"]["namespace"], target["spec"].get("selector")
        engines = [
            pod.server.engine
            for pod in self._cluster.pods.values()
            if pod.namespace == namespace and pod.server and pod.alive and matches(selector, pod.labels)
        ]
        return sum(engine.shown[1] for engine in engines) / len(engines) if engines else None

    def _rescaled(self, hpa: Object, after: int, reason: str, now: float) -> None:
        reason = f"pods metric {WAITING} above target" if reason == _TOO_MANY else reason
        message = f"New size: {after}; reason: {reason}"
        self._cluster.events.record(hpa, "Normal", "SuccessfulRescale", message, _COMPONENT, now)

    @staticmethod
    def _working(hpa: Object, now: float, *, limited: bool) -> list[Object]:
        limit = ("TooManyReplicas", _TOO_MANY)
        within = ("DesiredWithinRange", "the desired count is within the acceptable range")
        found = (
            f"the HPA was able to successfully calculate a replica count from pods metric {_metric_name(hpa['spec'])}"
        )
        return [
            condition("AbleToScale", True, now, "ReadyForNewScale", "recommended size matches current size"),
            condition("ScalingActive", True, now, "ValidMetricFound", found),
            condition("ScalingLimited", limited, now, *(limit if limited else within)),
        ]

    def _report(
        self, hpa: Object, replicas: int, desired: int, average: float | None, conditions: list[Object], now: float
    ) -> None:
        status: Object = {"currentReplicas": replicas} if replicas else {}
        status |= {"desiredReplicas": desired, "currentMetrics": None, "conditions": conditions}
        if average is not None:
            value = {"averageValue": f"{round(average * 1000)}m"}
            kind = hpa["spec"]["metrics"][0]["type"]
            metric = {"metric": {"name": _metric_name(hpa["spec"])}, "current": value}
            status["currentMetrics"] = [{"type": kind, kind.lower(): metric}]
        if last := (hpa.get("status") or {}).get("lastScaleTime"):
            status["lastScaleTime"] = last
        if desired != replicas:
            status["lastScaleTime"] = objects.timestamp(now)
        put_status(self._cluster.store, hpa, status)


_TOO_MANY = "the desired replica count is more than the maximum replica count"


def _metric(spec: Mapping[str, Any]) -> Object:
    """Return the part of its first metric with name and target, whatever its type."""
    metrics = spec.get("metrics") or [{"type": "Resource"}]
    found: Object = metrics[0].get(metrics[0]["type"].lower()) or {}
    return found


def _metric_name(spec: Mapping[str, Any]) -> str:
    found = _metric(spec)
    return str((found.get("metric") or {}).get("name") or found.get("name", ""))


def _goal(spec: Mapping[str, Any]) -> float:
    """The average that it aims at; a Kubernetes quantity such as `5` or `500m`."""
    text = str(_metric(spec)["target"].get("averageValue", "1"))
    return int(text[:-1]) / 1000 if text.endswith("m") else float(text)
