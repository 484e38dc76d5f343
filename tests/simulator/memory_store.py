"""An object store without watchers: what the world needs of the API."""

from __future__ import annotations

from typing import Any

Key = tuple[str, str, str, str]


class MemoryStore:
    """Keeps the objects, and counts the writes that changed something."""

    def __init__(self) -> None:
        self.objects: dict[Key, dict[str, Any]] = {}
        self.changes = 0

    def put(self, obj: dict[str, Any]) -> None:
        meta = obj["metadata"]
        key = (obj["apiVersion"], obj["kind"], meta.get("namespace", ""), meta["name"])
        if self.objects.get(key) != obj:
            self.objects[key] = obj
            self.changes += 1

    def delete(self, api_version: str, kind: str, namespace: str, name: str) -> None:
        if self.objects.pop((api_version, kind, namespace, name), None) is not None:
            self.changes += 1

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        return self.objects.get((api_version, kind, namespace, name))

    def list(self, api_version: str, kind: str, namespace: str | None = None) -> list[dict[str, Any]]:
        return [
            obj for key, obj in self.objects.items() if key[:2] == (api_version, kind) and namespace in {None, key[2]}
        ]
