"""Defaults that the API server fills in, for the kinds that controllers act on."""

from __future__ import annotations

from collections.abc import Callable

from simulator.objects import Object, safe_hash

_ROLLING = {"maxUnavailable": "25%", "maxSurge": "25%"}
_CONTAINER = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
}
_POD = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}


def defaulted(obj: Object) -> Object:
    """Return the object with the defaults of its kind; existing values are kept, and the function is idempotent."""
    fill = _KINDS.get(obj["kind"])
    return obj | {"spec": fill(obj)} if fill and "spec" in obj else obj


def _fill(spec: Object, defaults: Object) -> Object:
    """Return the spec with defaults for missing and null fields."""
    return spec | {key: value for key, value in defaults.items() if spec.get(key) is None}


def _template(template: Object) -> Object:
    spec = template.get("spec") or {}
    containers = [_container(container) for container in spec.get("containers", [])]
    return {"metadata": template.get("metadata") or {}, "spec": _fill(spec, _POD) | {"containers": containers}}


def _container(container: Object) -> Object:
    filled = _fill(container, _CONTAINER)
    if ports := container.get("ports"):
        filled["ports"] = [_fill(port, {"protocol": "TCP"}) for port in ports]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe in container:
            times = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
            filled[probe] = _fill(container[probe], times)
    return filled


def _deployment(obj: Object) -> Object:
    spec = obj["spec"]
    defaults = {"replicas": 1, "strategy": {}, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
    filled = _fill(spec, defaults)
    strategy = _fill(filled["strategy"], {"type": "RollingUpdate"})
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = _fill(strategy.get("rollingUpdate") or {}, _ROLLING)
    return filled | {"strategy": strategy, "template": _template(spec["template"])}


def _stateful_set(obj: Object) -> Object:
    defaults = {
        "replicas": 1,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "revisionHistoryLimit": 10,
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    }
    return _fill(obj["spec"], defaults) | {"template": _template(obj["spec"]["template"])}


def _replica_set(obj: Object) -> Object:
    return _fill(obj["spec"], {"replicas": 1}) | {"template": _template(obj["spec"].get("template") or {})}


def _daemon_set(obj: Object) -> Object:
    update = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
    filled = _fill(obj["spec"], {"updateStrategy": update, "revisionHistoryLimit": 10})
    return filled | {"template": _template(obj["spec"]["template"])}


def _pod(obj: Object) -> Object:
    spec: Object = _template(obj)["spec"]
    return spec


def _service(obj: Object) -> Object:
    meta = obj["metadata"]
    defaults: Object = {"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"}
    if obj["spec"].get("clusterIP") is None:
        number = int.from_bytes(safe_hash([meta.get("namespace", ""), meta["name"]]).encode()) % 60_000
        address = f"10.97.{number // 250}.{number % 250 + 2}"
        defaults |= {"clusterIP": address, "clusterIPs": [address]}
    ports = [_fill(port, {"protocol": "TCP", "targetPort": port["port"]}) for port in obj["spec"].get("ports", [])]
    return _fill(obj["spec"], defaults) | {"ports": ports}


def _autoscaler(obj: Object) -> Object:
    return _fill(obj["spec"], {"minReplicas": 1})


def _leader_worker_set(obj: Object) -> Object:
    rollout = {
        "type": "RollingUpdate",
        "rollingUpdateConfiguration": {"partition": 0, "maxUnavailable": 1, "maxSurge": 0},
    }
    return _fill(obj["spec"], {"replicas": 1, "rolloutStrategy": rollout, "startupPolicy": "LeaderCreated"})


_KINDS: dict[str, Callable[[Object], Object]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "ReplicaSet": _replica_set,
    "DaemonSet": _daemon_set,
    "Pod": _pod,
    "Service": _service,
    "HorizontalPodAutoscaler": _autoscaler,
    "LeaderWorkerSet": _leader_worker_set,
}
