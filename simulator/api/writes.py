"""Create, update, patch and delete: the request becomes an object, is validated, and is stored (except in a dry
run).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import yaml

from simulator.api import errors, managed, patches
from simulator.api.requests import Target
from simulator.api.resources import Resource
from simulator.api.validation import unknown_fields, validate, validate_scale
from simulator.defaults import defaulted
from simulator.interfaces import World
from simulator.store import Entry, Store

Obj = dict[str, Any]

_KEPT = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
"""Metadata that no client can change."""
_PATCHES = (patches.JSON_PATCH, patches.MERGE, patches.STRATEGIC, patches.APPLY)


@dataclass(frozen=True, slots=True)
class Options:
    """Query parameters of a write."""

    manager: str
    dry_run: bool
    validation: str
    """Strict, Warn or Ignore."""
    force: bool

    @classmethod
    def parse(cls, query: Mapping[str, str], user_agent: str) -> Options:
        """The options of a request; without a manager it is the first word of the User-Agent."""
        return cls(
            query.get("fieldManager") or user_agent.partition("/")[0] or "unknown",
            query.get("dryRun") == "All",
            query.get("fieldValidation") or "Warn",
            query.get("force") == "true",
        )


@dataclass(frozen=True, slots=True)
class Written:
    """The answer to a write: the object as it is now, or would be."""

    obj: Obj
    created: bool = False
    warnings: tuple[str, ...] = ()


class Writes:
    """Writes over the store; pods belong to the world, which has them alive."""

    def __init__(self, store: Store, world: World) -> None:
        self._store = store
        self._world = world

    def create(self, resource: Resource, namespace: str, obj: Obj, options: Options) -> Written:
        """POST of a whole object. Raises ApiError 409 for a name that is taken, 422."""
        warnings = _check_fields(resource.kind, obj, options)
        metadata = dict(obj.get("metadata") or {})
        version = self._store.version
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = f"{metadata['generateName']}{version:x}"
        if resource.namespaced:
            metadata["namespace"] = namespace
        name = metadata.get("name", "")
        if not name:
            problem = ("metadata.name", "Required value: name or generateName is required")
            raise errors.invalid(resource.kind, resource.group, "", [problem])
        if self._entry(resource, namespace, name) is not None:
            raise errors.already_exists(resource.plural, resource.group, name)
        for field in ("resourceVersion", "uid", "managedFields"):
            metadata.pop(field, None)
        new = {**obj, "apiVersion": resource.storage, "kind": resource.kind, "metadata": metadata}
        if "spec" in new:
            metadata["generation"] = 1
        metadata["managedFields"] = managed.written({}, new, options.manager, "", self._world.now)
        validate(resource, None, new)
        return Written(self._keep(resource, new, options), created=True, warnings=warnings)

    def update(self, resource: Resource, target: Target, obj: Obj, options: Options) -> Written:
        """PUT of a whole object. Raises ApiError 404, 409, 422."""
        warnings = _check_fields(resource.kind, obj, options)
        old = self._find(resource, target).obj
        return Written(self._replace(resource, old, obj, options, target.subresource), warnings=warnings)

    def patch(self, resource: Resource, target: Target, body: bytes, media: str, options: Options) -> Written:
        """PATCH of any of the kinds; an apply also creates. Raises ApiError 400, 404, 409, 415, 422."""
        if media not in _PATCHES:
            raise errors.unsupported_media_type()
        if resource.custom and media == patches.STRATEGIC:
            raise errors.unsupported_media_type(", ".join(p for p in _PATCHES if p != patches.STRATEGIC))
        given = _decoded(body, media)
        entry = self._entry(resource, target.namespace, target.name)
        if media == patches.APPLY:
            return self._apply(resource, target, entry.obj if entry else None, given, options)
        old = self._find(resource, target).obj
        warnings = _check_fields(resource.kind, given, options)
        new = _patched(old, given, media)
        return Written(self._replace(resource, old, new, options, target.subresource), warnings=warnings)

    def scale(self, resource: Resource, target: Target, body: bytes, media: str, options: Options) -> Written:
        """PUT or a patch of the scale subresource; the answer is the whole object. Raises ApiError as patch does."""
        old = self._find(resource, target).obj
        replicas = old["spec"].get("replicas", 1)
        now: Obj = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "spec": {"replicas": replicas}}
        if media == "application/json":
            wanted = _decoded(body, media)
        elif resource.custom and media == patches.STRATEGIC:
            raise errors.unsupported_media_type(", ".join(p for p in _PATCHES if p != patches.STRATEGIC))
        elif media in _PATCHES:
            given = _decoded(body, media)
            _check_fields("Scale", given, options)
            wanted = patches.merge_patch(now, given) if media == patches.APPLY else _patched(now, given, media)
        else:
            raise errors.unsupported_media_type()
        count = validate_scale((wanted.get("spec") or {}).get("replicas", 0), target.name)
        version = (wanted.get("metadata") or {}).get("resourceVersion")
        new = {**old, "spec": {**old["spec"], "replicas": count}}
        new["metadata"] = {**old["metadata"], "resourceVersion": version or old["metadata"]["resourceVersion"]}
        if media == patches.APPLY and not options.force:
            managed.check_conflicts(old, new, {("spec", "replicas")}, options.manager)
        return Written(self._replace(resource, old, new, options, "scale"))

    def delete(self, resource: Resource, target: Target, given: Obj, options: Options) -> Obj:
        """DELETE: a pod ends within its grace period, everything else is gone at once. Raises ApiError 404, 409."""
        entry = self._find(resource, target)
        check_preconditions(given.get("preconditions") or {}, entry.obj)
        dry = options.dry_run or "All" in _listed(given.get("dryRun"))
        if resource.kind == "Pod":
            if not dry:
                grace = given.get("gracePeriodSeconds")
                self._world.delete_pod(target.namespace, target.name, grace=grace, reason="")
            after = self._entry(resource, target.namespace, target.name)
            return (after or entry).obj
        if not dry:
            self._store.delete(resource.storage, resource.kind, *resource.key(target.namespace, target.name))
        details = {"name": target.name, "kind": resource.plural, "uid": entry.obj["metadata"]["uid"]}
        if resource.group:
            details["group"] = resource.group
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    def _apply(self, resource: Resource, target: Target, old: Obj | None, given: Obj, options: Options) -> Written:
        wanted = managed.paths_of(given)
        if old is None:
            return self.create(resource, target.namespace, given, options)
        new = patches.merge_patch(old, given) if resource.custom else patches.strategic_patch(old, given)
        if not options.force:
            managed.check_conflicts(old, new, wanted, options.manager)
        return Written(self._replace(resource, old, new, options, target.subresource, applied=wanted))

    def _replace(
        self,
        resource: Resource,
        old: Obj,
        new: Obj,
        options: Options,
        subresource: str,
        *,
        applied: set[managed.Path] | None = None,
    ) -> Obj:
        metadata = dict(new.get("metadata") or {})
        name = old["metadata"]["name"]
        if metadata.get("resourceVersion") not in (None, "", old["metadata"]["resourceVersion"]):
            raise errors.conflict(resource.plural, resource.group, name)
        check_uid = metadata.get("uid")
        if check_uid not in (None, "", old["metadata"].get("uid")):
            text = (
                f"Precondition failed: UID in precondition: {check_uid}, UID in object meta: {old['metadata']['uid']}"
            )
            raise errors.ApiError(
                409, "Conflict", f'Operation cannot be fulfilled on {resource.plural} "{name}": {text}'
            )
        for field in (*_KEPT, "managedFields", "resourceVersion"):
            metadata.pop(field, None)
            if field in old["metadata"]:
                metadata[field] = old["metadata"][field]
        new = {**new, "apiVersion": old["apiVersion"], "kind": old["kind"], "metadata": metadata}
        if subresource == "status":
            new = {**old, "status": new.get("status", {})}
        elif "status" in old:
            # The status belongs to the controllers: a client's is dropped.
            new["status"] = old["status"]
        validate(resource, old, new)
        if new.get("spec") != old.get("spec") and "generation" in metadata:
            metadata["generation"] = metadata["generation"] + 1
        # Effects of a write are dated after it: the fleet may be a step behind its clock.
        now = self._world.now
        if applied is not None:
            fields = managed.applied(old, new, applied, options.manager, subresource, now)
        else:
            fields = managed.written(old, new, options.manager, subresource, now)
        if new != old:
            metadata["managedFields"] = fields
        return self._keep(resource, new, options)

    def _keep(self, resource: Resource, new: Obj, options: Options) -> Obj:
        if options.dry_run:
            return defaulted(new)
        metadata = new["metadata"]
        place = (metadata.get("namespace", ""), metadata["name"])
        if resource.kind == "Pod" and self._store.get(resource.storage, "Pod", *place) is not None:
            self._world.patch_pod(*place, new)
        else:
            self._world.write(new)
        return self._store.get(resource.storage, resource.kind, *resource.key(*place)) or new

    def _entry(self, resource: Resource, namespace: str, name: str) -> Entry | None:
        return self._store.table(resource.storage, resource.kind).entries.get(resource.key(namespace, name))

    def _find(self, resource: Resource, target: Target) -> Entry:
        entry = self._entry(resource, target.namespace, target.name)
        if entry is None:
            raise errors.not_found(resource.plural, resource.group, target.name)
        return entry


def check_preconditions(wanted: Obj, obj: Obj) -> None:
    """Raises ApiError 409 for a uid or resourceVersion that is not the object's."""
    metadata, kind = obj["metadata"], obj["kind"]
    if wanted.get("uid") not in (None, "", metadata["uid"]):
        raise errors.precondition(
            kind, metadata["name"], "UID", wanted["uid"], metadata["uid"], "deleted and then recreated"
        )
    if wanted.get("resourceVersion") not in (None, "", metadata["resourceVersion"]):
        asked, found = wanted["resourceVersion"], metadata["resourceVersion"]
        raise errors.precondition(kind, metadata["name"], "ResourceVersion", asked, found, "modified")


