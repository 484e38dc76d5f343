"""The columns that `kubectl get` shows of each kind, as the API server's printers make them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Obj = dict[str, Any]
Cell = Callable[[Obj, float], Any]
"""Text of an object in a column, given the object and the Unix time."""

_COLUMN = re.compile(r"(?P<wide>\+?)(?P<name>[^#?]+?)(?P<integer>#?)(?: (?P<path>[a-z]\S*?)(?:\?(?P<default>.*))?)?")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a Table; those with a priority above 0 are shown with `-o wide` only."""

    name: str
    type: str
    priority: int
    cell: Cell

    def definition(self) -> dict[str, Any]:
        """The columnDefinition of the Table."""
        return {
            "name": self.name,
            "type": self.type,
            "format": "name" if self.name == "Name" else "",
            "description": self.name,
            "priority": self.priority,
        }


def columns(kind: str, spec: str) -> tuple[Column, ...]:
    """The columns of a kind from their description, as `data/resources.yaml` explains it."""
    return tuple(_column(kind, part.strip()) for part in spec.split(","))


def _column(kind: str, spec: str) -> Column:
    found = _COLUMN.fullmatch(spec)
    if found is None:
        raise ValueError(f"not a column: {spec}")
    name, path, default = found["name"], found["path"], found["default"] or ""
    missing = int(default or 0) if found["integer"] or default.isdecimal() else default
    cell = _field(path.split("."), missing) if path else _CELLS.get(f"{kind}.{name}") or _CELLS[name]
    return Column(name, "integer" if found["integer"] else "string", int(bool(found["wide"])), cell)


def _field(path: list[str], missing: int | str) -> Cell:
    def cell(obj: Obj, _: float) -> Any:
        value: Any = obj
        for part in path:
            value = value.get(part) if value else None
        return missing if value in (None, "") else value

    return cell


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


def age_of(text: str | None, now: float) -> str:
    """The age of a time, `<unknown>` where there is none."""
    at = unix(text)
    return "<unknown>" if at is None else human_duration(now - at)


def _joined(values: Iterable[object], empty: str = "<none>") -> str:
    return ",".join(str(value) for value in values) or empty


def _containers(field: str) -> Cell:
    return lambda obj, _: _joined(container[field] for container in obj["spec"]["template"]["spec"]["containers"])


def _selector(obj: Obj, _: float) -> str:
    selector = obj["spec"].get("selector") or {}
    return _joined(f"{key}={value}" for key, value in sorted(selector.get("matchLabels", selector).items()))


def _ready_replicas(obj: Obj, _: float) -> str:
    return f"{obj.get('status', {}).get('readyReplicas', 0)}/{obj['spec'].get('replicas', 1)}"


def pod_status(pod: Obj) -> str:
    """Return the STATUS of a pod: its phase, or what prevents it from running (printPod of the API server)."""
    status = pod.get("status", {})
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    shown = str(status.get("reason") or status.get("phase", "Unknown"))
    for container in reversed(status.get("containerStatuses", ())):
        state = container.get("state", {})
        ended = state.get("terminated")
        if reason := state.get("waiting", {}).get("reason"):
            shown = reason
        elif ended:
            shown = ended.get("reason") or f"ExitCode:{ended.get('exitCode', 0)}"
    return shown


def _pod_ready(obj: Obj, _: float) -> str:
    containers = obj.get("status", {}).get("containerStatuses", ())
    ready = sum(1 for c in containers if c.get("ready") and "running" in c.get("state", {}))
    return f"{ready}/{len(obj['spec']['containers'])}"


def _pod_restarts(obj: Obj, now: float) -> str:
    containers = obj.get("status", {}).get("containerStatuses", ())
    restarts = sum(c.get("restartCount", 0) for c in containers)
    ends = [c.get("lastState", {}).get("terminated", {}).get("finishedAt") for c in containers]
    last = max((end for end in ends if end), default=None)
    return f"{restarts} ({age_of(last, now)} ago)" if restarts and last else str(restarts)


def _node_status(obj: Obj, _: float) -> str:
    ready = {c["type"]: c["status"] for c in obj.get("status", {}).get("conditions", ())}.get("Ready")
    cordoned = obj.get("spec", {}).get("unschedulable")
    return {"True": "Ready", None: "Unknown"}.get(ready, "NotReady") + (",SchedulingDisabled" if cordoned else "")


def _node_roles(obj: Obj, _: float) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels", {})
    return _joined(sorted(label.removeprefix(prefix) for label in labels if label.startswith(prefix)))


def _node_address(kind: str) -> Cell:
    return lambda obj, _: {a["type"]: a["address"] for a in obj.get("status", {}).get("addresses", ())}.get(
        kind, "<none>"
    )


def _event_object(obj: Obj, _: float) -> str:
    about = obj.get("involvedObject", {})
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _hpa_targets(obj: Obj, _: float) -> str:
    """Return targets with an average value: pods metrics, and external ones, which are marked so."""

    def average(metric: Obj, of: str) -> str:
        found = metric.get(metric["type"].lower()) or {}
        return str((found.get(of) or {}).get("averageValue", "<unknown>"))

    wanted = obj["spec"].get("metrics") or ()
    current = [average(metric, "current") for metric in (obj.get("status") or {}).get("currentMetrics") or ()]
    current += ["<unknown>"] * (len(wanted) - len(current))
    shown = (
        f"{now}/{average(metric, 'target')}{' (avg)' if metric['type'] == 'External' else ''}"
        for now, metric in zip(current, wanted, strict=False)
    )
    return ", ".join(shown) or "<none>"


def _slice_endpoints(obj: Obj, _: float) -> str:
    addresses = [a for e in obj.get("endpoints") or () for a in e["addresses"]]
    more = f" + {len(addresses) - 3} more..." if len(addresses) > 3 else ""
    return _joined(addresses[:3], "<unset>") + more


_CELLS: dict[str, Cell] = {
    "Name": lambda obj, _: obj["metadata"]["name"],
    "Age": lambda obj, now: age_of(obj["metadata"].get("creationTimestamp"), now),
    "Containers": _containers("name"),
    "Images": _containers("image"),
    "Selector": _selector,
    "Deployment.Ready": _ready_replicas,
    "StatefulSet.Ready": _ready_replicas,
    "Pod.Ready": _pod_ready,
    "Pod.Status": lambda obj, _: pod_status(obj),
    "Pod.Restarts": _pod_restarts,
    "Node.Status": _node_status,
    "Node.Roles": _node_roles,
    "Node.Internal-IP": _node_address("InternalIP"),
    "Node.External-IP": _node_address("ExternalIP"),
    "Service.Port(s)": lambda obj, _: _joined(
        f"{port['port']}/{port.get('protocol', 'TCP')}" for port in obj["spec"].get("ports", ())
    ),
    "Event.Last Seen": lambda obj, now: age_of(obj.get("lastTimestamp"), now),
    "Event.First Seen": lambda obj, now: age_of(obj.get("firstTimestamp"), now),
    "Event.Object": _event_object,
    "HorizontalPodAutoscaler.Reference": lambda obj, _: "{kind}/{name}".format(**obj["spec"]["scaleTargetRef"]),
    "HorizontalPodAutoscaler.Targets": _hpa_targets,
    "HorizontalPodAutoscaler.MinPods": lambda obj, _: str(obj["spec"].get("minReplicas", "<unset>")),
    "EndpointSlice.Ports": lambda obj, _: _joined((p.get("port") for p in obj.get("ports") or ()), "<unset>"),
    "EndpointSlice.Endpoints": _slice_endpoints,
}
