"""OpenAPI v3, as far as kubectl reads it before it creates or applies: which kinds can be written, and who validates.

kubectl looks for the PATCH of a kind and its parameter ``fieldValidation``: a server that has it validates the fields
itself, and no schema is needed (k8s.io/cli-runtime, pkg/resource, QueryParamVerifierV3). No kind has a schema here, and
none is declared to accept strategic merge patches, for which kubectl would need one: it knows how to merge built-in
kinds.
"""

from __future__ import annotations

from typing import Any

from simulator.api.patches import APPLY, JSON_PATCH, MERGE
from simulator.api.resources import Catalogue, Resource

ROOT = "/openapi/v3"

_QUERY = {"fieldValidation": "string", "fieldManager": "string", "dryRun": "string", "force": "boolean"}
"""The parameters of every write, with their types; ``force`` only of a patch."""
_ACTIONS = {"post": ("create", "post"), "put": ("update", "put"), "patch": ("patch", "patch")}
"""HTTP method → the verb of a resource, and its name in OpenAPI."""


def document(catalogue: Catalogue, path: str) -> dict[str, Any] | None:
    """The document at a path; None where there is none."""
    if path.rstrip("/") == ROOT:
        roots = ["api/v1", *(f"apis/{group}/{version}" for group, version in catalogue.groups())]
        return {"paths": {root: {"serverRelativeURL": f"{ROOT}/{root}"} for root in roots}}
    match path.removeprefix(ROOT).strip("/").split("/"):
        case ["api", version]:
            return _of_group(catalogue, "", version)
        case ["apis", group, version]:
            return _of_group(catalogue, group, version)
    return None


def _of_group(catalogue: Catalogue, group: str, version: str) -> dict[str, Any] | None:
    resources = catalogue.in_group(group, version)
    if not resources:
        return None
    paths: dict[str, Any] = {}
    for resource in resources:
        collection = _path(resource)
        paths[collection] = _operations(resource, ("post",))
        paths[f"{collection}/{{name}}"] = _operations(resource, ("put", "patch"))
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.36.0+simulator"},
        "paths": {path: operations for path, operations in paths.items() if operations},
        "components": {"schemas": {}},
    }


def _path(resource: Resource) -> str:
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    place = "/namespaces/{namespace}" if resource.namespaced else ""
    return f"{root}{place}/{resource.plural}"


def _operations(resource: Resource, methods: tuple[str, ...]) -> dict[str, Any]:
    return {method: _operation(resource, method) for method in methods if _ACTIONS[method][0] in resource.verbs}


def _operation(resource: Resource, method: str) -> dict[str, Any]:
    media = (JSON_PATCH, MERGE, APPLY) if method == "patch" else ("application/json",)
    return {
        "parameters": [
            {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}
            for name, kind in _QUERY.items()
            if name != "force" or method == "patch"
        ],
        "requestBody": {"content": {kind: {"schema": {"type": "object"}} for kind in media}, "required": True},
        "responses": {"200": {"description": "OK"}, "401": {"description": "Unauthorized"}},
        "x-kubernetes-action": _ACTIONS[method][1],
        "x-kubernetes-group-version-kind": {
            "group": resource.group,
            "version": resource.version,
            "kind": resource.kind,
        },
    }
