"""The way to engines that are well: policies, certificates, doors."""

from __future__ import annotations

from functools import partial
from typing import Any

from fleet.model.quantity import Quantity
from tests.eval import ways
from tests.eval.case import Case
from tests.eval.plots import NO_TOKENS, freeze, keys
from tests.eval.registry import NUMBERS, kind

Q = Quantity
calm = partial(kind, calm=True)


@kind("policy-lets-nobody-in", "a NetworkPolicy that lets nobody in is applied to a model's pods", needs=(NUMBERS,))
def walled(case: Case) -> None:
    top, service = ways.behind(case)
    labels = service["spec"]["selector"]
    case.at(0, lambda _: case.put(ways.policy(top, labels)))
    for name in case.pods(top):
        freeze(case, f"{top.namespace}/{name}", NO_TOKENS | {Q.RUNNING: 0.0, Q.WAITING: 0.0, Q.KV_USAGE: 0.0})
    case.fault(
        ("policy-lets-nobody-in",),
        *keys(top),
        says="nobody|policy",
        evidence=("port",),
        actions=("describe", "past"),
    )


@kind("certificate-expired", "the certificate of an Ingress expires", needs=(NUMBERS,))
def expired(case: Case) -> None:
    top, service = ways.behind(case)
    case.at(-85, lambda _: case.put(ways.ingress(top, (top.name, ways.port_of(service)), secret="web-tls")))
    begins = case.onset - 90 * ways.DAY
    case.at(-85, lambda _: case.put(ways.certificate(top, "web-tls", begins, case.onset, "issuer not found")))
    case.not_asked("certificate-expires")
    case.fault(
        ("certificate-expired",),
        *keys(top),
        says="expired",
        evidence=("expired",),
        actions=("past", "describe"),
    )


@kind(
    "engine-open-to-all",
    "somebody makes the Service of an engine a load balancer; it asks for no key",
    needs=(NUMBERS,),
)
def open_to_all(case: Case) -> None:
    top, service = ways.behind(case)
    web = ways.ingress(top, (top.name, ways.port_of(service)))
    case.at(-85, lambda _: case.put(web))

    def balanced(raw: dict[str, Any], _: float) -> None:
        raw["spec"]["type"] = "LoadBalancer"
        raw["status"] = {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}

    case.edit(0, ("Service", top.namespace, top.name), balanced)
    case.fault(
        ("engine-open-to-all",),
        *keys(top),
        says="key",
        evidence=("LoadBalancer",),
        actions=("describe",),
    )


@calm(
    "certificate-of-a-day", "a certificate lives for a day, and is renewed when eight hours are left", needs=(NUMBERS,)
)
def of_a_day(case: Case) -> None:
    top, service = ways.behind(case)
    case.at(-85, lambda _: case.put(ways.ingress(top, (top.name, ways.port_of(service)), secret="web-tls")))
    ends = case.onset + ways.DAY / 3
    case.at(-85, lambda _: case.put(ways.certificate(top, "web-tls", ends - ways.DAY, ends)))
    case.at(60, lambda now: case.put(ways.certificate(top, "web-tls", now, now + ways.DAY)))
