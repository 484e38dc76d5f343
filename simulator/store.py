"""Kubernetes objects with one resourceVersion counter and a bounded history per kind, as etcd keeps them.

An object is stored as the bytes that go over the wire, so that a list joins bytes and no caller can change what is
stored. A past state is the current one with the history undone: that serves consistent chunked lists, exact
resourceVersions and, beyond the history, their 410.
"""

from __future__ import annotations

import uuid
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from simulator.objects import timestamp

Key = tuple[str, str]
"""Namespace ("" for cluster-scoped objects) and name; their order is the order of lists."""

WINDOW = 4096
"""Changes remembered per kind; a watch that needs more gets 410 Expired."""

# The order in which an API server writes them, which readers of YAML are used to.
_METADATA_ORDER = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)


class ExpiredError(Exception):
    """The history no longer reaches back to a resourceVersion; `oldest` is the first that it has."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"history starts at {oldest}")
        self.oldest = oldest


class Entry:
    """One state of one object."""

    __slots__ = ("_obj", "api_version", "body", "key", "kind", "labels", "version")

    def __init__(self, obj: dict[str, Any], version: int) -> None:
        metadata = obj["metadata"] | {"resourceVersion": str(version)}
        ordered = {name: metadata[name] for name in _METADATA_ORDER if name in metadata}
        ordered |= {name: value for name, value in metadata.items() if name not in ordered}
        rest = {name: value for name, value in obj.items() if name not in ("apiVersion", "kind", "metadata")}
        self.api_version: str = obj["apiVersion"]
        self.kind: str = obj["kind"]
        self.key: Key = key_of(obj)
        self.version = version
        self.labels: dict[str, str] = dict(metadata.get("labels") or {})
        self.body: bytes = orjson.dumps({"metadata": ordered} | rest)
        """The object as lists carry it: without apiVersion and kind."""
        self._obj: dict[str, Any] | None = None

    @property
    def obj(self) -> dict[str, Any]:
        """The whole object, parsed when it is first needed; not to be changed."""
        if self._obj is None:
            self._obj = {"kind": self.kind, "apiVersion": self.api_version} | orjson.loads(self.body)
        return self._obj

    @property
    def document(self) -> bytes:
        """The whole object as JSON."""
        return b'{"kind":"%s","apiVersion":"%s",%s' % (
            self.kind.encode(),
            self.api_version.encode(),
            self.body[1:],
        )

    def at(self, version: int) -> Entry:
        """Return the same state under another resourceVersion, for a DELETED event."""
        return Entry(self.obj, version)


@dataclass(frozen=True, slots=True)
class Change:
    """One write: created (`old` is None), replaced, or deleted (`new` is None)."""

    version: int
    key: Key
    old: Entry | None
    new: Entry | None


@dataclass(slots=True)
class Table:
    """The objects of one kind with their recent history."""

    floor: int
    window: int
    entries: dict[Key, Entry] = field(default_factory=dict)
    order: list[Key] = field(default_factory=list)
    history: deque[Change] = field(default_factory=deque)
    listeners: set[Callable[[], None]] = field(default_factory=set)

    @property
    def version(self) -> int:
        """The resourceVersion of the latest change."""
        return self.history[-1].version if self.history else self.floor

    def record(self, change: Change) -> None:
        """Apply the change to the current state and notify the listeners."""
        if change.new is None:
            del self.entries[change.key]
            del self.order[bisect_left(self.order, change.key)]
        else:
            if change.old is None:
                insort(self.order, change.key)
            self.entries[change.key] = change.new
        self.history.append(change)
        if len(self.history) > self.window:
            self.floor = self.history.popleft().version
        for listener in self.listeners:
            listener()

    def now(self) -> list[Entry]:
        """The present entries in order."""
        return [self.entries[key] for key in self.order]

    def at(self, version: int) -> list[Entry]:
        """The entries as they were at a resourceVersion. Raises ExpiredError."""
        if version < self.floor:
            raise ExpiredError(self.floor)
        entries = dict(self.entries)
        for change in reversed(self.history):
            if change.version <= version:
                break
            if change.old is None:
                del entries[change.key]
            else:
                entries[change.key] = change.old
        return [entries[key] for key in sorted(entries)]

    def since(self, version: int) -> list[Change]:
        """The changes after a resourceVersion, oldest first. Raises ExpiredError."""
        if version < self.floor:
            raise ExpiredError(self.floor)
        newer: list[Change] = []
        for change in reversed(self.history):
            if change.version <= version:
                break
            newer.append(change)
        newer.reverse()
        return newer

    def forget(self, version: int) -> None:
        """Drop the history up to a resourceVersion."""
        self.history.clear()
        self.floor = version

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call `listener` after each change, inside the block."""
        self.listeners.add(listener)
        try:
            yield
        finally:
            self.listeners.discard(listener)


