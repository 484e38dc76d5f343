"""Raw Service (v1) and EndpointSlice (discovery.k8s.io/v1) → rows."""

from __future__ import annotations

from fleet.model.objects import Endpoint, EndpointSlice, Service
from fleet.sources.kube.project.fields import Interner, Raw, integer, mapping, mappings, text, texts

_SERVICE_LABEL = "kubernetes.io/service-name"


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
    )


def project_endpoint_slice(raw: Raw, interner: Interner) -> EndpointSlice:
    """The row of an endpoint slice. A condition that is left out counts as the API says: ready, serving, not ending."""
    metadata = mapping(raw, "metadata")
    endpoints = []
    for endpoint in mappings(raw, "endpoints"):
        state = mapping(endpoint, "conditions")
        target = mapping(endpoint, "targetRef")
        ready = state.get("ready") is not False
        endpoints.append(
            Endpoint(
                address=next(iter(texts(endpoint, "addresses")), ""),
                pod=text(target, "name") if text(target, "kind") == "Pod" else "",
                ready=ready,
                serving=state.get("serving", ready) is not False,
                terminating=state.get("terminating") is True,
            )
        )
    return EndpointSlice(
        namespace=interner.share(text(metadata, "namespace")),
        name=text(metadata, "name"),
        uid=text(metadata, "uid"),
        resource_version=text(metadata, "resourceVersion"),
        service=interner.share(text(mapping(metadata, "labels"), _SERVICE_LABEL)),
        endpoints=tuple(endpoints),
    )
