"""Access control: tokens, roles, refusals and the reviews that explain them."""

from __future__ import annotations

import pytest

from simulator.api import rbac
from tests.simulator.api_support import Client, pod, serving


async def allowed(client: Client, user: str, **wanted: str) -> bool:
    review = {"kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": wanted}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    status, body, _ = await client.send(path, user, method="POST", body=review)
    assert status == 201
    answer: bool = body["status"]["allowed"]
    return answer


@pytest.mark.parametrize(
    ("user", "path", "code"),
    [
        ("admin", "/api/v1/secrets", 200),
        ("admin", "/api/v1/pods", 200),
        ("oncall", "/api/v1/pods", 200),
        ("oncall", "/api/v1/namespaces/llm/pods/a/log", 200),
        ("oncall", "/api/v1/secrets", 403),
        ("oncall", "/api/v1/namespaces/llm/pods/a/proxy/metrics", 403),
        ("auditor", "/api/v1/pods", 200),
        ("auditor", "/api/v1/nodes", 200),
        ("auditor", "/apis/apps/v1/deployments", 200),
        ("auditor", "/api/v1/namespaces/llm/pods/a/log", 403),
        ("auditor", "/api/v1/namespaces/llm/configmaps", 403),
        ("auditor", "/apis/rbac.authorization.k8s.io/v1/clusterroles", 403),
        ("teamlead", "/api/v1/pods", 403),
        ("teamlead", "/api/v1/nodes", 403),
        ("teamlead", "/api/v1/namespaces/llm/pods", 200),
        ("teamlead", "/api/v1/namespaces/other/pods", 403),
        ("teamlead", "/version", 200),
        ("nobody", "/api/v1/namespaces/llm/pods", 403),
        ("nobody", "/apis", 200),
        ("", "/api/v1/pods", 403),
        ("", "/version", 200),
        ("", "/apis", 403),
        ("stranger", "/version", 401),
    ],
)
async def test_what_each_user_may_read(user: str, path: str, code: int) -> None:
    async with serving() as server:
        server.store.put(pod("a"))
        server.world.lines["llm", "a", False] = []
        status, body, _ = await server.client.send(path, user)
        assert status == code, body


async def test_a_refusal_names_user_verb_resource_and_place() -> None:
    async with serving() as server:
        _, body, _ = await server.client.send("/api/v1/namespaces/other/pods", "teamlead", watch="1")
        assert body["message"] == (
            'pods is forbidden: User "teamlead" cannot watch resource "pods" in API group "" in the namespace "other"'
        )
        _, body, _ = await server.client.send("/metrics", "nobody")
        assert body["message"] == 'forbidden: User "nobody" cannot get path "/metrics"'


async def test_reviews_agree_with_the_roles() -> None:
    async with serving() as server:
        scale = {"verb": "patch", "group": "apps", "resource": "deployments", "subresource": "scale"}
        assert await allowed(server.client, "oncall", namespace="llm", **scale)
        assert not await allowed(server.client, "auditor", namespace="llm", **scale)
        assert await allowed(server.client, "teamlead", namespace="llm", **scale)
        assert not await allowed(server.client, "teamlead", namespace="other", **scale)
        assert not await allowed(server.client, "oncall", verb="get", resource="pods", subresource="proxy")
        assert await allowed(server.client, "admin", verb="anything", group="any.group", resource="things")


async def test_the_rules_of_a_namespace_include_those_bound_there() -> None:
    async with serving() as server:
        path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        for namespace, there in (("llm", True), ("other", False)):
            review = {"kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
            _, body, _ = await server.client.send(path, "teamlead", method="POST", body=review)
            eviction = [r for r in body["status"]["resourceRules"] if "pods/eviction" in r["resources"]]
            assert bool(eviction) is there


async def test_a_binding_in_a_namespace_gives_no_paths() -> None:
    async with serving() as server:
        server.store.put(rbac.binding("owner", "cluster-admin", "User", "nobody", "llm"))
        path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        review = {"kind": "SelfSubjectRulesReview", "spec": {"namespace": "llm"}}
        _, body, _ = await server.client.send(path, "nobody", method="POST", body=review)
        assert {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]} in body["status"]["resourceRules"]
        assert not [r for r in body["status"]["nonResourceRules"] if "*" in r["nonResourceURLs"]]
        assert (await server.client.send("/_simulator/targets", "nobody"))[0] == 403


async def test_a_review_that_cannot_be_read_is_refused() -> None:
    async with serving() as server:
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        bodies: tuple[object, ...] = ([], {"kind": "Pod"}, {"spec": {}})
        for body in bodies:
            assert (await server.client.send(path, method="POST", body=body))[0] == 400


def field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value


async def test_reviews_in_protobuf_as_kubectl_sends_them() -> None:
    async with serving() as server:
        wanted = field(1, b"llm") + field(2, b"list") + field(3, b"") + field(5, b"pods")
        review = field(2, field(1, wanted))
        meta = field(1, b"authorization.k8s.io/v1") + field(2, b"SelfSubjectAccessReview")
        url = f"{server.client.base}/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        headers = {
            "Authorization": "Bearer token-of-teamlead",
            "Content-Type": "application/vnd.kubernetes.protobuf",
            "Accept": "application/vnd.kubernetes.protobuf,application/json",
        }
        whole = b"k8s\0" + field(1, meta) + field(2, review)
        async with server.client.session.post(url, data=whole, headers=headers) as response:
            answer = await response.json()
        assert response.status == 201
        expected = {"namespace": "llm", "verb": "list", "resource": "pods"}
        assert answer["spec"] == {"resourceAttributes": expected}
        assert answer["status"]["allowed"] is True
        for broken in (b"", b"k8s\0", whole[:-3], whole.replace(b"AccessReview", b"OtherReview!")):
            async with server.client.session.post(url, data=broken, headers=headers) as response:
                assert response.status == 400


def test_rules_with_names_and_wildcards() -> None:
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["*/status"], "resourceNames": ["a"]}
    asked = rbac.Attributes("get", resource="pods", subresource="status", name="a")
    assert rbac.covers(rule, asked)
    assert not rbac.covers(rule, rbac.Attributes("get", resource="pods", subresource="status", name="b"))
    assert not rbac.covers(rule, rbac.Attributes("get", resource="pods", name="a"))
    paths = {"verbs": ["get"], "nonResourceURLs": ["/api/*"]}
    assert rbac.covers(paths, rbac.Attributes("get", path="/api/v1"))
    assert not rbac.covers(paths, rbac.Attributes("get", path="/apis"))
