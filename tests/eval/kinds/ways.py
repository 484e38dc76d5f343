"""Incidents of the route to healthy engines: routes, certificates, revisions; and harmless lookalikes."""

from __future__ import annotations

from functools import partial
from typing import Any

from fleet.model.quantity import Quantity
from tests.eval import pods, ways
from tests.eval.case import Case
from tests.eval.plots import NO_TOKENS, freeze, keys
from tests.eval.registry import NUMBERS, kind

Q = Quantity
calm = partial(kind, calm=True)


@kind("route-to-nowhere", "an Ingress names a Service that somebody has deleted")
def nowhere(case: Case) -> None:
    top, service = ways.behind(case)
    beside, port = f"{top.name}-old", ways.port_of(service)
    second = pods.copied(service)
    second["metadata"] |= {"name": beside, "uid": f"uid-{beside}"}
    case.at(-85, lambda _: case.put(second))
    case.at(-85, lambda _: case.put(ways.ingress(top, (top.name, port), (beside, port))))
    case.at(0, lambda _: case.remove("Service", top.namespace, beside))
    case.fault(
        ("route-leads-nowhere",),
        *keys(top),
        says="nobody|nowhere",
        evidence=("does not exist",),
        actions=("describe", "past"),
    )


@kind("route-port-wrong", "somebody writes a port into a route that its Service does not have")
def wrong_port(case: Case) -> None:
    top, service = ways.behind(case)
    port = ways.port_of(service)
    case.at(-85, lambda _: case.put(ways.http_route(top, (top.name, port, 1))))
    case.at(0, lambda _: case.put(ways.http_route(top, (top.name, port + 80, 1))))
    for name in case.pods(top):
        freeze(case, f"{top.namespace}/{name}", NO_TOKENS | {Q.RUNNING: 0.0, Q.WAITING: 0.0, Q.KV_USAGE: 0.0})
    case.fault(
        ("route-leads-nowhere",),
        *keys(top),
        says="nobody|nowhere",
        evidence=("port",),
        actions=("describe", "past"),
    )


@kind("gateway-refuses-route", "a Gateway does not let the namespace of a route in any more")
def refused(case: Case) -> None:
    top, service = ways.behind(case)
    route = ways.http_route(top, (top.name, ways.port_of(service), 1))
    case.at(-85, lambda _: case.put(route))

    def no(raw: dict[str, Any], now: float) -> None:
        texts = {"type": "Accepted", "status": "False", "reason": "NotAllowedByListeners"}
        texts |= {"message": "namespace is not allowed", "lastTransitionTime": pods.stamp(now)}
        raw["status"]["parents"] = [{"conditions": [texts]}]

    case.edit(0, ("HTTPRoute", top.namespace, route["metadata"]["name"]), no)
    case.fault(
        ("route-refused",),
        *keys(top),
        says="does not take|refuse",
        evidence=("NotAllowedByListeners",),
        actions=("describe", "past"),
    )


@kind(
    "certificate-not-renewed",
    "a certificate of 90 days has 20 left, and cert-manager cannot renew it",
    needs=(NUMBERS,),
)
def not_renewed(case: Case) -> None:
    top, service = ways.behind(case)
    case.at(-85, lambda _: case.put(ways.ingress(top, (top.name, ways.port_of(service)), secret="web-tls")))
    ends = case.onset + 21 * ways.DAY
    text = "acme: order failed: rate limited"
    case.at(-85, lambda _: case.put(ways.certificate(top, "web-tls", ends - 90 * ways.DAY, ends, text)))
    case.fault(
        ("certificate-expires",),
        *keys(top),
        says="certificate",
        evidence=("rate limited", "left"),
        actions=("past", "describe"),
    )


@kind("image-tag-moved", "a tag was moved: the pod that is made next runs another image")
def tag_moved(case: Case) -> None:
    top = case.workload()
    name = case.pod(top)

    def other(raw: dict[str, Any], now: float) -> None:
        # It has loaded for nearly half an hour: for as long it may be a rollout of somebody's own making.
        raw["metadata"]["creationTimestamp"] = pods.stamp(now - 1700)
        for status in raw["status"]["containerStatuses"]:
            status["imageID"] = "docker.io/vllm/vllm-openai@sha256:" + "5" * 64
        pods.starting(raw, now - 1700)

    case.edit_pod(-85, top, name, other)
    case.edit_pod(0, top, name, pods.ready)
    case.not_asked("loading-takes-long", "replicas-missing")
    case.fault(
        ("image-differs",),
        *keys(top, name),
        says="different images",
        evidence=("is .* and",),
        actions=("describe", "restart"),
    )


@calm("route-with-weight-zero", "a canary gets no requests, and its Service is gone")
def no_weight(case: Case) -> None:
    top, service = ways.behind(case)
    port = ways.port_of(service)
    case.at(-85, lambda _: case.put(ways.http_route(top, (top.name, port, 100), (f"{top.name}-canary", port, 0))))


@calm(
    "policy-for-one-port",
    "one policy is for the port of the metrics, another lets the gateway in where it serves",
)
def one_port(case: Case) -> None:
    top, service = ways.behind(case)
    labels = service["spec"]["selector"]
    metrics = ways.policy(top, labels, {"ports": [{"port": 9090}]})
    gateway = ways.policy(
        top, labels, {"from": [{"podSelector": {"matchLabels": {"app": "gateway"}}}], "ports": [{"port": 8000}]}
    )
    gateway["metadata"] |= {"name": f"{top.name}-gateway", "uid": "uid-gateway-policy"}
    case.at(0, lambda _: case.put(metrics))
    case.at(0, lambda _: case.put(gateway))
