"""The resources that a server reports, by kind and by the names that kubectl accepts for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Final, NamedTuple

from fleet.json_fields import Raw, mapping, mappings, text, texts
from fleet.net.bodies import limits
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import NotFoundError
from fleet.sources.kube.resources import object_path

_AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


class KnownResource(NamedTuple):
    """A resource that the server has, in the version that it prefers."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    is_listed: bool
    """True if its objects can be listed."""
    names: frozenset[str]
    """Names that kubectl takes for it, in lower case."""

    @property
    def qualified(self) -> str:
        """Name as in `kubectl auth can-i`: ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str, name: str = "") -> str:
        """The path of an object, or of the list where ``name`` is empty."""
        return object_path(self.group, self.version, self.plural, namespace if self.namespaced else "", name)


class ApiResources:
    """All resources of a server. Read once, and again for a name that was missing. Every method raises KubeError."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._known: tuple[KnownResource, ...] = ()

    async def of_kind(self, kind: str) -> KnownResource:
        """Raises NotFoundError for a kind that the server does not have."""
        if not any(known.kind == kind for known in self._known):
            await self._ask()
        for known in self._known:
            if known.kind == kind:
                return known
        raise NotFoundError(f"this server has no kind {kind}")

    async def named(self, name: str) -> KnownResource:
        """The resource that kubectl would take for a name: plural, singular, kind or short name, with or without group.

        Raises NotFoundError for none that can be listed.
        """
        found = self._among(name)
        if found is None:
            await self._ask()
            found = self._among(name)
        if found is None:
            raise NotFoundError(f"this server has no resource {name.lower()!r}")
        return found

    def _among(self, name: str) -> KnownResource | None:
        # Built-in kinds precede those added under the same name.
        return next((known for known in self._known if known.is_listed and name.lower() in known.names), None)

    async def _ask(self) -> None:
        self._known = tuple([known async for known in self._discovered()])

    async def _discovered(self) -> AsyncIterator[KnownResource]:
        for path in ("/api", "/apis"):
            try:
                answer = await self._client.get(path, accept=_AGGREGATED, limit=limits().kubernetes_list)
            except NotFoundError:
                continue
            document = answer.json()
            for group in mappings(document if isinstance(document, dict) else {}, "items"):
                for known in _resources(group):
                    yield known


def _resources(group: Raw) -> Iterator[KnownResource]:
    name, seen = text(mapping(group, "metadata"), "name"), set()
    # The server puts the version that it prefers first.
    for version in mappings(group, "versions"):
        for resource in mappings(version, "resources"):
            plural, kind = text(resource, "resource"), text(mapping(resource, "responseKind"), "kind")
            if plural in seen:
                continue
            seen.add(plural)
            own = {plural, text(resource, "singularResource"), kind, *texts(resource, "shortNames")} - {""}
            names = {one.lower() for one in own}
            names |= {f"{one}.{name}" for one in names} if name else set()
            yield KnownResource(
                name,
                text(version, "version"),
                plural,
                kind,
                resource.get("scope") != "Cluster",
                "list" in texts(resource, "verbs"),
                frozenset(names),
            )