class Store:
    """Every object of the simulated cluster. `now` gives the unix time for creationTimestamp."""

    def __init__(self, now: Callable[[], float], *, version: int = 1000, window: int = WINDOW) -> None:
        self._now = now
        self._window = window
        self._floor = version
        self.tables: dict[tuple[str, str], Table] = {}
        self.version = version
        """The resourceVersion of the latest write."""

    def table(self, api_version: str, kind: str) -> Table:
        """Return the objects of a kind; empty for a kind without objects."""
        found = self.tables.get((api_version, kind))
        if found is None:
            found = self.tables[api_version, kind] = Table(self._floor, self._window)
        return found

    def put(self, obj: dict[str, Any]) -> None:
        """Create or replace the object of its apiVersion, kind, namespace and name; the same again is no change.

        The store gives it a resourceVersion, and a uid and creationTimestamp where they are absent.
        """
        table = self.table(obj["apiVersion"], obj["kind"])
        old = table.entries.get(key_of(obj))
        metadata = {name: value for name, value in obj["metadata"].items() if value is not None}
        if old is None:
            metadata.setdefault("uid", self._uid(obj))
            metadata.setdefault("creationTimestamp", timestamp(self._now()))
        else:
            for name in ("uid", "creationTimestamp"):
                metadata.setdefault(name, old.obj["metadata"][name])
            same = Entry(obj | {"metadata": metadata}, old.version)
            # The same object with its keys in another order is also unchanged.
            if same.body == old.body or same.obj == old.obj:
                return
        self.version += 1
        new = Entry(obj | {"metadata": metadata}, self.version)
        table.record(Change(self.version, new.key, old, new))

    def delete(self, api_version: str, kind: str, namespace: str, name: str) -> None:
        """Remove the object; nothing happens if there is none."""
        table = self.table(api_version, kind)
        old = table.entries.get((namespace, name))
        if old is not None:
            self.version += 1
            table.record(Change(self.version, old.key, old, None))

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """The object, not to be changed, or None."""
        entry = self.table(api_version, kind).entries.get((namespace, name))
        return None if entry is None else entry.obj

    def list(self, api_version: str, kind: str, namespace: str | None = None) -> list[dict[str, Any]]:
        """The objects of a kind, in one namespace or all; they are not to be changed."""
        entries = self.table(api_version, kind).now()
        return [entry.obj for entry in entries if namespace is None or entry.key[0] == namespace]

    def compact(self) -> None:
        """Forget the past: older resourceVersions and continue tokens are answered with 410 from now on."""
        self._floor = self.version
        for table in self.tables.values():
            table.forget(self.version)

    def _uid(self, obj: dict[str, Any]) -> str:
        """Return a uid that is the same for the same seed; the version distinguishes successive objects of one name."""
        namespace, name = key_of(obj)
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{obj['kind']}/{namespace}/{name}/{self.version}"))


def key_of(obj: dict[str, Any]) -> Key:
    """Return the key of the object in its table."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
