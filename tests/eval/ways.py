"""Ingress, HTTPRoute, NetworkPolicy and Certificate as people and their controllers write them."""

from __future__ import annotations

from typing import Any

from tests.eval import pods
from tests.eval.case import Case, Top

Raw = dict[str, Any]
DAY = 86_400.0


def behind(case: Case) -> tuple[Top, Raw]:
    """A workload, and the Service that has its name."""
    named = {raw["metadata"]["name"] for raw in case.raws("Service")}
    tops = [top for top in case.tops() if top.name in named and top.name not in case.taken and not _owner(case, top)]
    top = case.claim(case.random.choice(sorted(tops, key=lambda one: one.key)))
    return top, case.raw("Service", top.namespace, top.name)


def _owner(case: Case, top: Top) -> object:
    """Return the owners of a workload; none for one that is the top itself."""
    return case.raw(*top)["metadata"].get("ownerReferences")


def port_of(service: Raw) -> int:
    """The port of a Service."""
    return int(service["spec"]["ports"][0]["port"])


def ingress(top: Top, *backends: tuple[str, int], secret: str = "") -> Raw:
    """An Ingress to these Services, one path each."""
    paths = [
        {"path": f"/{at}", "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"number": port}}}}
        for at, (name, port) in enumerate(backends)
    ]
    spec: Raw = {"rules": [{"host": "models.example.com", "http": {"paths": paths}}]}
    spec |= {"tls": [{"hosts": ["models.example.com"], "secretName": secret}]} if secret else {}
    return _made("Ingress", top, f"{top.name}-web", spec=spec)


def http_route(top: Top, *backends: tuple[str, int, int]) -> Raw:
    """An HTTPRoute to these Services, with their ports and weights."""
    refs = [{"name": name, "port": port, "weight": weight} for name, port, weight in backends]
    return _made("HTTPRoute", top, f"{top.name}-route", spec={"rules": [{"backendRefs": refs}]}, status={"parents": []})


def policy(top: Top, labels: Raw, *rules: Raw) -> Raw:
    """A NetworkPolicy for pods of these labels."""
    spec = {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress"], "ingress": list(rules)}
    return _made("NetworkPolicy", top, f"{top.name}-in", spec=spec)


def certificate(top: Top, secret: str, begins: float, ends: float, message: str = "") -> Raw:
    """A Certificate of cert-manager."""
    made = _made("Certificate", top, secret, spec={"secretName": secret})
    made["status"] = {"notBefore": pods.stamp(begins), "notAfter": pods.stamp(ends)}
    pods.condition(made, "Ready", "False" if message else "True", begins, "Issuing" if message else "Ready", message)
    return made


def _made(kind: str, top: Top, name: str, **parts: Any) -> Raw:
    meta = {"name": name, "namespace": top.namespace, "uid": f"uid-{kind}-{name}", "resourceVersion": "1"}
    return {"kind": kind, "metadata": meta, **parts}
