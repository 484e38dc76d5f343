"""Events of the simulated cluster, kept for as long as an API server keeps them."""

from __future__ import annotations

from simulator.objects import Object, manifest, micro_timestamp, timestamp, uid
from simulator.pod_objects import identity
from simulator.pods import Pod
from simulator.store import Store

EVENT_TTL = 3600.0
"""Seconds after which the API server forgets an event."""


class Events:
    """The events in the object store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, str, str], Object] = {}

    def record(self, about: Pod | Object, kind: str, reason: str, message: str, component: str, now: float) -> None:
        """Record an event; a repeated one is counted up, as client-go's correlator does."""
        obj: Object = identity(about) if isinstance(about, Pod) else about
        meta = obj["metadata"]
        regarding = {"kind": obj["kind"], "apiVersion": obj["apiVersion"]}
        regarding |= {key: meta[key] for key in ("namespace", "name", "uid") if key in meta}
        key = (meta["uid"], reason, message)
        if known := self._known.get(key):
            event = known | {"count": known["count"] + 1, "lastTimestamp": timestamp(now)}
        else:
            event = manifest(
                "Event",
                f"{meta['name']}.{uid(reason, meta['uid'], message, now).replace('-', '')[:16]}",
                now,
                namespace=meta.get("namespace", "default"),
                about=regarding,
                type=kind,
                reason=reason,
                message=message,
                component=component,
                at=timestamp(now),
                at_micro=micro_timestamp(now),
            )
        self._known[key] = event
        self._store.put(event)

    def forget(self, now: float) -> None:
        """Drop the events that did not repeat within their time to live."""
        limit = timestamp(now - EVENT_TTL)
        for key in [key for key, obj in self._known.items() if obj["lastTimestamp"] < limit]:
            meta = self._known.pop(key)["metadata"]
            self._store.delete("v1", "Event", meta["namespace"], meta["name"])
