"""KEDA's operator, as far as actions need it: a ScaledObject owns an HPA, and a paused one deletes it."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.cluster import Cluster
from simulator.controllers.autoscalers import WAITING
from simulator.objects import Object, condition, manifest
from simulator.writes import put_spec, put_status

API_VERSION, KIND = "keda.sh/v1alpha1", "ScaledObject"
PAUSED, PAUSED_REPLICAS = "autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas"


class ScaledObjects:
    """All ScaledObjects."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def reconcile(self, now: float) -> None:
        """Update each: its HPA has its bounds, or is deleted while it is paused."""
        store = self._cluster.store
        for obj in store.list(API_VERSION, KIND):
            meta, spec = obj["metadata"], obj["spec"]
            annotations = meta.get("annotations") or {}
            name = f"keda-hpa-{meta['name']}"
            place = ("autoscaling/v2", "HorizontalPodAutoscaler", meta["namespace"], name)
            paused, held = _paused(annotations), annotations.get(PAUSED_REPLICAS)
            hpa = store.get(*place)
            bounds = {
                "minReplicas": max(1, spec.get("minReplicaCount", 0)),
                "maxReplicas": spec.get("maxReplicaCount", 100),
            }
            if paused:
                store.delete(*place)
                if held is not None and held.isdecimal():
                    self._hold(obj, int(held))
            elif hpa is None:
                self._create(obj, name, bounds, now)
            elif hpa["spec"] | bounds != hpa["spec"]:
                store.put(hpa | {"spec": hpa["spec"] | bounds})
            self._report(obj, name, now, paused=paused, held=held)

    def _create(self, obj: Object, name: str, bounds: Object, now: float) -> None:
        meta, reference = obj["metadata"], obj["spec"]["scaleTargetRef"]
        hpa = manifest(
            "HorizontalPodAutoscaler",
            name,
            now,
            namespace=meta["namespace"],
            owned_by=obj,
            kind=reference.get("kind", "Deployment"),
            target=reference["name"],
            low=bounds["minReplicas"],
            high=bounds["maxReplicas"],
        )
        goal = obj["spec"]["triggers"][0]["metadata"].get("threshold", "1")
        metric = {
            "name": f"s0-prometheus-{WAITING}",
            "selector": {"matchLabels": {"scaledobject.keda.sh/name": meta["name"]}},
        }
        target = {"type": "AverageValue", "averageValue": goal}
        hpa["spec"]["metrics"] = [{"type": "External", "external": {"metric": metric, "target": target}}]
        hpa["metadata"]["labels"] = {
            "scaledobject.keda.sh/name": meta["name"],
            "app.kubernetes.io/managed-by": "keda-operator",
        }
        self._cluster.store.put(hpa)

    def _hold(self, obj: Object, replicas: int) -> None:
        reference = obj["spec"]["scaleTargetRef"]
        api_version, kind = reference.get("apiVersion", "apps/v1"), reference.get("kind", "Deployment")
        target = self._cluster.store.get(api_version, kind, obj["metadata"]["namespace"], reference["name"])
        if target is not None and target["spec"].get("replicas", 1) != replicas:
            put_spec(self._cluster.store, target, {"replicas": replicas})

    def _report(self, obj: Object, hpa: str, now: float, *, paused: bool, held: str | None) -> None:
        reference = obj["spec"]["scaleTargetRef"]
        group, _, version = reference.get("apiVersion", "apps/v1").rpartition("/")
        kind = reference.get("kind", "Deployment")
        pausing = (
            ("ScaledObjectPaused", "ScaledObject is paused")
            if paused
            else ("ScaledObjectUnpaused", "pause annotation removed")
        )
        status: Object = {
            "hpaName": hpa,
            "scaleTargetKind": f"{group}/{version}.{kind}",
            "scaleTargetGVKR": {"group": group, "version": version, "kind": kind, "resource": f"{kind.lower()}s"},
            "externalMetricNames": [f"s0-prometheus-{WAITING}"],
            "conditions": [
                condition(
                    "Ready",
                    True,
                    now,
                    "ScaledObjectReady",
                    "ScaledObject is defined correctly and is ready for scaling",
                ),
                condition(
                    "Active", not paused, now, "ScalerActive", "Scaling is performed because triggers are active"
                ),
                condition("Fallback", False, now, "NoFallbackFound", "No fallbacks are active on this scaled object"),
                condition("Paused", paused, now, *pausing),
            ],
        }
        if held is not None and held.isdecimal():
            status["pausedReplicaCount"] = int(held)
        put_status(self._cluster.store, obj, status)


def _paused(annotations: Mapping[str, str]) -> bool:
    """Any text but `false` in the boolean annotation means yes, as KEDA has it."""
    return PAUSED_REPLICAS in annotations or annotations.get(PAUSED, "false").lower() not in ("false", "0", "f")
