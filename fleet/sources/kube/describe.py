"""An object as plain text: pods, nodes and workloads, from raw JSON. Pure.

The order follows `kubectl describe`; what an LLM fleet's operator looks for first (state, reasons, GPUs, arguments) is
never omitted. Values that come from secrets are named, never shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import yaml

from fleet.json_fields import Raw, integer, mapping, mappings, moment, text, texts
from fleet.model.objects import Event
from fleet.sources.kube.project.common_fields import owner
from fleet.sources.kube.project.pod_status import pod_status

_WIDTH = 18
"""Columns of the labels on the left."""


def describe(raw: Raw, events: Iterable[Event] = (), *, now: float) -> str:
    """The text for an object of any kind; ``now`` is Unix seconds, for ages."""
    kind = text(raw, "kind")
    lines = _head(raw, now)
    if kind == "Pod":
        lines += _pod(raw, now)
    elif kind == "Node":
        lines += _node(raw)
    elif mapping(mapping(raw, "spec"), "template"):
        lines += _workload(raw)
    else:
        lines += _anything(raw)
    lines += _conditions(mapping(raw, "status"), now)
    lines += _events(events, now)
    return "\n".join(lines) + "\n"


def to_yaml(raw: Raw) -> str:
    """Return the object as YAML, without managedFields: bookkeeping that is most of the text and that nobody reads."""
    metadata = {key: value for key, value in mapping(raw, "metadata").items() if key != "managedFields"}
    document = {key: metadata if key == "metadata" else value for key, value in raw.items()}
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**16)


class _Dumper(yaml.SafeDumper):
    """Text of several lines as a block, as people write it."""


def _block(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _block)


def age(seconds: float) -> str:
    """A duration as kubectl prints ages: 45s, 12m, 5h, 3d; 0s for one in the future."""
    whole = max(int(seconds), 0)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole >= 2 * size or (unit == "d" and whole >= size):
            return f"{whole // size}{unit}"
    return f"{whole}s"


def _field(label: str, value: object, indent: int = 0) -> str:
    label = " " * indent + f"{label}:"
    return f"{label:<{_WIDTH + indent}}{value}".rstrip()


def _map(label: str, raw: Raw) -> list[str]:
    pairs = [
        f"{key}={value}" for key, value in sorted(raw.items()) if not str(key).endswith("last-applied-configuration")
    ]
    if not pairs:
        return [_field(label, "<none>")]
    return [_field(label, pairs[0]), *(" " * _WIDTH + pair for pair in pairs[1:])]


def _head(raw: Raw, now: float) -> list[str]:
    metadata = mapping(raw, "metadata")
    lines = [_field("Kind", text(raw, "kind")), _field("Name", text(metadata, "name"))]
    if text(metadata, "namespace"):
        lines.append(_field("Namespace", text(metadata, "namespace")))
    created, deleted = moment(metadata, "creationTimestamp"), moment(metadata, "deletionTimestamp")
    if created is not None:
        lines.append(_field("Created", f"{text(metadata, 'creationTimestamp')} ({age(now - created)} ago)"))
    if deleted is not None:
        lines.append(_field("Deleted", f"{text(metadata, 'deletionTimestamp')} (terminating)"))
    lines += _map("Labels", mapping(metadata, "labels"))
    lines += _map("Annotations", mapping(metadata, "annotations"))
    controller = owner(metadata)
    if controller is not None:
        lines.append(_field("Controlled by", f"{controller.kind}/{controller.name}"))
    return lines


def _pod(raw: Raw, now: float) -> list[str]:
    spec, status = mapping(raw, "spec"), mapping(raw, "status")
    printed = pod_status(raw)
    lines = [
        _field("Status", printed.status),
        _field("Restarts", printed.restarts),
        _field("Node", text(spec, "nodeName") or "<none>"),
        _field("IP", text(status, "podIP") or "<none>"),
    ]
    for label, key in (("Reason", "reason"), ("Message", "message"), ("Nominated node", "nominatedNodeName")):
        if text(status, key):
            lines.append(_field(label, text(status, key)))
    for label, key in (("Service account", "serviceAccountName"), ("Priority class", "priorityClassName")):
        if text(spec, key):
            lines.append(_field(label, text(spec, key)))
    if "terminationGracePeriodSeconds" in spec:
        lines.append(_field("Grace period", f"{integer(spec, 'terminationGracePeriodSeconds')}s"))
    states = {text(s, "name"): s for s in mappings(status, "initContainerStatuses")}
    states |= {text(s, "name"): s for s in mappings(status, "containerStatuses")}
    for title, key in (("Init containers", "initContainers"), ("Containers", "containers")):
        containers = mappings(spec, key)
        if containers:
            lines += ["", f"{title}:"]
        for container in containers:
            lines += _container(container, states.get(text(container, "name"), {}), now)
    lines += ["", *_map("Node selector", mapping(spec, "nodeSelector"))]
    tolerations = [_toleration(raw) for raw in mappings(spec, "tolerations")]
    lines.append(_field("Tolerations", "; ".join(tolerations) or "<none>"))
    volumes = [_volume(volume) for volume in mappings(spec, "volumes")]
    lines.append(_field("Volumes", volumes[0] if volumes else "<none>"))
    return lines + [" " * _WIDTH + volume for volume in volumes[1:]]


def _container(raw: Raw, status: Raw | None, now: float) -> list[str]:
    """A container of a pod, or of a template where there is no status."""
    lines = [f"  {text(raw, 'name')}:", _field("Image", text(raw, "image"), 4)]
    if status and text(status, "imageID"):
        lines.append(_field("Image ID", text(status, "imageID"), 4))
    ports = [f"{integer(port, 'containerPort')}/{text(port, 'protocol') or 'TCP'}" for port in mappings(raw, "ports")]
    if ports:
        lines.append(_field("Ports", ", ".join(ports), 4))
    for label, key in (("Command", "command"), ("Args", "args")):
        words = texts(raw, key)
        if words:
            lines.append(_field(label, words[0], 4))
            lines += [" " * (_WIDTH + 4) + line for word in words[1:] for line in word.splitlines() or [""]]
    if status is not None:
        lines += _state("State", mapping(status, "state"), now)
        if mapping(status, "lastState"):
            lines += _state("Last state", mapping(status, "lastState"), now)
        lines.append(_field("Ready", status.get("ready") is True, 4))
        lines.append(_field("Restart count", integer(status, "restartCount"), 4))
    resources = mapping(raw, "resources")
    for label, key in (("Limits", "limits"), ("Requests", "requests")):
        quantities = mapping(resources, key)
        if quantities:
            listed = ", ".join(f"{name}: {amount}" for name, amount in sorted(quantities.items()))
            lines.append(_field(label, listed, 4))
    for label, key in (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")):
        if mapping(raw, key):
            lines.append(_field(label, _probe(mapping(raw, key)), 4))
    variables = [_variable(variable) for variable in mappings(raw, "env")]
    if variables:
        lines.append(_field("Environment", variables[0], 4))
        lines += [" " * (_WIDTH + 4) + variable for variable in variables[1:]]
    mounts = [f"{text(mount, 'mountPath')} from {text(mount, 'name')}" for mount in mappings(raw, "volumeMounts")]
    if mounts:
        lines.append(_field("Mounts", mounts[0], 4))
        lines += [" " * (_WIDTH + 4) + mount for mount in mounts[1:]]
    return lines


def _state(label: str, state: Raw, now: float) -> list[str]:
    for kind in ("running", "waiting", "terminated"):
        detail = state.get(kind)
        if not isinstance(detail, dict):
            continue
        lines = [_field(label, kind.capitalize(), 4)]
        for name, key in (("Reason", "reason"), ("Message", "message")):
            if text(detail, key):
                lines.append(_field(name, text(detail, key).strip(), 6))
        if kind == "terminated":
            lines.append(_field("Exit code", integer(detail, "exitCode"), 6))
        for name, key in (("Started", "startedAt"), ("Finished", "finishedAt")):
            when = moment(detail, key)
            if when is not None:
                lines.append(_field(name, f"{text(detail, key)} ({age(now - when)} ago)", 6))
        return lines
    return [_field(label, "<unknown>", 4)]


def _probe(raw: Raw) -> str:
    http, command = mapping(raw, "httpGet"), texts(mapping(raw, "exec"), "command")
    what = f"http-get :{http.get('port')}{text(http, 'path')}" if http else ""
    what = what or (f"exec {' '.join(command)}" if command else "")
    what = what or f"tcp :{mapping(raw, 'tcpSocket').get('port')}"
    return (
        f"{what} delay={integer(raw, 'initialDelaySeconds')}s timeout={integer(raw, 'timeoutSeconds', 1)}s "
        f"period={integer(raw, 'periodSeconds', 10)}s failure={integer(raw, 'failureThreshold', 3)}"
    )


def _variable(raw: Raw) -> str:
    name, source = text(raw, "name"), mapping(raw, "valueFrom")
    for key, what in (("secretKeyRef", "secret"), ("configMapKeyRef", "config map")):
        reference = mapping(source, key)
        if reference:
            return f"{name}: <key {text(reference, 'key')} of {what} {text(reference, 'name')}>"
    if mapping(source, "fieldRef"):
        return f"{name}: <field {text(mapping(source, 'fieldRef'), 'fieldPath')}>"
    return f"{name}: {text(raw, 'value')}" if not source else f"{name}: <set from elsewhere>"


def _toleration(raw: Raw) -> str:
    what = text(raw, "key") or "everything"
    what += f"={text(raw, 'value')}" if text(raw, "value") else ""
    what += f":{text(raw, 'effect')}" if text(raw, "effect") else ""
    seconds = raw.get("tolerationSeconds")
    return f"{what} for {seconds}s" if seconds is not None else what


def _volume(raw: Raw) -> str:
    kind = next((key for key in raw if key != "name"), "unknown")
    detail = mapping(raw, kind)
    name = next((text(detail, k) for k in ("claimName", "secretName", "name", "path") if text(detail, k)), "")
    return f"{text(raw, 'name')}: {kind} {name}".rstrip()


def _node(raw: Raw) -> list[str]:
    spec, status = mapping(raw, "spec"), mapping(raw, "status")
    taints = [
        f"{text(t, 'key')}{'=' + text(t, 'value') if text(t, 'value') else ''}:{text(t, 'effect')}"
        for t in mappings(spec, "taints")
    ]
    lines = [
        _field("Unschedulable", "yes (cordoned)" if spec.get("unschedulable") is True else "no"),
        _field("Taints", ", ".join(taints) or "<none>"),
    ]
    lines += [_field(text(a, "type"), text(a, "address")) for a in mappings(status, "addresses")]
    info = mapping(status, "nodeInfo")
    for label, key in (
        ("Kubelet", "kubeletVersion"),
        ("Kernel", "kernelVersion"),
        ("Runtime", "containerRuntimeVersion"),
    ):
        if text(info, key):
            lines.append(_field(label, text(info, key)))
    capacity, allocatable = mapping(status, "capacity"), mapping(status, "allocatable")
    if capacity or allocatable:
        lines += ["", f"{'Resource':<32}{'Capacity':>16}{'Allocatable':>16}"]
    for name in sorted({*capacity, *allocatable}):
        lines.append(f"{name:<32}{capacity.get(name, '-')!s:>16}{allocatable.get(name, '-')!s:>16}")
    return lines


def _workload(raw: Raw) -> list[str]:
    spec, status = mapping(raw, "spec"), mapping(raw, "status")
    lines = []
    if "replicas" in spec or "replicas" in status:
        counts = [f"{integer(spec, 'replicas', 1)} desired"]
        for label, key in (
            ("updated", "updatedReplicas"),
            ("total", "replicas"),
            ("ready", "readyReplicas"),
            ("available", "availableReplicas"),
            ("unavailable", "unavailableReplicas"),
        ):
            if key in status:
                counts.append(f"{integer(status, key)} {label}")
        lines.append(_field("Replicas", ", ".join(counts)))
    if mapping(spec, "selector"):
        lines += _map("Selector", mapping(mapping(spec, "selector"), "matchLabels"))
    strategy = mapping(spec, "strategy") or mapping(spec, "updateStrategy") or mapping(spec, "rolloutStrategy")
    if strategy:
        rolling = ", ".join(f"{key} {value}" for key, value in mapping(strategy, "rollingUpdate").items())
        lines.append(_field("Strategy", f"{text(strategy, 'type')} {rolling}".rstrip()))
    if spec.get("paused") is True:
        lines.append(_field("Paused", "yes: the rollout is paused"))
    template = mapping(mapping(spec, "template"), "spec")
    containers = mappings(template, "initContainers") + mappings(template, "containers")
    if containers:
        lines += ["", "Pod template:"]
    for container in containers:
        lines += _container(container, None, 0.0)
    return lines


_SHOWN_ABOVE: Final = frozenset({"apiVersion", "kind", "metadata"})
"""Fields that the head of a description covers, or that say nothing."""


def _anything(raw: Raw) -> list[str]:
    """Everything of an object of a kind that has no description of its own, in the words of its API."""
    shown = {key: value for key, value in raw.items() if key not in _SHOWN_ABOVE}
    status = {key: value for key, value in mapping(raw, "status").items() if key != "conditions"}
    shown |= {"status": status} if "status" in shown else {}
    lines: list[str] = []
    for key, value in shown.items():
        if value in ({}, [], None, ""):
            continue
        dumped = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**16)
        title = key[0].upper() + key[1:]
        if isinstance(value, dict | list):
            lines += [f"{title}:", *(f"  {line}" for line in dumped.splitlines())]
        else:
            lines.append(_field(title, value))
    return lines


def _conditions(status: Raw, now: float) -> list[str]:
    found = mappings(status, "conditions")
    if not found:
        return []
    lines = ["", f"{'Condition':<28}{'Status':<9}{'Since':<8}Reason"]
    for raw in found:
        since = moment(raw, "lastTransitionTime")
        reason = ": ".join(filter(None, (text(raw, "reason"), text(raw, "message"))))
        elapsed = age(now - since) if since is not None else "-"
        lines.append(f"{text(raw, 'type'):<28}{text(raw, 'status'):<9}{elapsed:<8}{reason}".rstrip())
    return lines


def _events(events: Iterable[Event], now: float) -> list[str]:
    listed: Sequence[Event] = sorted(events, key=lambda event: event.last)
    if not listed:
        return ["", "Events: none in the last hour or so"]
    lines = ["", f"{'Age':<6}{'Type':<9}{'Reason':<26}{'Count':<7}Message"]
    for event in listed:
        message = " ".join(event.message.split())
        lines.append(f"{age(now - event.last):<6}{event.type:<9}{event.reason:<26}{event.count:<7}{message}")
    return lines
