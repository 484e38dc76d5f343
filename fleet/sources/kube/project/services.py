"""Raw Service (v1) → row."""

from __future__ import annotations

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
        guarded=_is_guarded(mapping(metadata, "annotations"), spec),
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


def _is_guarded(annotations: Raw, spec: Raw) -> bool:
    inner = any(text(annotations, name).lower() == value for name, value in _INNER.items())
    return inner or bool(spec.get("loadBalancerSourceRanges"))
