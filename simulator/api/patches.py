"""The three patches that a Kubernetes API server accepts, as pure functions of JSON values."""

from __future__ import annotations

import copy
from typing import Any

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "conditions": "type",
    "addresses": "type",
    "taints": "key",
    "ownerReferences": "uid",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
"""The key by which entries of a list are merged (patchMergeKey of the Go types); other lists are replaced."""
_SETS = frozenset({"finalizers"})
"""Lists of strings that are merged as sets."""


class PatchError(Exception):
    """A patch that does not fit the object: a failed test, a path that is not there."""


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: null deletes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merge_patch(found.get(key), value)
    return found


def strategic_patch(target: Any, patch: dict[str, Any]) -> dict[str, Any]:
    """Apply a strategic merge patch: lists whose entries have a key merge by it; ``$patch`` and similar directives
    apply.
    """
    found = dict(target) if isinstance(target, dict) else {}
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    if "$retainKeys" in patch:
        found = {key: value for key, value in found.items() if key in patch["$retainKeys"]}
    for key, value in patch.items():
        name = key.partition("/")
        if name[0] == "$deleteFromPrimitiveList":
            found[name[2]] = [item for item in found.get(name[2], []) if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            found.pop(key, None)
        elif isinstance(value, dict):
            found[key] = strategic_patch(found.get(key), value)
        elif isinstance(value, list) and key in _SETS:
            found[key] = list(dict.fromkeys([*found.get(key, []), *value]))
        elif isinstance(value, list) and _keyed(key, value):
            found[key] = _merged_list(found.get(key) or [], value, _key_of(key, value))
        else:
            found[key] = value
    return found


def json_patch(target: Any, operations: list[dict[str, Any]]) -> Any:
    """RFC 6902. Raises PatchError."""
    document = copy.deepcopy(target)
    for operation in operations:
        kind, path = operation["op"], _parts(operation["path"])
        match kind:
            case "test":
                if _get(document, path) != operation["value"]:
                    raise PatchError(f"testing value {operation['path']} failed")
            case "add":
                document = _add(document, path, operation["value"])
            case "replace":
                _get(document, path)
                document = _add(_remove(document, path), path, operation["value"]) if path else operation["value"]
            case "remove":
                document = _remove(document, path)
            case "move" | "copy":
                source = _parts(operation["from"])
                value = copy.deepcopy(_get(document, source))
                document = _add(_remove(document, source) if kind == "move" else document, path, value)
            case _:
                raise PatchError(f"unexpected operation {kind}")
    return document


def _keyed(name: str, entries: list[Any]) -> bool:
    key = _key_of(name, entries)
    return bool(key) and all(isinstance(entry, dict) and (key in entry or "$patch" in entry) for entry in entries)


def _key_of(name: str, entries: list[Any]) -> str:
    """The ports of a Service have no containerPort; they merge by their port."""
    if name == "ports" and any(isinstance(entry, dict) and "containerPort" not in entry for entry in entries):
        return "port"
    return _KEYS.get(name, "")


def _merged_list(present: list[Any], entries: list[Any], key: str) -> list[Any]:
    if any(entry.get("$patch") == "replace" for entry in entries):
        return [entry for entry in entries if "$patch" not in entry]
    found = list(present)
    for entry in entries:
        at = next((i for i, old in enumerate(found) if old.get(key) == entry.get(key)), None)
        if entry.get("$patch") == "delete":
            if at is not None:
                del found[at]
        elif at is None:
            found.append(entry)
        else:
            found[at] = strategic_patch(found[at], entry)
    return found


def _parts(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _get(document: Any, path: list[str]) -> Any:
    for part in path:
        try:
            document = document[int(part)] if isinstance(document, list) else document[part]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise PatchError(f"nothing is at {'/'.join(path)}") from error
    return document


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _get(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        at = len(parent) if last == "-" else _index(last, len(parent))
        parent.insert(at, value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise PatchError(f"nothing can be added at {'/'.join(path)}")
    return document


def _remove(document: Any, path: list[str]) -> Any:
    _get(document, path)
    parent, last = _get(document, path[:-1]), path[-1]
    del parent[int(last) if isinstance(parent, list) else last]
    return document


def _index(text: str, limit: int) -> int:
    if not text.isdecimal() or int(text) > limit:
        raise PatchError(f"{text} is no index of the list")
    return int(text)
