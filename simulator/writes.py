"""Writes of controllers: the status of an object, or a part of its spec."""

from __future__ import annotations

from simulator.objects import Object
from simulator.store import Store


def put_status(store: Store, obj: Object, status: Object) -> None:
    """Write an object's status; conditions with unchanged content keep their times."""
    before = {c["type"]: c for c in obj.get("status", {}).get("conditions", [])}
    for new in status.get("conditions", []):
        old = before.get(new["type"])
        if old and old["status"] == new["status"]:
            new["lastTransitionTime"] = old["lastTransitionTime"]
            if "lastUpdateTime" in new and old.get("message") == new["message"]:
                new["lastUpdateTime"] = old["lastUpdateTime"]
    if obj.get("status") != status:
        store.put(obj | {"status": status})


def put_spec(store: Store, obj: Object, change: Object) -> None:
    """Change part of an object's spec, as a controller does; its generation increases."""
    generation = obj["metadata"].get("generation", 1) + 1
    metadata = obj["metadata"] | {"generation": generation}
    store.put(obj | {"metadata": metadata, "spec": obj["spec"] | change})
