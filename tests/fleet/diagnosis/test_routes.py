"""Routes, policies and certificates in front of engines: reported if the objects decide it, and only then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleet.diagnosis.incidents.evidence import explain
from fleet.model.facts import Dated, Facts
from fleet.model.finding import FindingState
from fleet.model.objects import Condition, Container, Service, Serving
from fleet.model.routes import (
    AllowedPorts,
    Backend,
    Certificate,
    Gateway,
    InferencePool,
    NetworkPolicy,
    Requirement,
    Route,
    Routing,
    Unlisted,
)
from fleet.model.severity import Severity
from fleet.model.shown_certificate import ShownCertificate
from tests.fleet.diagnosis.fleets import CHAT, WELL, Fleet, Q
from tests.fleet.rows import NOW

DAY = 86_400.0
GOOD = Backend("Service", "serving", "chat", "80")
GONE = Backend("Service", "serving", "chat-v2", "80")
SERVICE = Service("serving", "chat", "uid-s", "1", "ClusterIP", {"app": "chat"}, (("http", 80),))
ENGINE = {
    "labels": {"app": "chat"},
    "serving": Serving("vLLM", "vllm", (8000,), key=False),
    "containers": (Container("vllm", "vllm:1", ready=True, ports=(("http", 8000),)),),
}
IDLE = WELL | {Q.RUNNING: 0.0, Q.GENERATION_TOKENS: 0.0, Q.PROMPT_TOKENS: 0.0}


def ingress(*backends: Backend, **more: Any) -> Route:
    return Route("Ingress", "serving", "chat", backends, **more)


def fleet(routing: Routing | None, *, idle: bool = False, services: tuple[Service, ...] = (SERVICE,)) -> Fleet:
    made = Fleet()
    made.of(*made.pods, **ENGINE)
    made.services = list(services)
    if idle:
        made.engines = dict.fromkeys(made.pods, IDLE)
    if routing is not None:
        made.facts = Facts({"routing": Dated(NOW, routing)})
    return made


def told(routing: Routing | None, *, ran: bool = True, **more: Any) -> dict[str, Severity]:
    """Cause → severity of what is found after two minutes; before, requests ran in it or did not."""
    made = fleet(routing, **more)
    if ran:
        before, made.engines = made.engines, dict.fromkeys(made.pods, WELL)
        made.incidents(-15)
        made.engines = before
    found = made.incidents(0, 60, 125)
    assert all(one.state is FindingState.FIRING and one.about == CHAT for one in found), found
    return {one.root.cause: one.severity for one in found}


def test_a_route_that_leads_to_ready_pods_is_nothing_to_speak_of() -> None:
    assert told(Routing((ingress(GOOD),))) == {}
    assert told(None) == {}


@pytest.mark.parametrize(
    "routing",
    [
        Routing((ingress(GOOD, GONE),)),
        Routing((ingress(GOOD._replace(port="8080")),)),
        Routing((ingress(GOOD, Backend("InferencePool", "serving", "pool")),)),
        Routing((Route("HTTPRoute", "serving", "chat", (GOOD,), gateways=("edge/public",)),)),
    ],
    ids=["no Service", "no such port", "no pool", "no Gateway"],
)
def test_one_that_leads_to_nobody_is_told_at_the_workload_that_it_is_for(routing: Routing) -> None:
    assert told(routing) == {"route-leads-nowhere": Severity.WARNING}


@pytest.mark.parametrize(
    "routing",
    [
        Routing((ingress(GOOD, GONE._replace(weight=0.0)),)),
        Routing((ingress(GOOD, Backend("Service", "elsewhere", "grafana")),)),
        Routing((ingress(Backend("Service", "serving", "grafana", "80")),)),
        Routing((ingress(GOOD, Backend("StorageBucket", "serving", "static")),)),
        Routing(
            (ingress(GOOD, Backend("InferencePool", "serving", "pool")),),
            unlisted=(Unlisted("inferencepools.inference.networking.k8s.io", "serving"),),
        ),
        Routing(
            (Route("HTTPRoute", "serving", "chat", (GOOD,), gateways=("edge/public",)),),
            unlisted=(Unlisted("gateways.gateway.networking.k8s.io", "serving"),),
        ),
        Routing(
            (Route("HTTPRoute", "serving", "chat", (Backend("InferencePool", "serving", "pool"),)),),
            pools=(InferencePool("serving", "pool", {"app": "chat"}),),
        ),
    ],
    ids=["weight 0", "elsewhere", "of another", "no Service at all", "pools unlisted", "gateways unlisted", "a pool"],
)
def test_what_cannot_be_decided_or_is_meant_so_is_not_told(routing: Routing) -> None:
    services = (SERVICE, replace(SERVICE, name="grafana", namespace="elsewhere", selector={}))
    assert told(routing, services=services) == {}


def test_where_no_route_leads_to_it_any_more_and_nothing_runs_it_is_critical() -> None:
    assert told(Routing((ingress(GOOD._replace(port="1")),)), idle=True) == {"route-leads-nowhere": Severity.CRITICAL}
    assert told(Routing((ingress(GOOD._replace(port="1")),)), idle=True, ran=False) == {
        "route-leads-nowhere": Severity.WARNING
    }
    both = Routing((ingress(GOOD._replace(port="1")), Route("HTTPRoute", "serving", "other", (GOOD,))))
    assert told(both, idle=True) == {"route-leads-nowhere": Severity.WARNING}


def test_a_service_that_was_deleted_is_told_at_the_workload_that_it_led_to() -> None:
    route = ingress(front := GOOD._replace(name="front"))
    made = fleet(Routing((route,)), services=(replace(SERVICE, name=front.name),))
    assert made.incidents(0) == ()
    made.services = []
    (found,) = (snapshot := made.at(100)).incidents
    assert (found.root.cause, found.about) == ("route-leads-nowhere", CHAT)
    assert found.root.words == "Ingress chat: Service front does not exist"
    evidence = explain(snapshot, found.root)
    assert "Ingress chat → Service front, which does not exist" in evidence.evidence[1].text
    assert {one.cause: one.by for one in evidence.ruled_out} == {
        "service-selects-nothing": "its Services select pods",
        "policy-lets-nobody-in": "not true: no rule of the policies that select its pods allows its port",
    }


def test_a_service_that_selects_nobody_is_one_incident_with_its_route() -> None:
    empty = replace(SERVICE, selector={"app": "chat-v2"})
    assert told(Routing((ingress(GOOD),)), services=(empty,)) == {"service-selects-nothing": Severity.WARNING}


def test_the_word_of_a_controller_is_told_with_its_time() -> None:
    no = Condition("Accepted", "False", "NotAllowedByListeners", "namespace serving may not", since=NOW - 500)
    made = fleet(Routing((Route("HTTPRoute", "serving", "chat", (GOOD,), conditions=(no,)),)))
    (found,) = made.incidents(0)
    assert (found.root.cause, found.since, found.state) == ("route-refused", NOW - 500, FindingState.FIRING)
    assert found.root.told_by == "the condition of the route"
    assert found.root.words == "HTTPRoute chat refused: NotAllowedByListeners"


def policy(*rules: tuple[AllowedPorts, ...], **more: Any) -> Routing:
    return Routing(policies=(NetworkPolicy("serving", "deny", rules=rules, **{"created": NOW - 10, **more}),))


TCP = AllowedPorts("TCP", "8000")


@pytest.mark.parametrize(
    ("routing", "walled"),
    [
        (policy(), True),
        (policy((AllowedPorts("TCP", "9090"),)), True),
        (policy((AllowedPorts("UDP", "8000"),)), True),
        (policy((AllowedPorts("TCP", "metrics"),)), True),
        (policy((TCP,)), False),
        (policy(()), False),
        (policy((AllowedPorts("TCP", "http"),)), False),
        (policy((AllowedPorts("TCP", "7000", 9000),)), False),
        (policy((AllowedPorts("TCP", ""),)), False),
        (policy(labels={"app": "other"}), False),
        (policy(labels={"app": "chat"}), True),
        (policy(requirements=(Requirement("app", "In", ("chat", "x")),)), True),
        (policy(requirements=(Requirement("app", "NotIn", ("chat",)),)), False),
        (policy(requirements=(Requirement("tier", "Exists"),)), False),
        (policy(requirements=(Requirement("tier", "DoesNotExist"),)), True),
        (policy(requirements=(Requirement("app", "Later"),)), False),
        (policy(incoming=False), False),
        (Routing(policies=(*policy().policies, NetworkPolicy("serving", "let", rules=((TCP,),)))), False),
        (Routing(policies=(NetworkPolicy("batch", "deny"),)), False),
        (replace(policy(), unlisted=(Unlisted("networkpolicies.networking.k8s.io", "serving"),)), False),
    ],
)
def test_policies_wall_a_workload_off_where_no_rule_of_any_is_for_its_port(routing: Routing, walled: bool) -> None:
    assert told(routing, idle=True) == ({"policy-lets-nobody-in": Severity.CRITICAL} if walled else {})


def test_one_that_nobody_asked_before_may_be_walled_off_on_purpose() -> None:
    assert told(policy(), idle=True, ran=False) == {"policy-lets-nobody-in": Severity.WARNING}


def test_where_requests_run_the_network_does_not_keep_to_policies() -> None:
    assert told(policy()) == {}


def test_an_old_policy_is_no_news_of_requests_that_ran_under_it() -> None:
    assert told(policy(created=NOW - DAY), idle=True) == {"policy-lets-nobody-in": Severity.WARNING}


def walled(*parts: tuple[float, dict[Q, float]]) -> list[str]:
    """The causes that fire in the end, after these seconds with these numbers of the engines, under an old policy."""
    made = fleet(policy(created=NOW - DAY))
    for at, numbers in parts:
        made.engines = dict.fromkeys(made.pods, numbers)
        found = made.incidents(at)
    return [one.root.cause for one in found if one.state is FindingState.FIRING]


def test_requests_that_begin_under_policies_prove_that_others_let_them_in() -> None:
    lines = ["policy-lets-nobody-in"]
    assert walled((0, IDLE), (70, IDLE), (140, IDLE)) == lines
    assert walled((0, IDLE), (30, WELL), (60, IDLE), (130, IDLE), (2000, IDLE)) == []
    assert walled((0, WELL), (60, IDLE), (130, IDLE)) == lines, "those were accepted before the console looked"
    assert walled((0, WELL), (1700, WELL), (2000, WELL), (2060, IDLE), (2200, IDLE)) == []


def test_what_requests_have_passed_is_a_wall_again_once_it_is_another() -> None:
    made = fleet(policy(created=NOW - DAY), idle=True)
    for at, numbers in ((0, IDLE), (30, WELL), (60, IDLE)):
        made.engines = dict.fromkeys(made.pods, numbers)
        found = made.incidents(at)
    assert found == ()
    two = (*policy(created=NOW - DAY).policies, NetworkPolicy("serving", "more", created=NOW + 70))
    made.facts = Facts({"routing": Dated(NOW, Routing(policies=two))})
    (one,) = made.incidents(80, 200)
    assert (one.root.cause, one.severity) == ("policy-lets-nobody-in", Severity.CRITICAL)


@pytest.mark.parametrize("port", ["8443", "login", "15008"], ids=["a proxy beside it", "by its name", "ambient mesh"])
def test_a_policy_for_what_passes_requests_on_is_no_wall(port: str) -> None:
    proxy = Container("oauth-proxy", "oauth-proxy:4", ready=True, ports=(("login", 8443),))
    made = fleet(policy((AllowedPorts("TCP", port),)), idle=True)
    made.of(*made.pods, **(ENGINE | {"containers": (Container("vllm", "vllm:1", ready=True), proxy)}))
    assert made.incidents(0, 120) == ()


def test_of_pods_whose_port_is_not_known_nothing_is_said() -> None:
    made = fleet(policy(), idle=True)
    made.of(*made.pods, **(ENGINE | {"serving": Serving("vLLM", "other")}))
    assert made.incidents(0, 120) == ()


def certified(left: float, lifetime: float | None = 90 * DAY, *, by_gateway: bool = False, **more: Any) -> Routing:
    ends = NOW + left
    begins = None if lifetime is None else ends - lifetime
    certificate = Certificate("serving", "chat", "chat-tls", begins, ends, **more)
    if not by_gateway:
        return Routing((ingress(GOOD, secrets=("serving/chat-tls",)),), certificates=(certificate,))
    route = Route("HTTPRoute", "serving", "chat", (GOOD,), gateways=("serving/public",))
    gateway = Gateway("serving", "public", ("serving/chat-tls",))
    return Routing((route,), (gateway,), certificates=(certificate,))


@pytest.mark.parametrize("by_gateway", [False, True])
@pytest.mark.parametrize(
    ("left", "lifetime", "expected"),
    [
        (40 * DAY, 90 * DAY, {}),
        (22 * DAY, 90 * DAY, {}),
        (20 * DAY, 90 * DAY, {"certificate-expires": Severity.WARNING}),
        (3600.0, 90 * DAY, {"certificate-expires": Severity.WARNING}),
        (-3600.0, 90 * DAY, {"certificate-expired": Severity.CRITICAL}),
        (8 * 3600.0, DAY, {}),
        (5 * 3600.0, DAY, {"certificate-expires": Severity.WARNING}),
        (20 * DAY, None, {"certificate-expires": Severity.WARNING}),
        (30 * DAY, None, {}),
    ],
)
def test_a_certificate_is_told_by_its_lifetime_and_red_once_it_has_expired(
    left: float, lifetime: float | None, expected: dict[str, Severity], by_gateway: bool
) -> None:
    routing = certified(left, lifetime, by_gateway=by_gateway)
    found = fleet(routing).incidents(0, 700)
    assert {one.root.cause: one.severity for one in found} == expected


@pytest.mark.parametrize(
    ("left", "renews", "lifetime", "expected"),
    [
        (20 * DAY, 5 * DAY, 90 * DAY, False),
        (15 * DAY, -600.0, 90 * DAY, False),
        (14 * DAY, -DAY, 90 * DAY, True),
        (20 * DAY, -10 * DAY, 90 * DAY, True),
        (2 * 3600.0, 3600.0, DAY, False),
        (300.0, -900.0, 3600.0, True),
    ],
    ids=[
        "renewBefore: 360h",
        "just due",
        "a day overdue",
        "ten days overdue",
        "renewBefore: 1h",
        "of an hour, overdue",
    ],
)
def test_a_certificate_is_not_told_before_it_is_due_for_renewal(
    left: float, renews: float, lifetime: float, expected: bool
) -> None:
    found = fleet(certified(left, lifetime, renews=NOW + renews)).incidents(0, 70)
    assert [one.root.cause for one in found] == (["certificate-expires"] if expected else [])


def test_why_it_is_not_renewed_is_told_in_the_words_of_cert_manager() -> None:
    made = fleet(certified(-7200.0, message="acme: rate limited"))
    (found,) = (snapshot := made.at(0)).incidents
    assert (found.since, found.root.told_by) == (NOW - 7200, "its notAfter")
    assert "acme: rate limited" in explain(snapshot, found.root).evidence[0].text


def test_one_of_a_route_that_leads_to_no_model_is_none_of_ours() -> None:
    routing = certified(-3600.0)
    elsewhere = replace(routing.routes[0], backends=(Backend("Service", "serving", "grafana"),))
    assert told(replace(routing, routes=(elsewhere,))) == {}


@pytest.mark.parametrize(
    ("service", "key", "expected"),
    [
        ({"type": "LoadBalancer"}, False, {"engine-open-to-all": Severity.WARNING}),
        ({"type": "LoadBalancer"}, True, {}),
        ({"type": "LoadBalancer"}, None, {}),
        ({"type": "LoadBalancer", "guarded": True}, False, {}),
        ({"type": "ClusterIP"}, False, {}),
    ],
)
def test_a_load_balancer_before_engines_without_a_key_is_told(
    service: dict[str, Any], key: bool | None, expected: dict[str, Severity]
) -> None:
    made = fleet(Routing(), services=(replace(SERVICE, **service),))
    made.of(*made.pods, **(ENGINE | {"serving": Serving("vLLM", "vllm", (8000,), key=key)}))
    assert {one.root.cause: one.severity for one in made.incidents(0, 120)} == expected


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (("8443",), False),
        (("login",), False),
        (("8443", "8000"), True),
        (("http",), True),
        (("9999",), True),
        ((), True),
    ],
)
def test_a_load_balancer_before_a_proxy_of_the_pod_is_no_open_door(targets: tuple[str, ...], expected: bool) -> None:
    proxy = Container("oauth-proxy", "oauth-proxy:4", ready=True, ports=(("login", 8443),))
    made = fleet(Routing(), services=(replace(SERVICE, type="LoadBalancer", targets=targets),))
    made.of(
        *made.pods, **(ENGINE | {"containers": (Container("vllm", "v", ready=True, ports=(("http", 8000),)), proxy)})
    )
    assert bool(made.incidents(0, 120)) is expected


def test_the_way_is_joined_again_only_where_something_of_it_is_another() -> None:
    made = fleet(Routing((ingress(GOOD),)))
    first = made.at(0).exposure
    assert first[CHAT].routes == ("Ingress chat",)
    assert made.at(30).exposure is first
    made.facts = Facts()
    assert made.at(40).exposure == {}


@pytest.mark.parametrize(
    ("left", "lifetime", "expected"),
    [(30 * DAY, 365 * DAY, False), (20 * DAY, 365 * DAY, True), (-60.0, 365 * DAY, True), (8 * 3600.0, DAY, False)],
)
def test_a_certificate_between_the_console_and_a_source_is_told_before_it_ends(
    left: float, lifetime: float, expected: bool
) -> None:
    made = fleet(None)
    shown = (ShownCertificate("server", NOW + left - lifetime, NOW + left), ShownCertificate("client", NOW, NOW + 9e9))
    made.sources = [replace(made.sources[0], certificates=shown)]
    found = made.incidents(0, 90)
    assert [(one.root.cause, one.root.key) for one in found] == (
        [("source-certificate-expires", "kubernetes")] if expected else []
    )
    if expected:
        assert found[0].root.told_by == "its dates"
        assert found[0].root.words.startswith("kubernetes: server certificate: ")
