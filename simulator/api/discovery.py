"""Discovery (both forms) and version: the part of the API that lists what exists."""

from __future__ import annotations

import sys
from typing import Any

from simulator.api.resources import Catalogue, Resource

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""The media type of aggregated discovery, which kubectl requests first."""

VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.0+simulator",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "python",
    "platform": sys.platform,
}


def document(catalogue: Catalogue, path: str, *, aggregated: bool, address: str) -> dict[str, Any] | None:
    """The document at a discovery path; None where there is none. `address` is where the server listens."""
    match path.strip("/").split("/"):
        case ["version"]:
            return VERSION
        case ["api" | "apis" as root] if aggregated:
            return _aggregated(catalogue, [("", "v1")] if root == "api" else catalogue.groups())
        case ["api"]:
            cidrs = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": cidrs}
        case ["apis"]:
            groups = [_group(group, version) for group, version in catalogue.groups()]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["apis", group]:
            found = [_group(g, v) for g, v in catalogue.groups() if g == group]
            return {"kind": "APIGroup", "apiVersion": "v1"} | found[0] if found else None
        case ["api", version]:
            return _resource_list(catalogue, "", version)
        case ["apis", group, version]:
            return _resource_list(catalogue, group, version)
    return None


def _group(group: str, version: str) -> dict[str, Any]:
    shown = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [shown], "preferredVersion": shown}


def _resource_list(catalogue: Catalogue, group: str, version: str) -> dict[str, Any] | None:
    resources: list[dict[str, Any]] = []
    for resource in catalogue.in_group(group, version):
        own = {"name": resource.plural, "singularName": resource.kind.lower(), "namespaced": resource.namespaced}
        resources.append(own | {"kind": resource.kind} | _verbs_and_names(resource))
        for sub in resource.subresources:
            shown = own | {"name": f"{resource.plural}/{sub.name}", "singularName": ""}
            if sub.kind:
                shown |= {"group": sub.group, "version": sub.version}
            resources.append(shown | {"kind": sub.kind or resource.kind, "verbs": [*sub.verbs]})
    if not resources:
        return None
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": resources,
    }


def _verbs_and_names(resource: Resource) -> dict[str, Any]:
    names = {"shortNames": [*resource.short_names], "categories": [*resource.categories]}
    return {"verbs": [*resource.verbs]} | {key: value for key, value in names.items() if value}


def _aggregated(catalogue: Catalogue, groups: list[tuple[str, str]]) -> dict[str, Any]:
    items = []
    for group, version in groups:
        resources = [_discovered(resource) for resource in catalogue.in_group(group, version)]
        versions = [{"version": version, "resources": resources, "freshness": "Current"}]
        items.append({"metadata": {"name": group} if group else {}, "versions": versions})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _discovered(resource: Resource) -> dict[str, Any]:
    shown = {
        "resource": resource.plural,
        "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.kind.lower(),
    } | _verbs_and_names(resource)
    subresources = [
        {
            "subresource": sub.name,
            "responseKind": {"group": sub.group, "version": sub.version, "kind": sub.kind or resource.kind},
            "verbs": [*sub.verbs],
        }
        for sub in resource.subresources
    ]
    return shown | ({"subresources": subresources} if subresources else {})
