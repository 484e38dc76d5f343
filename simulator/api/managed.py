"""metadata.managedFields: the last writer of each field, and conflicts of an apply."""

from __future__ import annotations

import copy
from typing import Any

from simulator.api import errors
from simulator.objects import timestamp

Obj = dict[str, Any]
Path = tuple[str, ...]


def paths_changed(old: Obj, new: Obj) -> set[Path]:
    """The fields of spec and of the metadata that people write which differ; a list is one field."""
    found: set[Path] = set()
    _compare(("spec",), old.get("spec") or {}, new.get("spec") or {}, found)
    for part in ("labels", "annotations"):
        before, after = (obj.get("metadata", {}).get(part) or {} for obj in (old, new))
        _compare(("metadata", part), before, after, found)
    return found


def paths_of(applied: Obj) -> set[Path]:
    """The fields that an applied document names."""
    return paths_changed({}, applied)


def written(old: Obj, new: Obj, manager: str, subresource: str, now: float) -> list[Obj]:
    """Return the managedFields after an ordinary write, whose author becomes the only owner of the changed fields."""
    changed = paths_changed(old, new)
    if not changed:
        return list(old.get("metadata", {}).get("managedFields") or [])
    return _owned(old, new, changed, manager, "Update", subresource, now)


def applied(old: Obj, new: Obj, wanted: set[Path], manager: str, subresource: str, now: float) -> list[Obj]:
    """The managedFields after a server-side apply."""
    return _owned(old, new, wanted, manager, "Apply", subresource, now)


def check_conflicts(old: Obj, new: Obj, wanted: set[Path], manager: str) -> None:
    """Raises ApiError 409 if an apply would change fields that another manager has written."""
    causes = []
    changed = paths_changed(old, new) & wanted
    for entry in old.get("metadata", {}).get("managedFields") or []:
        if entry["manager"] == manager and entry["operation"] == "Apply":
            continue
        sub = f' with subresource "{entry["subresource"]}"' if entry.get("subresource") else ""
        who = f'conflict with "{entry["manager"]}"{sub} using {entry["apiVersion"]}'
        causes += [
            {"reason": "FieldManagerConflict", "message": who, "field": "." + ".".join(path)}
            for path in sorted(changed & _tree_paths(entry["fieldsV1"]))
        ]
    if causes:
        raise errors.apply_conflict(causes)


def _owned(
    old: Obj, new: Obj, paths: set[Path], manager: str, operation: str, subresource: str, now: float
) -> list[Obj]:
    entries = []
    mine: set[Path] = set()
    for entry in copy.deepcopy(old.get("metadata", {}).get("managedFields") or []):
        same = (entry["manager"], entry["operation"], entry.get("subresource", "")) == (manager, operation, subresource)
        theirs = _tree_paths(entry["fieldsV1"])
        if same:
            # An apply is the manager's full intent; an update adds to its earlier writes.
            mine |= theirs if operation == "Update" else set()
            continue
        left = theirs - paths
        # Parts of an entry that are not modelled (f:status, k: of lists) stay as written.
        if theirs and not left:
            continue
        if theirs & paths:
            entry["fieldsV1"] = _tree(left)
        entries.append(entry)
    entry = {
        "manager": manager,
        "operation": operation,
        "apiVersion": new["apiVersion"],
        "time": timestamp(now),
        "fieldsType": "FieldsV1",
        "fieldsV1": _tree(mine | paths),
    }
    if subresource:
        entry["subresource"] = subresource
    return [*entries, entry]


def _compare(path: Path, old: Any, new: Any, found: set[Path]) -> None:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            _compare((*path, key), old.get(key), new.get(key), found)
    elif isinstance(new, dict) and new and old is None:
        for key, value in new.items():
            _compare((*path, key), None, value, found)
    elif old != new:
        found.add(path)


def _tree(paths: set[Path]) -> Obj:
    root: Obj = {}
    for path in sorted(paths):
        at = root
        for part in path:
            at = at.setdefault(f"f:{part}", {})
    return root


def _tree_paths(tree: Obj, path: Path = ()) -> set[Path]:
    """Return the leaves of fieldsV1; a path inside of a list counts as the list."""
    found: set[Path] = set()
    for key, inner in tree.items():
        if not key.startswith("f:"):
            if path:
                found.add(path)
            continue
        here = (*path, key[2:])
        found |= _tree_paths(inner, here) if inner else {here}
    return found
