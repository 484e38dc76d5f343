"""Raw Ingress, HTTPRoute, Gateway, InferencePool, NetworkPolicy and Certificate → rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

from fleet.json_fields import Raw, integer, mapping, mappings, moment, text, texts
from fleet.model.objects import Condition
from fleet.model.routes import (
    SERVICE,
    AllowedPorts,
    Backend,
    Certificate,
    Gateway,
    InferencePool,
    NetworkPolicy,
    Requirement,
    Route,
)
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.common_fields import conditions

T = TypeVar("T")

_MOST = 256
"""Backends of one route that are kept, and certificates: more than any has that people write."""
_FAILS = frozenset({"Accepted", "ResolvedRefs", "Programmed"})
"""Conditions that say by False that requests do not arrive."""
_PARTS = re.compile(r"(\d+)(ms|h|m|s)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_GATEWAYS = "gateway.networking.k8s.io"
_SECONDS = re.compile(r"(?:^|idle_timeout\.timeout_seconds=)\s{0,9}(\d{1,7})s?\s{0,9}(?:$|,)")
_SILENCES = (
    "nginx.ingress.kubernetes.io/proxy-read-timeout",
    "nginx.org/proxy-read-timeout",
    "haproxy.org/timeout-server",
    "haproxy-ingress.github.io/timeout-server",
    "alb.ingress.kubernetes.io/load-balancer-attributes",
)
"""Annotations with which controllers of Ingress are told how long an answer may be silent, in seconds."""


def project_ingress(raw: Raw, interner: Interner) -> Route:
    """The row of an Ingress."""
    spec, place = mapping(raw, "spec"), _place(raw, interner)
    paths = (path for rule in mappings(spec, "rules") for path in mappings(mapping(rule, "http"), "paths"))
    named = [mapping(spec, "defaultBackend"), *(mapping(path, "backend") for path in paths)]
    services = (mapping(one, "service") for one in named)
    backends = (
        Backend(SERVICE, place[0], text(one, "name"), _port(mapping(one, "port")))
        for one in services
        if text(one, "name")
    )
    secrets = (text(one, "secretName") for one in mappings(spec, "tls"))
    named_secrets = _few(f"{place[0]}/{name}" for name in secrets if name)
    return Route("Ingress", *place, _few(backends), named_secrets, silence=_silence(raw))


def _silence(raw: Raw) -> float:
    """Return the shortest silence that its annotations declare; 0 for none, and for what is no number of seconds."""
    notes = mapping(mapping(raw, "metadata"), "annotations")
    found = (_SECONDS.search(text(notes, name)) for name in _SILENCES)
    return min((float(one[1]) for one in found if one is not None and int(one[1])), default=0.0)


def project_http_route(raw: Raw, interner: Interner) -> Route:
    """The row of an HTTPRoute."""
    spec, place = mapping(raw, "spec"), _place(raw, interner)
    refs = mappings(spec, "parentRefs")
    parents = [one for one in refs if _parent(one, place[0])[:2] == (_GATEWAYS, "Gateway")]
    gateways = (f"{text(one, 'namespace') or place[0]}/{text(one, 'name')}" for one in parents)
    backends = (one for rule in mappings(spec, "rules") for one in _weighed(mappings(rule, "backendRefs"), place[0]))
    asked, written = {_parent(one, place[0]) for one in refs}, integer(mapping(raw, "metadata"), "generation")
    # The status keeps entries for former parents, also from controllers that no longer exist.
    answers = (
        one
        for one in mappings(mapping(raw, "status"), "parents")
        if not (ref := mapping(one, "parentRef")) or _parent(ref, place[0]) in asked
    )
    failing = (one for answer in answers for one in _failing(conditions(_up_to_date(answer, written), interner)))
    limits = (_seconds(text(mapping(rule, "timeouts"), "request")) for rule in mappings(spec, "rules"))
    shortest = min((one for one in limits if one), default=0.0)
    return Route("HTTPRoute", *place, _few(backends), (), _few(gateways), _few(failing), shortest)


def _seconds(duration: str) -> float:
    """A duration of the Gateway API (GEP-2257: ``1h30m``, ``500ms``) in seconds; 0 for none, which is no limit."""
    parts: list[tuple[str, str]] = _PARTS.findall(duration)
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def _parent(ref: Raw, namespace: str) -> tuple[str, str, str, str, str, str]:
    """Group, kind, namespace, name, listener and port of a parentRef, with its defaults."""
    return (
        text(ref, "group") or _GATEWAYS,
        text(ref, "kind") or "Gateway",
        text(ref, "namespace") or namespace,
        text(ref, "name"),
        text(ref, "sectionName"),
        str(ref.get("port") or ""),
    )


def _up_to_date(status: Raw, generation: int) -> Raw:
    """A status without the conditions that are of an earlier spec: their controller has not looked at this one yet."""
    found = mappings(status, "conditions")
    return {"conditions": [one for one in found if integer(one, "observedGeneration", generation) >= generation]}


def _weighed(refs: list[Raw], namespace: str) -> Iterator[Backend]:
    """Yield the backends of a rule with the share of its requests that each gets."""
    weights = [one.get("weight", 1) for one in refs]
    known = [float(one) if isinstance(one, int | float) and one > 0 else 0.0 for one in weights]
    every = sum(known)
    for one, weight in zip(refs, known, strict=True):
        port = one.get("port")
        yield Backend(
            text(one, "kind") or SERVICE,
            text(one, "namespace") or namespace,
            text(one, "name"),
            str(port) if isinstance(port, int) else "",
            weight / every if every else 0.0,
        )


def project_gateway(raw: Raw, interner: Interner) -> Gateway:
    """The row of a Gateway."""
    spec, place = mapping(raw, "spec"), _place(raw, interner)
    refs = (one for each in mappings(spec, "listeners") for one in mappings(mapping(each, "tls"), "certificateRefs"))
    secrets = (
        f"{text(one, 'namespace') or place[0]}/{text(one, 'name')}"
        for one in refs
        if (text(one, "kind") or "Secret") == "Secret"
    )
    failing = _failing(conditions(mapping(raw, "status"), interner))
    return Gateway(*place, _few(secrets), _few(failing))


def project_pool(raw: Raw, interner: Interner) -> InferencePool:
    """The row of an InferencePool: of v1, and of the alpha before it, whose selector is the labels themselves."""
    selector = mapping(mapping(raw, "spec"), "selector")
    return InferencePool(*_place(raw, interner), interner.strings(selector.get("matchLabels", dict(selector))))


def project_network_policy(raw: Raw, interner: Interner) -> NetworkPolicy:
    """The row of a NetworkPolicy."""
    spec = mapping(raw, "spec")
    # Without policyTypes it applies to ingress.
    incoming = "Ingress" in (texts(spec, "policyTypes") or ["Ingress"])
    selector = mapping(spec, "podSelector")
    requirements = (
        Requirement(text(one, "key"), text(one, "operator"), tuple(texts(one, "values")))
        for one in mappings(selector, "matchExpressions")
    )
    rules = (tuple(map(_allowed, mappings(rule, "ports"))) for rule in mappings(spec, "ingress"))
    labels = interner.strings(selector.get("matchLabels"))
    created = moment(mapping(raw, "metadata"), "creationTimestamp") or 0.0
    return NetworkPolicy(*_place(raw, interner), labels, tuple(requirements), incoming, tuple(rules), created)


def _allowed(port: Raw) -> AllowedPorts:
    first, last = port.get("port"), port.get("endPort")
    named = str(first) if isinstance(first, int | str) else ""
    return AllowedPorts(text(port, "protocol") or "TCP", named, last if isinstance(last, int) else 0)


def project_certificate(raw: Raw, interner: Interner) -> Certificate:
    """The row of a Certificate of cert-manager: what its status says, and nothing of the Secret."""
    spec, status = mapping(raw, "spec"), mapping(raw, "status")
    ready = next((one for one in conditions(status, interner) if one.type == "Ready"), None)
    return Certificate(
        *_place(raw, interner),
        text(spec, "secretName"),
        moment(status, "notBefore"),
        moment(status, "notAfter"),
        moment(status, "renewalTime"),
        (ready.message or ready.reason) if ready is not None and ready.status == "False" else "",
        ready.since if ready is not None and ready.status == "False" else None,
    )


def _place(raw: Raw, interner: Interner) -> tuple[str, str]:
    metadata = mapping(raw, "metadata")
    return interner.share(text(metadata, "namespace")), text(metadata, "name")


def _port(port: Raw) -> str:
    number = port.get("number")
    return str(number) if isinstance(number, int) else text(port, "name")


def _failing(found: Iterable[Condition]) -> Iterator[Condition]:
    return (one for one in found if one.type in _FAILS and one.status == "False")


def _few(found: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(found))[:_MOST]
