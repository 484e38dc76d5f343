"""Objects that lead to Services are listed if they exist and may be listed; objects that they name are never read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest

from fleet.model.objects import Condition
from fleet.model.problem import NothingToAskError, SourceProblem
from fleet.model.routes import AllowedPorts, Backend, Requirement, Routing, Unlisted
from fleet.net.bodies import Limit
from fleet.sources.kube.client import JSON, KubeClient
from fleet.sources.kube.errors import ForbiddenError, KubeError, NotFoundError
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.routes import (
    project_certificate,
    project_gateway,
    project_http_route,
    project_ingress,
    project_network_policy,
    project_pool,
)
from fleet.sources.kube.project.services import project_service
from fleet.sources.kube.responses import Response
from fleet.sources.kube.routing import ASKED_AGAIN, RoutingSource

INGRESSES = "/apis/networking.k8s.io/v1/ingresses"
CUSTOM = ("/apis/gateway.networking.k8s.io/v1", "/apis/inference.networking.k8s.io/v1", "/apis/cert-manager.io/v1")


def raw(kind: str, name: str = "chat", **parts: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "serving"}, **parts}


INGRESS = raw(
    "Ingress",
    spec={
        "tls": [{"hosts": ["chat.example.com"], "secretName": "chat-tls"}, {"hosts": ["of the controller"]}],
        "defaultBackend": {"service": {"name": "chat", "port": {"name": "http"}}},
        "rules": [
            {"http": {"paths": [{"backend": {"service": {"name": "chat", "port": {"number": 8000}}}}]}},
            {"http": {"paths": [{"backend": {"resource": {"kind": "StorageBucket", "name": "static"}}}]}},
            {"host": "nothing.example.com"},
        ],
    },
)


class Server(KubeClient):
    """A server that has these lists; it says no where it is told to."""

    def __init__(self, lists: Mapping[str, list[Any]], refused: Mapping[str, KubeError] | None = None) -> None:
        self.lists, self.refused = lists, dict(refused or {})
        self.asked: list[str] = []
        self.requests = 0

    async def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        accept: str = JSON,
        timeout: float = 60.0,  # noqa: ASYNC109 -- as the client has it
        limit: Limit | None = None,
    ) -> Response:
        del query, accept, timeout, limit
        self.asked.append(path)
        self.requests += 1
        if path in self.refused:
            raise self.refused[path]
        document = {"metadata": {"resourceVersion": "7"}, "items": self.lists.get(path, [])}
        return Response(200, orjson.dumps(document), JSON)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def source(server: Server, *namespaces: str) -> tuple[RoutingSource, Clock]:
    found = RoutingSource(server, lambda: namespaces)
    found._clock = clock = Clock()
    return found, clock


async def test_all_that_is_there_is_listed_and_no_secret_is_read() -> None:
    server = Server({INGRESSES: [INGRESS]})
    found, _ = source(server, "serving")
    routing = await found.ask()
    assert [one.key for one in routing.routes] == ["serving/Ingress/chat"]
    assert routing.routes[0].secrets == ("serving/chat-tls",)
    assert (found.notes, found.requests) == ((), 9)
    assert not [path for path in server.asked if "secret" in path.lower()]


async def test_what_the_server_does_not_have_is_looked_for_again_after_minutes() -> None:
    server = Server({}, {path: NotFoundError("no such group", status=404) for path in CUSTOM})
    found, clock = source(server, "serving")
    assert await found.ask() == Routing()
    assert found.notes == ()
    before = len(server.asked)
    await found.ask()
    assert server.asked[before:] == [INGRESSES, "/apis/networking.k8s.io/v1/networkpolicies"]
    clock.now += ASKED_AGAIN + 1
    server.refused = {}
    await found.ask()
    assert "/apis/cert-manager.io/v1/certificates" in server.asked


async def test_a_resource_that_its_group_does_not_have_is_looked_for_again_after_minutes() -> None:
    routes = "/apis/gateway.networking.k8s.io/v1/httproutes"
    server = Server({}, {routes: NotFoundError("the server could not find it", status=404)})
    found, clock = source(server, "serving")
    await found.ask()
    before = len(server.asked)
    await found.ask()
    again = server.asked[before:]
    assert routes not in again
    assert CUSTOM[0] not in again
    assert "/apis/gateway.networking.k8s.io/v1/gateways" in again
    clock.now += ASKED_AGAIN + 1
    await found.ask()
    assert server.asked.count(routes) == 2


async def test_where_all_at_once_is_forbidden_the_namespaces_of_engines_are_listed_and_the_rest_is_a_note() -> None:
    denied = ForbiddenError("no", status=403)
    of = "/apis/networking.k8s.io/v1/namespaces/{}/ingresses"
    server = Server(
        {of.format("serving"): [INGRESS]},
        {INGRESSES: denied, of.format("batch"): denied}
        | {path: NotFoundError("no such group", status=404) for path in CUSTOM},
    )
    found, _ = source(server, "serving", "batch")
    routing = await found.ask()
    assert [one.key for one in routing.routes] == ["serving/Ingress/chat"]
    assert routing.unlisted == (Unlisted("ingresses.networking.k8s.io", "batch"),)
    assert found.notes == ("may not be listed, so not known: ingresses.networking.k8s.io",)
    before = len(server.asked)
    assert await found.ask() == routing
    assert INGRESSES not in server.asked[before:]
    assert of.format("batch") not in server.asked[before:]


async def test_a_server_that_is_away_is_a_trouble_and_a_fleet_without_engines_asks_nobody() -> None:
    server = Server({}, {INGRESSES: KubeError("away")})
    with pytest.raises(SourceProblem, match="away"):
        await source(server, "serving")[0].ask()
    nobody, _ = source(server)
    server.asked.clear()
    with pytest.raises(NothingToAskError):
        await nobody.ask()
    assert server.asked == []


def test_an_ingress_has_its_backends_by_number_and_by_name() -> None:
    row = project_ingress(INGRESS, Interner())
    assert row.backends == (
        Backend("Service", "serving", "chat", "http"),
        Backend("Service", "serving", "chat", "8000"),
    )


def test_an_http_route_has_shares_and_what_its_controllers_say_against_it() -> None:
    no = {"type": "ResolvedRefs", "status": "False", "reason": "BackendNotFound", "message": "chat-v2"}
    row = project_http_route(
        raw(
            "HTTPRoute",
            spec={
                "parentRefs": [{"name": "public", "namespace": "edge"}, {"kind": "Service", "name": "mesh"}],
                "rules": [
                    {"backendRefs": [{"name": "chat", "port": 80, "weight": 3}, {"name": "chat-v2", "weight": 1}]},
                    {"backendRefs": [{"kind": "InferencePool", "name": "pool"}, {"name": "off", "weight": 0}]},
                    {"filters": [{"type": "RequestRedirect"}]},
                ],
            },
            status={"parents": [{"conditions": [no, {"type": "Accepted", "status": "True"}]}]},
        ),
        Interner(),
    )
    assert [(one.name, one.weight) for one in row.backends] == [
        ("chat", 0.75),
        ("chat-v2", 0.25),
        ("pool", 1.0),
        ("off", 0.0),
    ]
    assert row.gateways == ("edge/public",)
    assert row.conditions == (Condition("ResolvedRefs", "False", "BackendNotFound", "chat-v2"),)


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [((), 0.0), (("60s",), 60.0), (("1h30m", "500ms", "0s"), 0.5), (("2m", ""), 120.0), (("0s",), 0.0)],
)
def test_an_http_route_ends_requests_after_the_shortest_of_its_limits(limits: tuple[str, ...], seconds: float) -> None:
    rules = [{"timeouts": {"request": limit, "backendRequest": "1s"}} for limit in limits]
    assert project_http_route(raw("HTTPRoute", spec={"rules": rules}), Interner()).timeout == seconds


@pytest.mark.parametrize(
    ("notes", "seconds"),
    [
        ({}, 0.0),
        ({"nginx.ingress.kubernetes.io/proxy-read-timeout": "60"}, 60.0),
        ({"nginx.org/proxy-read-timeout": "90s"}, 90.0),
        ({"haproxy.org/timeout-server": "50s", "nginx.ingress.kubernetes.io/proxy-read-timeout": "40"}, 40.0),
        ({"alb.ingress.kubernetes.io/load-balancer-attributes": "a.b=true,idle_timeout.timeout_seconds=75,c=d"}, 75.0),
        ({"nginx.ingress.kubernetes.io/proxy-read-timeout": "0"}, 0.0),
        ({"nginx.ingress.kubernetes.io/proxy-read-timeout": "soon"}, 0.0),
        ({"nginx.ingress.kubernetes.io/proxy-read-timeout": "9" * 400}, 0.0),
        ({"nginx.ingress.kubernetes.io/proxy-send-timeout": "5"}, 0.0),
    ],
)
def test_an_ingress_declares_how_long_an_answer_may_be_silent(notes: dict[str, str], seconds: float) -> None:
    written = INGRESS | {"metadata": INGRESS["metadata"] | {"annotations": notes}}
    assert project_ingress(written, Interner()).silence == seconds


PUBLIC, NO = (
    {"name": "public", "namespace": "edge"},
    {"type": "Accepted", "status": "False", "reason": "NoMatchingParent"},
)


@pytest.mark.parametrize(
    ("ref", "condition", "counts"),
    [
        (PUBLIC, NO, True),
        (PUBLIC | {"group": "gateway.networking.k8s.io", "kind": "Gateway"}, NO | {"observedGeneration": 3}, True),
        ({"name": "former", "namespace": "edge"}, NO, False),
        (PUBLIC | {"sectionName": "https"}, NO, False),
        (PUBLIC, NO | {"observedGeneration": 2}, False),
        (PUBLIC, NO | {"status": "Unknown", "reason": "Pending"}, False),
    ],
    ids=[
        "said now",
        "spelled out",
        "a Gateway that it left",
        "a listener that it left",
        "of the spec before",
        "not yet",
    ],
)
def test_what_controllers_said_of_an_earlier_route_does_not_count(
    ref: dict[str, Any], condition: dict[str, Any], counts: bool
) -> None:
    route = raw(
        "HTTPRoute", spec={"parentRefs": [PUBLIC]}, status={"parents": [{"parentRef": ref, "conditions": [condition]}]}
    )
    route["metadata"]["generation"] = 3
    assert bool(project_http_route(route, Interner()).conditions) is counts


def test_a_parent_of_another_group_is_no_gateway_of_ours() -> None:
    parents = [{"kind": "Gateway", "group": "networking.istio.io", "name": "mesh"}]
    assert project_http_route(raw("HTTPRoute", spec={"parentRefs": parents}), Interner()).gateways == ()


def test_gateways_pools_and_certificates() -> None:
    listeners = [{"tls": {"certificateRefs": [{"name": "public-tls"}, {"name": "other", "namespace": "edge"}]}}, {}]
    gateway = project_gateway(raw("Gateway", spec={"listeners": listeners}), Interner())
    assert gateway.secrets == ("serving/public-tls", "edge/other")
    for selector in ({"matchLabels": {"app": "chat"}}, {"app": "chat"}):
        assert project_pool(raw("InferencePool", spec={"selector": selector}), Interner()).selector == {"app": "chat"}
    ready = {"type": "Ready", "status": "False", "reason": "Failed", "message": "rate limited"}
    times = {"notBefore": "2026-09-01T00:00:00Z", "notAfter": "2026-11-30T00:00:00Z"}
    certificate = project_certificate(
        raw("Certificate", spec={"secretName": "chat-tls"}, status={"conditions": [ready], **times}), Interner()
    )
    assert (certificate.secret, certificate.message) == ("chat-tls", "rate limited")
    assert certificate.ends is not None
    assert certificate.begins is not None
    assert certificate.ends - certificate.begins == 90 * 86_400
    assert certificate.renews is None


def test_policies_are_for_what_comes_in_unless_they_say_otherwise() -> None:
    expression = {"key": "tier", "operator": "In", "values": ["gpu"]}
    ports = [{"port": 8000}, {"port": "http", "protocol": "TCP"}, {"protocol": "UDP", "port": 53, "endPort": 60}]
    policy = project_network_policy(
        raw(
            "NetworkPolicy",
            spec={"podSelector": {"matchExpressions": [expression]}, "ingress": [{"ports": ports}, {"from": []}]},
        ),
        Interner(),
    )
    assert policy.incoming
    assert policy.requirements == (Requirement("tier", "In", ("gpu",)),)
    assert policy.rules == (
        (AllowedPorts("TCP", "8000"), AllowedPorts("TCP", "http"), AllowedPorts("UDP", "53", 60)),
        (),
    )
    only_out = project_network_policy(raw("NetworkPolicy", spec={"policyTypes": ["Egress"]}), Interner())
    assert not only_out.incoming


def garbage() -> Iterator[Any]:
    for value in (None, 3, "text", [], [None, 3, "x"], {"a": 1}):
        yield {"metadata": {"name": "x"}, "spec": value, "status": value}
        for name in ("rules", "tls", "listeners", "parentRefs", "ingress", "podSelector", "selector", "defaultBackend"):
            yield {"metadata": {"name": "x"}, "spec": {name: value}, "status": {"parents": value, "conditions": value}}
            yield {"metadata": {"name": "x"}, "spec": {name: [{"backendRefs": value, "ports": value, "http": value}]}}


@pytest.mark.parametrize(
    "project",
    [project_ingress, project_http_route, project_gateway, project_pool, project_network_policy, project_certificate],
)
def test_whatever_stands_in_an_object_makes_a_row(project: Any) -> None:
    for one in garbage():
        assert project(one, Interner()).name == "x"


@pytest.mark.parametrize(
    ("addresses", "spec", "guarded"),
    [
        ([{"ip": "203.0.113.7"}], {}, False),
        ([{"hostname": "a1.elb.example.com"}], {}, False),
        ([{"ip": "2001:db8::7"}], {}, False),
        ([{"ip": "192.168.1.240"}, {"ip": "198.51.100.1"}], {}, False),
        ([{"ip": "203.0.113.7"}], {"loadBalancerSourceRanges": ["192.0.2.0/24"]}, True),
        ([{"ip": "192.168.1.240"}], {}, True),
        ([{"ip": "100.101.1.2"}], {}, True),
        ([{"ip": "fd00::7"}], {}, True),
        ([{"ip": "no address"}], {}, True),
        ([], {}, True),
    ],
    ids=["v4", "name", "v6", "both", "some only", "on the premises", "tailnet", "inner v6", "garbage", "pending"],
)
def test_a_load_balancer_is_open_only_with_an_address_outside(
    addresses: list[dict[str, str]], spec: dict[str, Any], guarded: bool
) -> None:
    made = {"type": "LoadBalancer", **spec}
    service = raw("Service", spec=made, status={"loadBalancer": {"ingress": addresses}})
    assert project_service(service, Interner()).guarded is guarded


def test_the_targets_of_a_service_are_its_ports_where_it_names_none() -> None:
    ports = [{"port": 80, "targetPort": "http"}, {"port": 443, "targetPort": 8443}, {"port": 9090}]
    assert project_service(raw("Service", spec={"ports": ports}), Interner()).targets == ("http", "8443", "9090")