def _patched(old: Obj, given: Any, media: str) -> Obj:
    try:
        match media:
            case patches.JSON_PATCH:
                found = patches.json_patch(old, given)
            case patches.STRATEGIC:
                found = patches.strategic_patch(old, given)
            case _:
                found = patches.merge_patch(old, given)
    except (patches.PatchError, KeyError, TypeError, AttributeError) as error:
        raise errors.patch_refused() from error
    result: Obj = found
    return result


def _decoded(body: bytes, media: str) -> Any:
    try:
        return yaml.safe_load(body) if media == patches.APPLY else orjson.loads(body)
    except (yaml.YAMLError, orjson.JSONDecodeError) as error:
        text = "unexpected end of JSON input" if "end of" in str(error) or "EOF" in str(error) else str(error)
        raise errors.bad_request(f"error decoding patch: {text}") from None


def _check_fields(kind: str, sent: Any, options: Options) -> tuple[str, ...]:
    """The warnings about unknown fields. Raises ApiError 422 where the request asks to be strict."""
    unknown = unknown_fields(kind, sent)
    if not unknown or options.validation == "Ignore":
        return ()
    if options.validation == "Strict":
        text = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise errors.invalid("", "", "", [("patch", f"Invalid value: strict decoding error: {text}")])
    return tuple(f'unknown field "{path}"' for path in unknown)


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []
