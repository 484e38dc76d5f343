"""Helm: every stored revision of a release, by the metadata of its records alone.

The records are Secrets, and contain the whole chart. Even their names are visible only to users who may list Secrets,
so the permission is checked first, and then only metadata is requested. No role of this project includes it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from fleet.json_fields import Raw, mapping, mappings, moment, text
from fleet.model.objects import ObjectRef
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import ClusterError
from fleet.sources.kube.resources import object_path
from fleet.timeline.cluster.witness import ref_of, stamped
from fleet.timeline.cluster.writes import HELM_KIND
from fleet.timeline.entry import WHOLE_SECONDS, Entry, EntryKind, Weight
from fleet.timeline.kinship import Kinship
from fleet.timeline.source import Gap, SourceTimeline

_REVIEW: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_PAGE: Final = "200"
_LOST: Final = "releases of Helm"
_WEIGHTS: Final = {"failed": Weight.BAD}
"""Weights of the states in which Helm leaves a revision; all others are plain."""


class HelmTimeline:
    """A TimelineSource. ``namespace`` is the one to search, empty for all; ``fallback`` if that is not permitted."""

    name = "Helm"

    def __init__(self, client: KubeClient, *, namespace: str = "", fallback: Sequence[str] = ()) -> None:
        self._client = client
        self._namespace = namespace
        self._fallback = tuple(dict.fromkeys(fallback))

    async def read(self, since: float) -> SourceTimeline:
        """Return the visible revisions; having no permission is the rule, and is not reported."""
        del since
        entries: list[Entry] = []
        try:
            for namespace in await self._permitted():
                async for items in self._pages(namespace):
                    entries += _entries(items)
        except ClusterError as error:
            return SourceTimeline(tuple(entries), Kinship(), (Gap(_LOST, error.message, error.remedy),))
        return SourceTimeline(tuple(entries), Kinship())

    async def _permitted(self) -> tuple[str, ...]:
        """Return the namespaces in which Secrets may be listed; the empty one for all."""
        if await self._may_list(self._namespace):
            return (self._namespace,)
        if self._namespace:
            return ()
        return tuple([each for each in self._fallback if await self._may_list(each)])

    async def _may_list(self, namespace: str) -> bool:
        wanted = {"verb": "list", "resource": "secrets", "version": "v1", "namespace": namespace}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": wanted},
        }
        answer = await self._client.review(_REVIEW, body)
        return mapping(answer if isinstance(answer, dict) else {}, "status").get("allowed") is True

    async def _pages(self, namespace: str) -> AsyncIterator[list[Raw]]:
        query = {"labelSelector": "owner=helm", "limit": _PAGE}
        while True:
            document = (await self._client.helm_metadata(object_path("", "v1", "secrets", namespace), query)).json()
            document = document if isinstance(document, dict) else {}
            yield mappings(document, "items")
            token = text(mapping(document, "metadata"), "continue")
            if not token or token == query.get("continue"):
                return
            query["continue"] = token


def _entries(items: Sequence[Raw]) -> Iterator[Entry]:
    for raw in items:
        labels, created = (
            mapping(mapping(raw, "metadata"), "labels"),
            moment(mapping(raw, "metadata"), "creationTimestamp"),
        )
        name, version, state = (text(labels, key) for key in ("name", "version", "status"))
        if created is not None and name:
            secret = ref_of(raw, "Secret")
            yield Entry(
                created,
                WHOLE_SECONDS,
                EntryKind.CHANGE,
                f"release revision {version or '?'}" + (f", {state} now" if state else ""),
                ObjectRef(HELM_KIND, secret.namespace, name),
                (stamped(raw, secret),),
                who="Helm",
                weight=_WEIGHTS.get(state, Weight.PLAIN),
            )
