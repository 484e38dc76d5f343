"""Reads on request: one whole object, logs, an object's events, a permission."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, NamedTuple

from fleet.json_fields import mapping, mappings, text
from fleet.model.objects import Event
from fleet.net.bodies import limits
from fleet.sources.kube.client import ANY, KubeClient
from fleet.sources.kube.errors import ForbiddenError, KubeError
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.events import project_event
from fleet.sources.kube.resources import EVENTS, all_resources, object_path
from fleet.sources.kube.responses import decode

if TYPE_CHECKING:
    from fleet.sources.kube.api_resources import ApiResources
    from fleet.sources.kube.listings import Listings

_ACCESS_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

LINE_LIMIT = 64 * 1024
"""Characters of one log line; longer ones are cut into pieces."""


class AccessReview(NamedTuple):
    """The answer of the server to `kubectl auth can-i`."""

    allowed: bool
    reason: str
    """The binding that allows it, or why the server could not decide; often empty when denied."""


class KubeReads:
    """Reads on demand, through the client of a source. Every method raises ClusterError."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._listings: Listings | None = None
        self._resources: ApiResources | None = None

    @property
    def listings(self) -> Listings:
        """Tables of any resource, created on first use: most users need none."""
        if self._listings is None:
            from fleet.sources.kube.listings import Listings

            self._listings = Listings(self._client, self.resources)
        return self._listings

    @property
    def resources(self) -> ApiResources:
        """The resources of the server, read on first use: watched resources do not need them."""
        if self._resources is None:
            from fleet.sources.kube.api_resources import ApiResources

            self._resources = ApiResources(self._client)
        return self._resources

    async def get_raw(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """The whole object, as the server has it; kinds outside the console's own are found through discovery.

        Raises ForbiddenError for a Secret without asking the server (no screen shows one), and KubeError.
        """
        path = await self.path_of(kind, namespace, name)
        document = (await self._client.get(path)).json()
        if not isinstance(document, dict):
            raise KubeError(f"the server's answer for {kind} {name} is not an object")
        return document

    async def list_raw(self, kind: str, namespace: str, selector: str = "", fields: str = "") -> list[dict[str, Any]]:
        """Return the whole objects of a kind in a namespace (empty: all), by label and field selector, in one request.

        For the few objects that a plan reads; the fleet itself is watched. Each has its kind and apiVersion.
        """
        query = {key: value for key, value in (("labelSelector", selector), ("fieldSelector", fields)) if value}
        path = await self.path_of(kind, namespace, "")
        document = (await self._client.get(path, query, limit=limits().kubernetes_list)).json()
        if not isinstance(document, dict):
            raise KubeError(f"the server's answer for the list of {kind} is not an object")
        version = text(document, "apiVersion")
        return [{"kind": kind, "apiVersion": version, **raw} for raw in mappings(document, "items")]

    async def path_of(self, kind: str, namespace: str, name: str) -> str:
        """The path of an object, or of its kind's list where ``name`` is empty.

        Raises :class:`ForbiddenError` for a Secret without asking the server: no screen shows one.
        """
        if kind == "Secret":
            raise ForbiddenError(
                "secrets are never read", reason="Secret", remedy="Use kubectl if you really need them."
            )
        for resource in all_resources():
            if resource.kind == kind:
                return resource.path(namespace, name)
        if kind == "EndpointSlice":
            # Not watched, and read by drains, which need no discovery for them.
            return object_path("discovery.k8s.io", "v1", "endpointslices", namespace, name)
        return (await self.resources.of_kind(kind)).path(namespace, name)

    async def namespaces(self) -> tuple[str, ...]:
        """The names of all namespaces, sorted. Raises ForbiddenError where this identity may not list them."""
        answer = await self._client.get("/api/v1/namespaces", limit=limits().kubernetes_list)
        listed = (text(mapping(raw, "metadata"), "name") for raw in mappings(answer.json(), "items"))
        return tuple(sorted(filter(None, listed)))

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str = "",
        *,
        follow: bool = False,
        previous: bool = False,
        tail_lines: int | None = 1000,
        since_seconds: int | None = None,
        limit_bytes: int | None = None,
        timestamps: bool = False,
    ) -> AsyncIterator[str]:
        """Yield the lines of a container's log, without newlines; with ``follow``, as they come.

        The text is the container's own: control characters are still in it. Bound the request with ``tail_lines``,
        ``since_seconds`` and ``limit_bytes``. With ``timestamps`` each line begins with the time at which it was
        written (RFC 3339) and a blank.
        """
        query = {
            key: value
            for key, value in (
                ("container", container),
                ("follow", "true" if follow else ""),
                ("previous", "true" if previous else ""),
                ("tailLines", "" if tail_lines is None else str(tail_lines)),
                ("sinceSeconds", "" if since_seconds is None else str(since_seconds)),
                ("timestamps", "true" if timestamps else ""),
                ("limitBytes", "" if limit_bytes is None else str(limit_bytes)),
            )
            if value
        }
        path = object_path("", "v1", "pods", namespace, pod) + "/log"
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        rest = ""
        async with self._client.stream(path, query, accept=ANY) as chunks:
            async for chunk in chunks:
                *lines, rest = (rest + decoder.decode(chunk)).split("\n")
                for line in lines:
                    yield line
                while len(rest) > LINE_LIMIT:
                    piece, rest = rest[:LINE_LIMIT], rest[LINE_LIMIT:]
                    yield piece
        if rest:
            yield rest

    async def events_of(self, namespace: str, uid: str) -> tuple[Event, ...]:
        """The events of one object, newest first; by uid, because names are used again."""
        query = {"fieldSelector": f"involvedObject.uid={uid}", "limit": "500"}
        document = decode((await self._client.get(EVENTS.path(namespace), query, limit=limits().kubernetes_list)).body)
        interner = Interner()
        rows = [
            project_event(raw, interner) for raw in mappings(document if isinstance(document, dict) else {}, "items")
        ]
        return tuple(sorted(rows, key=lambda event: event.last, reverse=True))

    async def can_i(
        self, verb: str, resource: str, group: str = "", subresource: str = "", namespace: str = ""
    ) -> AccessReview:
        """Return whether the user may do something; an empty namespace means all of them."""
        attributes = {
            "verb": verb,
            "resource": resource,
            "group": group,
            "subresource": subresource,
            "namespace": namespace,
        }
        review = await self._client.review(
            _ACCESS_REVIEW,
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
            },
        )
        status = mapping(review, "status") if isinstance(review, dict) else {}
        return AccessReview(status.get("allowed") is True, text(status, "reason") or text(status, "evaluationError"))
