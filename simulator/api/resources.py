"""The resources that the simulated API serves: the table in `data/resources.yaml`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simulator.api.columns import Column, columns
from simulator.data import document
from simulator.store import Key

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subresource:
    """A subresource; `kind` with its group and version where it is not the resource's own."""

    name: str
    verbs: tuple[str, ...] = ("get",)
    kind: str = ""
    group: str = ""
    version: str = ""


_SUBRESOURCES = {
    "log": Subresource("log"),
    "proxy": Subresource("proxy", ("create", "get")),
    "eviction": Subresource("eviction", ("create",), "Eviction", "policy", "v1"),
    "scale": Subresource("scale", ("get", "patch", "update"), "Scale", "autoscaling", "v1"),
    "status": Subresource("status", ("get", "patch", "update")),
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: its names, where its objects are kept, how they are selected and shown."""

    group: str
    version: str
    plural: str
    kind: str
    short_names: tuple[str, ...]
    namespaced: bool
    categories: tuple[str, ...]
    verbs: tuple[str, ...]
    subresources: tuple[Subresource, ...]
    selectable: tuple[str, ...]
    """The paths of field selectors."""
    columns: tuple[Column, ...]
    storage: str
    """The apiVersion under which the objects are stored; a second view of them has another."""
    custom: bool
    """Defined by a CustomResourceDefinition: the items of its lists include their kind, as single objects do."""
    zero: Obj
    maximum: int | None = None
    """The most replicas that the schema of a custom resource allows."""

    @property
    def api_version(self) -> str:
        """`v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def subresource(self, name: str) -> Subresource | None:
        """The subresource of this name."""
        return next((sub for sub in self.subresources if sub.name == name), None)

    def key(self, namespace: str, name: str) -> Key:
        """Return the key under which an object of this name is stored."""
        return (namespace if self.namespaced else "", name)

    def view(self, obj: Obj) -> Obj:
        """A stored object as this resource shows it."""
        return obj if self.storage == self.api_version else event_view(obj)


def resource(
    names: str,
    columns_: str = "Name, Age",
    *,
    fields: str = "",
    namespaced: bool = True,
    categories: str = "",
    verbs: str = "create delete get list patch update watch",
    subresources: str = "",
    stored_in: str = "",
    custom: bool = False,
    zero: Obj | None = None,
    maximum: int | None = None,
) -> Resource:
    """A resource as the table describes it."""
    api_version, plural, kind, *short_names = names.split()
    group, _, version = api_version.rpartition("/")
    return Resource(
        group,
        version,
        plural,
        kind,
        tuple(short_names),
        namespaced,
        tuple(categories.split()),
        tuple(verbs.split()),
        tuple(_SUBRESOURCES[name] for name in subresources.split()),
        ("metadata.name", "metadata.namespace", *fields.split()),
        columns(kind, columns_),
        stored_in or api_version,
        custom,
        zero or {},
        maximum,
    )


def event_view(event: Obj) -> Obj:
    """A core/v1 Event as events.k8s.io/v1 shows it: the same object with its fields renamed."""
    renamed = {
        "involvedObject": "regarding",
        "message": "note",
        "reportingComponent": "reportingController",
        "source": "deprecatedSource",
        "firstTimestamp": "deprecatedFirstTimestamp",
        "lastTimestamp": "deprecatedLastTimestamp",
        "count": "deprecatedCount",
    }
    # Fields that the core view writes empty and the other view omits.
    optional = {"reportingInstance", "firstTimestamp", "lastTimestamp"}
    view = {renamed.get(name, name): value for name, value in event.items() if value or name not in optional}
    return view | {"apiVersion": "events.k8s.io/v1"}


RESOURCES = tuple(
    resource(entry.pop("names"), entry.pop("columns", "Name, Age"), **entry) for entry in document("resources.yaml")
)


class Catalogue:
    """The resources by where a request finds them."""

    def __init__(self, resources: Sequence[Resource] = RESOURCES) -> None:
        self.resources = resources
        self._by_path = {(r.group, r.version, r.plural): r for r in resources}

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource served at a path."""
        return self._by_path.get((group, version, plural))

    def groups(self) -> list[tuple[str, str]]:
        """Every named group with its version, in order of the table."""
        return list(dict.fromkeys((r.group, r.version) for r in self.resources if r.group))

    def in_group(self, group: str, version: str) -> list[Resource]:
        """The resources of a group and version, by name."""
        found = [r for r in self.resources if (r.group, r.version) == (group, version)]
        return sorted(found, key=lambda r: r.plural)
