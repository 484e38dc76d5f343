"""Records of Helm: requested as metadata only, if that is allowed, and never otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from actions.audit.redaction import redacted
from fleet.guard import RefusedError, reads_helm_metadata, reads_only
from fleet.model.objects import ObjectRef
from fleet.sources.kube.client import METADATA, KubeClient
from fleet.sources.kube.kubeconfig import Access
from fleet.timeline.cluster.helm import HelmTimeline
from fleet.timeline.cluster.source import ClusterTimeline
from fleet.timeline.entry import Weight
from tests.fleet.timeline.history import DAY, deployment

CONTENT = "H4sIAAAAAAAC_the_whole_chart"


@dataclass
class Server:
    """An API server with the records of one release; ``allowed`` are the namespaces in which they may be listed."""

    allowed: frozenset[str]
    knows_metadata: bool = True
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    """(method, path with query, Accept)."""

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append((request.method, request.path_qs, request.headers.get("Accept", "")))
        if request.method == "POST":
            namespace = (await request.json())["spec"]["resourceAttributes"]["namespace"]
            return web.json_response({"status": {"allowed": namespace in self.allowed}}, status=201)
        if not self.knows_metadata:
            return web.json_response({"kind": "Status", "code": 406, "reason": "NotAcceptable"}, status=406)
        items = [record(number, state) for number, state in ((1, "superseded"), (2, "failed"), (3, "deployed"))]
        if request.headers.get("Accept") != METADATA:
            items = [item | {"data": {"release": CONTENT}} for item in items]
        return web.json_response({"kind": "PartialObjectMetadataList", "metadata": {}, "items": items})


def record(number: int, state: str) -> dict[str, Any]:
    labels = {"owner": "helm", "name": "chat", "version": str(number), "status": state}
    metadata = {"name": f"sh.helm.release.v1.chat.v{number}", "namespace": "serving", "labels": labels}
    return {"metadata": metadata | {"creationTimestamp": f"{DAY}0{number}:00:00Z"}}


@asynccontextmanager
async def client_of(server: Server) -> AsyncIterator[KubeClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    client = KubeClient(Access("c", "c", "", "", site.name, {"server": site.name}, {}))
    try:
        yield client
    finally:
        await client.close()
        await runner.cleanup()


async def test_each_revision_is_told_and_nothing_but_metadata_is_asked_for() -> None:
    server = Server(frozenset({""}))
    async with client_of(server) as client:
        timeline = await HelmTimeline(client).read(0.0)
    assert [(entry.what, entry.who, entry.weight) for entry in timeline.entries] == [
        ("release revision 1, superseded now", "Helm", Weight.PLAIN),
        ("release revision 2, failed now", "Helm", Weight.BAD),
        ("release revision 3, deployed now", "Helm", Weight.PLAIN),
    ]
    assert {entry.about for entry in timeline.entries} == {ObjectRef("Release", "serving", "chat")}
    assert "sh.helm.release.v1.chat.v3" in timeline.entries[2].evidence[0].where
    (review, listed) = server.seen
    assert review[0] == "POST"
    assert listed == ("GET", "/api/v1/secrets?labelSelector=owner%3Dhelm&limit=200", METADATA)
    assert CONTENT not in repr(timeline)


async def test_who_may_not_list_secrets_asks_for_none_and_is_told_of_no_gap() -> None:
    server = Server(frozenset())
    async with client_of(server) as client:
        timeline = await HelmTimeline(client, fallback=["serving", "default"]).read(0.0)
    assert (timeline.entries, timeline.gaps) == ((), ())
    assert {method for method, _, _ in server.seen} == {"POST"}


async def test_where_one_namespace_is_permitted_that_one_is_looked_in() -> None:
    server = Server(frozenset({"serving"}))
    async with client_of(server) as client:
        timeline = await HelmTimeline(client, fallback=["default", "serving"]).read(0.0)
    assert len(timeline.entries) == 3
    assert [path for method, path, _ in server.seen if method == "GET"] == [
        "/api/v1/namespaces/serving/secrets?labelSelector=owner%3Dhelm&limit=200"
    ]


async def test_a_server_that_has_no_such_form_is_asked_for_no_other() -> None:
    server = Server(frozenset({""}), knows_metadata=False)
    async with client_of(server) as client:
        timeline = await HelmTimeline(client).read(0.0)
    assert timeline.entries == ()
    assert [gap.what for gap in timeline.gaps] == ["releases of Helm"]
    assert [accept for method, _, accept in server.seen if method == "GET"] == [METADATA]


async def test_the_objects_of_a_release_belong_to_it() -> None:
    raw = deployment()
    raw["metadata"]["annotations"] = {"meta.helm.sh/release-name": "chat", "meta.helm.sh/release-namespace": "apps"}

    class Deployments(Server):
        async def answer(self, request: web.Request) -> web.Response:
            items = [raw] if request.path.endswith("/deployments") else []
            return web.json_response({"kind": "List", "metadata": {}, "items": items})

    async with client_of(Deployments(frozenset())) as client:
        timeline = await ClusterTimeline(client, redacted).read(0.0)
    assert ObjectRef("Release", "apps", "chat") in timeline.kin.of(ObjectRef("Deployment", "serving", "chat"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/secrets?labelSelector=owner%3Dother"),
        ("GET", "/api/v1/namespaces/serving/secrets/sh.helm.release.v1.chat.v3?labelSelector=owner%3Dhelm"),
        ("DELETE", "/api/v1/secrets?labelSelector=owner%3Dhelm"),
        ("GET", "/api/v1/pods?labelSelector=owner%3Dhelm"),
        ("GET", "/api/v1/watch/secrets?labelSelector=owner%3Dhelm"),
    ],
)
def test_its_door_leads_nowhere_else(method: str, path: str) -> None:
    with pytest.raises(RefusedError):
        reads_helm_metadata(method, f"https://kube.example.com{path}")


def test_in_any_other_form_the_list_is_refused() -> None:
    with pytest.raises(RefusedError, match="never read"):
        reads_only("GET", "https://kube.example.com/api/v1/secrets?labelSelector=owner%3Dhelm")
