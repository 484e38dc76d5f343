"""Raw Service (v1) → row."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from fleet.json_fields import Raw, integer, mapping, mappings, text
from fleet.model.objects import Service
from fleet.sources.kube.interner import Interner


def project_service(raw: Raw, interner: Interner) -> Service:
    """The row of a service."""
    metadata, spec = mapping(raw, "metadata"), mapping(raw, "spec")
    share = interner.share
    return Service(
        namespace=share(text(metadata, "namespace")),
        name=text(metadata, "name"),
        uid=text(metadata, "uid"),
        resource_version=text(metadata, "resourceVersion"),
        type=share(text(spec, "type") or "ClusterIP"),
        selector=interner.strings(spec.get("selector")),
        ports=tuple((share(text(port, "name")), integer(port, "port")) for port in mappings(spec, "ports")),
        labels=interner.strings(metadata.get("labels")),
        guarded=_is_guarded(mapping(metadata, "annotations"), spec, mapping(raw, "status")),
        targets=tuple(share(_target(port)) for port in mappings(spec, "ports")),
    )


_INNER = {
    "networking.gke.io/load-balancer-type": "internal",
    "cloud.google.com/load-balancer-type": "internal",
    "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
    "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
    "service.beta.kubernetes.io/azure-load-balancer-internal": "true",
    "service.beta.kubernetes.io/openstack-internal-load-balancer": "true",
    "service.beta.kubernetes.io/oci-load-balancer-internal": "true",
}
"""Annotations of cloud providers that make a load balancer one of an inner network (their controllers' documents)."""


_INNER_NETWORKS = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"))
) + tuple(map(ip_network, ("fc00::/7", "fe80::/10", "::1/128")))
"""Networks that are not routed from outside (RFC 1918, 3927, 4193, 4291, 6598)."""


def _is_guarded(annotations: Raw, spec: Raw, status: Raw) -> bool:
    inner = any(text(annotations, name).lower() == value for name, value in _INNER.items())
    return inner or bool(spec.get("loadBalancerSourceRanges")) or not _is_reached_from_outside(status)


def _is_reached_from_outside(status: Raw) -> bool:
    """True if a load balancer has an address that may be outside of inner networks; a host name may be."""
    addresses = mappings(mapping(status, "loadBalancer"), "ingress")
    return any(text(one, "hostname") or not _is_inner(text(one, "ip")) for one in addresses)


def _is_inner(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return True
    return any(found in network for network in _INNER_NETWORKS if network.version == found.version)


def _target(port: Raw) -> str:
    target = port.get("targetPort")
    return str(target) if isinstance(target, int | str) and target else str(integer(port, "port"))
