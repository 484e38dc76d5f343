"""The columns that `kubectl get` shows of each kind, as the API server's printers make them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Obj = dict[str, Any]
Row = Callable[[Obj, float], list[Any]]
"""The cells of an object's row at a unix time."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a Table; those with a priority above 0 are shown with `-o wide` only."""

    name: str
    type: str = "string"
    priority: int = 0

    def definition(self) -> dict[str, Any]:
        """The columnDefinition of the Table."""
        return {
            "name": self.name,
            "type": self.type,
            "format": "name" if self.name == "Name" else "",
            "description": self.name,
            "priority": self.priority,
        }


def columns(spec: str) -> tuple[Column, ...]:
    """Columns from names between commas; a leading `+` marks the wide ones, a trailing `#` integers."""
    parts = (part.strip() for part in spec.split(","))
    return tuple(
        Column(part.strip("+#"), "integer" if part.endswith("#") else "string", int(part.startswith("+")))
        for part in parts
    )


def unix(text: str | None) -> float | None:
    """Unix seconds of an RFC 3339 time."""
    return datetime.fromisoformat(text).timestamp() if text else None


def human_duration(seconds: float) -> str:
    """A duration in at most two units, as duration.HumanDuration of k8s.io/apimachinery writes it."""
    total = int(seconds)
    if total < 0:
        return "0s" if total >= -1 else "<invalid>"
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if total < 120:
        return f"{total}s"
    if minutes < 10:
        return _pair(minutes, "m", total % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _pair(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    return _pair(days // 365, "y", days % 365, "d") if days < 2920 else f"{days // 365}y"


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def since(text: str | None, now: float) -> str:
    """The age of a time, `<unknown>` where there is none."""
    at = unix(text)
    return "<unknown>" if at is None else human_duration(now - at)


def age(obj: Obj, now: float) -> str:
    """The age of an object."""
    return since(obj["metadata"].get("creationTimestamp"), now)


def _name(obj: Obj) -> str:
    return str(obj["metadata"]["name"])


def _joined(values: Iterable[object], empty: str = "<none>") -> str:
    return ",".join(str(value) for value in values) or empty


def _selector(selector: Obj | None) -> str:
    labels = (selector or {}).get("matchLabels", {}) if selector and "matchLabels" in selector else selector
    return _joined(f"{key}={value}" for key, value in sorted((labels or {}).items()))


def _containers(obj: Obj) -> tuple[str, str]:
    containers = obj["spec"]["template"]["spec"]["containers"]
    return _joined(c["name"] for c in containers), _joined(c["image"] for c in containers)


def simple(obj: Obj, now: float) -> list[Any]:
    """Name and age."""
    return [_name(obj), age(obj, now)]


def created(obj: Obj, _: float) -> list[Any]:
    """Name and time of creation, as roles are shown."""
    return [_name(obj), obj["metadata"].get("creationTimestamp")]


def pod_status(pod: Obj) -> str:
    """The STATUS of a pod: its phase, or what stands in its way (printPod of the API server)."""
    status, metadata = pod.get("status", {}), pod["metadata"]
    phase = str(status.get("phase", "Unknown"))
    reason = str(status.get("reason") or phase)
    conditions = {c["type"]: c for c in status.get("conditions", ())}
    if conditions.get("PodScheduled", {}).get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    starting = _init_status(pod)
    initialized = conditions.get("Initialized", {}).get("status") == "True"
    if starting and not initialized:
        reason = starting
    else:
        running = False
        for container in reversed(status.get("containerStatuses", ())):
            state = container.get("state", {})
            waiting, terminated = state.get("waiting", {}), state.get("terminated")
            if waiting.get("reason"):
                reason = waiting["reason"]
            elif terminated:
                reason = terminated.get("reason") or _exit(terminated)
            elif container.get("ready") and "running" in state:
                running = True
        if reason == "Completed" and running:
            ready = conditions.get("Ready", {}).get("status") == "True"
            reason = "Running" if ready else "NotReady"
    if metadata.get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            return "Unknown"
        if phase not in ("Succeeded", "Failed"):
            return "Terminating"
    return reason


def _exit(terminated: Obj) -> str:
    signal = terminated.get("signal")
    return f"Signal:{signal}" if signal else f"ExitCode:{terminated.get('exitCode', 0)}"


def _init_status(pod: Obj) -> str:
    for index, container in enumerate(pod.get("status", {}).get("initContainerStatuses", ())):
        state = container.get("state", {})
        terminated, waiting = state.get("terminated"), state.get("waiting", {})
        if terminated and terminated.get("exitCode", 0) == 0:
            continue
        if terminated:
            return f"Init:{terminated.get('reason') or _exit(terminated)}"
        if waiting.get("reason") not in (None, "PodInitializing"):
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{len(pod['spec']['initContainers'])}"
    return ""


def pod(obj: Obj, now: float) -> list[Any]:
    """The row of a pod."""
    spec, status = obj["spec"], obj.get("status", {})
    containers = status.get("containerStatuses", ())
    ready = sum(1 for c in containers if c.get("ready") and "running" in c.get("state", {}))
    restarts = sum(c.get("restartCount", 0) for c in containers)
    ends = [c.get("lastState", {}).get("terminated", {}).get("finishedAt") for c in containers]
    last = max((end for end in ends if end), default=None)
    gates = spec.get("readinessGates", ())
    true = {c["type"] for c in status.get("conditions", ()) if c["status"] == "True"}
    return [
        _name(obj),
        f"{ready}/{len(spec['containers'])}",
        pod_status(obj),
        f"{restarts} ({since(last, now)} ago)" if restarts and last else str(restarts),
        age(obj, now),
        status.get("podIP") or "<none>",
        spec.get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        f"{sum(g['conditionType'] in true for g in gates)}/{len(gates)}" if gates else "<none>",
    ]


def node(obj: Obj, now: float) -> list[Any]:
    """The row of a node."""
    status = obj.get("status", {})
    ready = {c["type"]: c["status"] for c in status.get("conditions", ())}.get("Ready")
    states = {"True": "Ready", None: "Unknown"}.get(ready, "NotReady")
    if obj.get("spec", {}).get("unschedulable"):
        states += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    roles = sorted(
        label.removeprefix(prefix) for label in obj["metadata"].get("labels", {}) if label.startswith(prefix)
    )
    info = status.get("nodeInfo", {})
    addresses = {a["type"]: a["address"] for a in status.get("addresses", ())}
    return [
        _name(obj),
        states,
        _joined(roles),
        age(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", "<none>"),
        addresses.get("ExternalIP", "<none>"),
        info.get("osImage") or "<unknown>",
        info.get("kernelVersion") or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def namespace(obj: Obj, now: float) -> list[Any]:
    """The row of a namespace."""
    return [_name(obj), obj.get("status", {}).get("phase", "Active"), age(obj, now)]


def service(obj: Obj, now: float) -> list[Any]:
    """The row of a service."""
    spec = obj["spec"]
    ports = _joined(f"{p['port']}/{p.get('protocol', 'TCP')}" for p in spec.get("ports", ()))
    cluster_ip = spec.get("clusterIP") or "<none>"
    return [
        _name(obj),
        spec.get("type", "ClusterIP"),
        cluster_ip,
        "<none>",
        ports,
        age(obj, now),
        _selector(spec.get("selector")),
    ]


def event(obj: Obj, now: float) -> list[Any]:
    """The row of a core/v1 Event."""
    about = obj.get("involvedObject", {})
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    series = obj.get("series") or {}
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or first
    source = obj.get("source") or {}
    parts = (source.get("component") or obj.get("reportingComponent"), source.get("host"))
    return [
        since(last, now),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        about.get("fieldPath", ""),
        ", ".join(part for part in parts if part),
        obj.get("message", "").strip(),
        since(first, now),
        series.get("count") or obj.get("count") or 1,
        _name(obj),
    ]


def deployment(obj: Obj, now: float) -> list[Any]:
    """The row of a Deployment."""
    spec, status = obj["spec"], obj.get("status", {})
    return [
        _name(obj),
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        age(obj, now),
        *_containers(obj),
        _selector(spec.get("selector")),
    ]


def replicaset(obj: Obj, now: float) -> list[Any]:
    """The row of a ReplicaSet."""
    spec, status = obj["spec"], obj.get("status", {})
    return [
        _name(obj),
        spec.get("replicas", 1),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        age(obj, now),
        *_containers(obj),
        _selector(spec.get("selector")),
    ]


def statefulset(obj: Obj, now: float) -> list[Any]:
    """The row of a StatefulSet."""
    ready = f"{obj.get('status', {}).get('readyReplicas', 0)}/{obj['spec'].get('replicas', 1)}"
    return [_name(obj), ready, age(obj, now), *_containers(obj)]


def daemonset(obj: Obj, now: float) -> list[Any]:
    """The row of a DaemonSet."""
    status = obj.get("status", {})
    counts = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady")
    return [
        _name(obj),
        *(status.get(count, 0) for count in counts),
        status.get("updatedNumberScheduled", 0),
        status.get("numberAvailable", 0),
        _selector(obj["spec"]["template"]["spec"].get("nodeSelector")),
        age(obj, now),
        *_containers(obj),
        _selector(obj["spec"].get("selector")),
    ]


def controllerrevision(obj: Obj, now: float) -> list[Any]:
    """The row of a ControllerRevision."""
    owners = [owner for owner in obj["metadata"].get("ownerReferences", ()) if owner.get("controller")]
    kind = owners[0]["kind"].lower() if owners else ""
    group = owners[0]["apiVersion"].partition("/")[0] if owners else ""
    controller = f"{kind}.{group}/{owners[0]['name']}" if owners else "<none>"
    return [_name(obj), controller, obj.get("revision", 0), age(obj, now)]


def horizontalpodautoscaler(obj: Obj, now: float) -> list[Any]:
    """The row of an autoscaling/v2 HorizontalPodAutoscaler."""
    spec, status = obj["spec"], obj.get("status", {})
    reference = spec["scaleTargetRef"]
    current = status.get("currentMetrics") or []
    targets = []
    for index, metric in enumerate(spec.get("metrics", ())):
        source = metric["type"][:1].lower() + metric["type"][1:]
        seen = current[index].get(source, {}).get("current", {}) if index < len(current) else {}
        target = metric[source]["target"]
        average = " (avg)" if source in ("object", "external") and "averageValue" in target else ""
        targets.append(f"{_metric_value(seen) or '<unknown>'}/{_metric_value(target)}{average}")
    return [
        _name(obj),
        f"{reference['kind']}/{reference['name']}",
        ", ".join(targets) or "<none>",
        str(spec.get("minReplicas", "<unset>")),
        spec["maxReplicas"],
        status.get("currentReplicas", 0),
        age(obj, now),
    ]


def _metric_value(value: Obj) -> str:
    if "averageUtilization" in value:
        return f"{value['averageUtilization']}%"
    return str(value.get("averageValue") or value.get("value") or "")


def poddisruptionbudget(obj: Obj, now: float) -> list[Any]:
    """The row of a PodDisruptionBudget."""
    spec = obj["spec"]
    return [
        _name(obj),
        str(spec.get("minAvailable", "N/A")),
        str(spec.get("maxUnavailable", "N/A")),
        obj.get("status", {}).get("disruptionsAllowed", 0),
        age(obj, now),
    ]


def endpointslice(obj: Obj, now: float) -> list[Any]:
    """The row of an EndpointSlice."""
    addresses = [a for e in obj.get("endpoints") or () for a in e["addresses"]]
    shown = _joined(addresses[:3], "<unset>")
    if len(addresses) > 3:
        shown += f" + {len(addresses) - 3} more..."
    ports = _joined((p.get("port") for p in obj.get("ports") or ()), "<unset>")
    return [_name(obj), obj["addressType"], ports, shown, age(obj, now)]


def data(obj: Obj, now: float) -> list[Any]:
    """The row of a ConfigMap."""
    return [_name(obj), len(obj.get("data", {})), age(obj, now)]


def secret(obj: Obj, now: float) -> list[Any]:
    """The row of a Secret."""
    return [_name(obj), obj.get("type", "Opaque"), len(obj.get("data", {})), age(obj, now)]


def lease(obj: Obj, now: float) -> list[Any]:
    """The row of a Lease."""
    return [_name(obj), obj.get("spec", {}).get("holderIdentity", ""), age(obj, now)]


def binding(obj: Obj, now: float) -> list[Any]:
    """The row of a RoleBinding or ClusterRoleBinding."""
    role, subjects = obj["roleRef"], obj.get("subjects", ())
    of_kind = {kind: ", ".join(s["name"] for s in subjects if s["kind"] == kind) for kind in ("User", "Group")}
    accounts = ", ".join(f"{s.get('namespace', '')}/{s['name']}" for s in subjects if s["kind"] == "ServiceAccount")
    return [_name(obj), f"{role['kind']}/{role['name']}", age(obj, now), of_kind["User"], of_kind["Group"], accounts]
