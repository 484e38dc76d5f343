"""History from objects without a server: lists of raw objects in, entries out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from actions.audit.redaction import redacted
from fleet.timeline.cluster.registry import witnesses
from fleet.timeline.cluster.witness import AnyWitness, SharedFacts
from fleet.timeline.entry import Entry

DAY = "2026-11-21T"


def history_of(objects: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[list[Entry], SharedFacts]:
    """``objects`` by kind; all are taken before any of them tells, as with a server."""
    asked = SharedFacts(redacted)
    taken: list[tuple[AnyWitness, list[Any]]] = [
        (row, [row.extract(raw, asked) for raw in objects.get(row.kind, ())]) for row in witnesses()
    ]
    return [entry for row, some in taken for entry in row.entries(some, asked)], asked


def owned(kind: str, name: str) -> list[dict[str, Any]]:
    """An ownerReference of a controller."""
    return [{"kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}]


def replica_set(name: str, created: str, revision: str, template: Mapping[str, Any], **notes: str) -> dict[str, Any]:
    """A ReplicaSet of Deployment chat."""
    annotations = {"deployment.kubernetes.io/revision": revision, **notes}
    metadata = {"name": name, "namespace": "serving", "creationTimestamp": f"{DAY}{created}Z"}
    return {
        "metadata": {**metadata, "annotations": annotations, "ownerReferences": owned("Deployment", "chat")},
        "spec": {"template": template},
    }


def template(image: str = "vllm:1", *args: str, **container: Any) -> dict[str, Any]:
    """A pod template of one container."""
    return {
        "metadata": {"labels": {"app": "chat", "pod-template-hash": image[-1]}},
        "spec": {"containers": [{"name": "vllm", "image": image, "args": list(args), **container}]},
    }


def manager(name: str, at: str, fields: Mapping[str, Any], subresource: str = "") -> dict[str, Any]:
    """An entry of managedFields that owns these fields of the spec."""
    found: dict[str, Any] = {
        "manager": name,
        "operation": "Update",
        "time": f"{DAY}{at}Z",
        "fieldsV1": {"f:spec": {f"f:{field}": value for field, value in fields.items()}},
    }
    return found | ({"subresource": subresource} if subresource else {})


def deployment(*managers: Mapping[str, Any], **spec: Any) -> dict[str, Any]:
    """Deployment chat, made at 08:00."""
    metadata = {"name": "chat", "namespace": "serving", "creationTimestamp": f"{DAY}08:00:00Z"}
    return {"metadata": {**metadata, "managedFields": list(managers)}, "spec": spec, "status": {}}


def clock(entry: Entry) -> str:
    """The time of day of an entry."""
    return datetime.fromtimestamp(entry.at, UTC).strftime("%H:%M:%S")


def briefly(entries: list[Entry]) -> list[tuple[str, str, str]]:
    """Return time, event and actor of the entries, in order of time."""
    return [(clock(entry), entry.what, entry.who) for entry in sorted(entries, key=lambda entry: entry.at)]
