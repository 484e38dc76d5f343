"""Reads on demand: the requests on the wire, and their results."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import ForbiddenError, KubeError, NotFoundError
from fleet.sources.kube.reads import LINE_LIMIT, AccessReview, KubeReads
from tests.fleet.sources.kube.api import Api, Handler, Matcher, Object, reply, status


@pytest.fixture
async def reads(api: Api) -> AsyncIterator[KubeReads]:
    """Reads from the scripted server."""
    client = KubeClient(api.access())
    yield KubeReads(client)
    await client.close()


def at(path: str) -> Matcher:
    return lambda request: request.path == path


def text(*chunks: bytes) -> Handler:
    """A handler that sends text in the given chunks."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        return response

    return handle


@pytest.mark.parametrize(
    ("kind", "namespace", "path"),
    [
        ("Pod", "n", "/api/v1/namespaces/n/pods/x"),
        ("Node", "", "/api/v1/nodes/x"),
        ("Node", "n", "/api/v1/nodes/x"),
        ("Deployment", "n", "/apis/apps/v1/namespaces/n/deployments/x"),
        ("HorizontalPodAutoscaler", "n", "/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers/x"),
    ],
)
async def test_a_whole_object(api: Api, reads: KubeReads, kind: str, namespace: str, path: str) -> None:
    api.next(at(path), reply(200, {"kind": kind}))
    assert await reads.get_raw(kind, namespace, "x") == {"kind": kind}


async def test_an_object_of_a_kind_found_through_discovery(api: Api, reads: KubeReads) -> None:
    resource = {"resource": "inferenceservices", "responseKind": {"kind": "InferenceService"}, "scope": "Namespaced"}
    cluster_wide = {"resource": "runtimes", "responseKind": {"kind": "Runtime"}, "scope": "Cluster"}
    versions = [{"version": v, "resources": [resource, cluster_wide]} for v in ("v1beta1", "v1alpha1")]
    api.next(at("/apis"), reply(200, {"items": [{"metadata": {"name": "serving.kserve.io"}, "versions": versions}]}))
    path = "/apis/serving.kserve.io/v1beta1/namespaces/n/inferenceservices/x"
    api.next(at(path), reply(200, {"kind": "InferenceService"}), times=2)
    api.next(at("/apis/serving.kserve.io/v1beta1/runtimes/r"), reply(200, {"kind": "Runtime"}))
    for _ in range(2):
        assert (await reads.get_raw("InferenceService", "n", "x"))["kind"] == "InferenceService"
    assert (await reads.get_raw("Runtime", "n", "r"))["kind"] == "Runtime"
    discoveries = [asked for asked in api.requests if asked.path == "/apis"]
    assert len(discoveries) == 1
    assert "as=APIGroupDiscoveryList" in discoveries[0].headers["Accept"]


async def test_a_kind_that_is_not_there(api: Api, reads: KubeReads) -> None:
    api.next(at("/apis"), reply(200, {"items": []}))
    with pytest.raises(NotFoundError, match="no kind Unicorn"):
        await reads.get_raw("Unicorn", "n", "x")


async def test_secrets_are_refused_before_the_socket(api: Api, reads: KubeReads) -> None:
    with pytest.raises(ForbiddenError):
        await reads.get_raw("Secret", "n", "x")
    assert api.requests == []


async def test_a_name_cannot_leave_its_place_in_the_path(api: Api, reads: KubeReads) -> None:
    for name in ("../services/s?x=1", "..", "a/b", "a%2Fb"):
        with pytest.raises(KubeError):
            await reads.get_raw("Pod", "n", name)
    assert api.requests == [], "escaped it would still be read as two names by somebody on the way"


LOG = "/api/v1/namespaces/n/pods/p/log"


async def test_log_lines_across_chunks(api: Api, reads: KubeReads) -> None:
    api.next(at(LOG), text(b"one\ntw", b"o\n\nth\xc3", b"\xa9\n", b"last \xff"))
    lines = [line async for line in reads.logs("n", "p", "vllm", previous=True, tail_lines=5, limit_bytes=1000)]
    assert lines == ["one", "two", "", "th\u00e9", "last \ufffd"]
    assert api.requests[0].query == {"container": "vllm", "previous": "true", "tailLines": "5", "limitBytes": "1000"}


async def test_a_log_can_be_asked_for_with_times_and_since_when(api: Api, reads: KubeReads) -> None:
    api.next(at(LOG), text(b"2026-09-21T14:13:20.123456789Z one\n"))
    lines = [line async for line in reads.logs("n", "p", tail_lines=None, since_seconds=300, timestamps=True)]
    assert lines == ["2026-09-21T14:13:20.123456789Z one"]
    assert api.requests[0].query == {"sinceSeconds": "300", "timestamps": "true"}


async def test_following_a_log_gives_lines_as_they_come(api: Api, reads: KubeReads) -> None:
    api.next(at(LOG), text(b"first\n", b"second\n"))
    log = reads.logs("n", "p", follow=True)
    assert [line async for line in log] == ["first", "second"]
    assert api.requests[0].query == {"follow": "true", "tailLines": "1000"}


async def test_a_log_line_without_an_end_is_cut(api: Api, reads: KubeReads) -> None:
    api.next(at(LOG), text(*[b"x" * 30_000] * 10))
    lines = [line async for line in reads.logs("n", "p")]
    assert max(map(len, lines)) <= LINE_LIMIT
    assert "".join(lines) == "x" * 300_000


async def test_a_log_that_is_refused_says_why(api: Api, reads: KubeReads) -> None:
    message = "a container name must be specified for pod p, choose one of: [a b]"
    api.next(at(LOG), reply(400, status(400, "BadRequest", message)))
    with pytest.raises(KubeError, match="choose one of"):
        _ = [line async for line in reads.logs("n", "p")]


async def test_events_of_one_object_newest_first(api: Api, reads: KubeReads) -> None:
    def event(name: str, when: str) -> Object:
        return {"metadata": {"name": name, "namespace": "n"}, "lastTimestamp": when, "message": name}

    path = "/api/v1/namespaces/n/events"
    items = [event("old", "2026-01-01T00:00:00Z"), event("new", "2026-01-02T00:00:00Z")]
    api.next(at(path), reply(200, {"items": items}))
    assert [row.name for row in await reads.events_of("n", "the-uid")] == ["new", "old"]
    assert api.requests[0].query["fieldSelector"] == "involvedObject.uid=the-uid"


async def test_can_i(api: Api, reads: KubeReads) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    asked: list[Object] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(await request.json())
        allowed = asked[-1]["spec"]["resourceAttributes"]["verb"] == "patch"
        found = {"allowed": True, "reason": "RBAC: binding"} if allowed else {"allowed": False}
        return web.json_response({"status": found}, status=201)

    api.next(at(path), answer, times=2)
    assert await reads.can_i("patch", "deployments", "apps", "scale", "n") == AccessReview(True, "RBAC: binding")
    assert await reads.can_i("delete", "nodes") == AccessReview(False, "")
    assert asked[0]["spec"]["resourceAttributes"] == {
        "verb": "patch", "resource": "deployments", "group": "apps", "subresource": "scale", "namespace": "n",
    }  # fmt: skip
    assert asked[1]["spec"]["resourceAttributes"] == {"verb": "delete", "resource": "nodes"}
